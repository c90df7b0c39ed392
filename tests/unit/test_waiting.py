"""Many events that wait: what it costs to take them up again grows with their number, not with its square."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from aggregates.store.transaction import ParkedRow
from tests.events import Event, Sender, message
from tests.examples import BANK, SHOP
from tests.worker import DirectWorker, direct_worker

MANY = 30
HOUR = 3_600_000


@pytest.fixture
def worker(tmp_path: Path) -> DirectWorker:
    return direct_worker(tmp_path / "store.db")


@pytest.fixture
def read(worker: DirectWorker, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often the store was asked for what waits, and how many events it gave."""
    found: Counter[str] = Counter()
    ask = worker.store.parked

    def asked(*arguments: Any, **named: Any) -> Sequence[ParkedRow]:
        rows = ask(*arguments, **named)
        found.update(questions=1, events=len(rows))
        return rows

    monkeypatch.setattr(worker.store, "parked", asked)
    return found


def send(worker: DirectWorker, *events: Event) -> None:
    worker.send([(m.topic, m.key.decode(), m.value) for m in map(message, events)])


def test_what_waits_for_one_loan_is_read_once_when_it_comes(worker: DirectWorker, read: Counter[str]) -> None:
    bank = Sender(BANK)
    send(worker, bank.registered())
    send(worker, *(bank.repaid("A", "2023-12-11", 1) for _ in range(MANY)))
    send(worker, bank.issued("A", SHOP, "2023-12-10", 100_00))
    assert worker.store.parked() == []
    assert read["events"] == MANY


def test_what_was_passed_over_is_tried_before_what_came_later(worker: DirectWorker) -> None:
    """The reversal waits for its repayment, which waits for the loan; the last repayment needs what both leave."""
    bank = Sender(BANK)
    first, last = bank.repaid("A", "2023-12-11", 100_00), bank.repaid("A", "2023-12-12", 100_00)
    send(worker, bank.registered())
    send(worker, bank.reversed(first), first, last)
    assert len(worker.store.parked(BANK)) == 3
    send(worker, bank.issued("A", SHOP, "2023-12-10", 100_00))
    loan = worker.intake.book(BANK).loan("A")
    assert (worker.store.parked(BANK), worker.store.refused(BANK)) == ([], [])
    assert loan is not None
    assert loan.balance == 0


def test_what_has_waited_too_long_is_read_alone_and_at_once(worker: DirectWorker, read: Counter[str]) -> None:
    bank = Sender(BANK)
    send(worker, bank.registered())
    send(worker, *(bank.repaid(f"A{number}", "2023-12-11", 1) for number in range(MANY)))
    worker.clock += HOUR
    send(worker, *(bank.repaid(f"B{number}", "2023-12-11", 1) for number in range(MANY)))
    worker.intake.expire((worker.clock + 71 * HOUR + 1) * 1000)
    assert (read["questions"], read["events"]) == (1, MANY)
    assert {row.wait[:6] for row in worker.store.parked()} == {"loan:B"}
    assert worker.intake.book(BANK).deadline == min(row.until for row in worker.store.parked())
