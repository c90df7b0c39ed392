"""Many events that wait: what it costs to take them up again grows with their number, not with its square."""

import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from aggregates import loan as loans
from aggregates.outcomes import wait_loan
from aggregates.store.transaction import ParkedRow, Transaction
from streams import parking
from streams.parking import PATIENCE
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


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The journals that were decoded."""
    found: list[bytes] = []
    decode = loans._decode_entries

    def watched(packed: bytes) -> list[loans.Entry]:
        found.append(packed)
        return decode(packed)

    monkeypatch.setattr(loans, "_decode_entries", watched)
    return found


@pytest.mark.parametrize("clocked", [True, False])
def test_however_much_waits_for_a_loan_each_news_of_it_reads_its_journal_once(
    tmp_path: Path, decoded: list[bytes], clocked: bool
) -> None:
    environment = "test" if clocked else "production"
    worker, bank = direct_worker(tmp_path / "a.db", environment=environment), Sender(BANK, environment)
    send(worker, bank.registered(), bank.issued("A", SHOP, "2023-12-10", 100_00))
    send(worker, *(bank.repaid("A", "2023-12-11", 200_00) for _ in range(MANY)))
    send(worker, *(bank.extended("A", "2023-12-11", "2034-01-01", "2034-02-01") for _ in range(MANY)))
    decoded.clear()
    send(worker, *(bank.repaid("A", "2023-12-12", 1) for _ in range(3)))
    assert len(worker.store.parked(BANK)) == 2 * MANY
    assert len(decoded) <= 3


def test_no_more_than_so_many_wait_for_one_loan_and_the_next_is_told_at_once(
    worker: DirectWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parking, "MOST", MANY)
    bank = Sender(BANK)
    send(worker, bank.registered())
    early = [bank.repaid("A", "2023-12-11", 1) for _ in range(MANY + 2)]
    send(worker, *early, bank.repaid("B", "2023-12-11", 1))
    assert Counter(row.wait for row in worker.store.parked(BANK)) == {"loan:A": MANY, "loan:B": 1}
    assert [row.rule for row in worker.store.refused(BANK)] == ["V09"] * 2
    send(worker, bank.issued("A", SHOP, "2023-12-10", 100_00))
    send(worker, early[-1], bank.repaid("A", "2023-12-12", 1))
    loan = worker.intake.book(BANK).loan("A")
    assert loan is not None
    assert loan.balance == 100_00 - MANY - 1, "sent again under its id it stays refused"


def test_what_would_wait_on_for_a_loan_for_which_too_many_wait_has_waited_in_vain(
    worker: DirectWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parking, "MOST", MANY)
    bank = Sender(BANK)
    send(worker, *(bank.repaid("A", "2023-12-11", 1) for _ in range(MANY + 2)))
    assert len(worker.store.parked(BANK)) == MANY + 2, "for the office they all wait"
    send(worker, bank.registered())
    assert len(worker.store.parked(BANK)) == MANY
    assert [row.rule for row in worker.store.refused(BANK)] == ["V09"] * 2


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


@pytest.mark.parametrize("kind", ["reversal", "correction"])
def test_what_speaks_of_events_that_have_not_come_costs_the_loan_s_other_events_nothing(
    worker: DirectWorker, read: Counter[str], kind: str
) -> None:
    bank = Sender(BANK)
    send(worker, bank.registered())
    send(worker, bank.issued("A", SHOP, "2023-12-10", 100_00))
    missing = [bank.repaid("A", "2023-12-11", 1) for _ in range(MANY)]
    send(worker, *(change(bank, event, kind) for event in missing))
    assert len(worker.store.parked(BANK)) == MANY
    read.clear()
    send(worker, *(bank.repaid("A", "2023-12-12", 1) for _ in range(MANY)))
    assert read["events"] == 0
    send(worker, missing[7])
    assert read["events"] == 1
    assert len(worker.store.parked(BANK)) == MANY - 1


def change(bank: Sender, event: Event, kind: str) -> Event:
    """A reversal of a repayment, or a correction of its amount."""
    return (
        bank.reversed(event)
        if kind == "reversal"
        else bank.corrected(event, "principal_fen", 2, day="2023-12-13")
    )


def test_what_waited_for_the_loan_in_an_older_store_is_taken_up_by_the_event_of_which_it_speaks(
    worker: DirectWorker,
) -> None:
    bank = Sender(BANK)
    late = bank.repaid("A", "2023-12-11", 100_00)
    send(worker, bank.registered())
    send(worker, bank.issued("A", SHOP, "2023-12-10", 100_00))
    send(worker, bank.reversed(late))
    (row,) = worker.store.parked(BANK)
    worker.store.write(Transaction(parked=[replace(row, wait=wait_loan("A"))]))
    anew = DirectWorker(worker.store, clock=worker.clock, offsets=worker.offsets)
    send(anew, late)
    loan = anew.intake.book(BANK).loan("A")
    assert (anew.store.parked(BANK), anew.store.refused(BANK)) == ([], [])
    assert loan is not None
    assert loan.balance == 100_00


def test_a_plain_repayment_by_the_wall_clock_releases_its_reversal(tmp_path: Path) -> None:
    worker = direct_worker(tmp_path / "real.db", environment="production")
    bank = Sender(BANK, environment="production")
    late, more = bank.repaid("A", "2023-12-11", 100_00), bank.repaid("A", "2023-12-12", 40_00)
    send(worker, bank.registered())
    send(worker, bank.issued("A", SHOP, "2023-12-10", 100_00))
    send(worker, bank.reversed(late))
    send(worker, late, more)
    loan = worker.intake.book(BANK).loan("A")
    assert worker.store.parked(BANK) == []
    assert loan is not None
    assert loan.balance == 60_00


def test_by_the_wall_clock_what_has_waited_too_long_is_ended_a_portion_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.chunk.PORTION", 8)
    worker = direct_worker(tmp_path / "real.db", environment="production")
    bank, read = Sender(BANK, environment="production"), list[int]()
    send(worker, bank.registered())
    send(worker, *(bank.repaid(f"A{number}", "2023-12-11", 1) for number in range(20)))
    ask = worker.store.parked

    def noted(*arguments: Any, **named: Any) -> Sequence[ParkedRow]:
        rows = ask(*arguments, **named)
        read.append(len(rows))
        return rows

    monkeypatch.setattr(worker.store, "parked", noted)
    late, left = worker.intake.clock + PATIENCE + 1_000, list[int]()
    while worker.intake.expire(late) is not None:
        left.append(len(ask(BANK)))
    assert (left, max(read)) == ([12, 4, 0], 8)
    assert [row.rule for row in worker.store.refused(BANK)] == ["V09"] * 20
    assert worker.intake.book(BANK).deadline is None


def test_while_many_waits_end_an_event_does_not_end_more_of_them_than_a_portion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.chunk.PORTION", 8)
    worker = direct_worker(tmp_path / "real.db", environment="production")
    bank = Sender(BANK, environment="production")
    send(worker, bank.registered())
    send(worker, *(bank.repaid(f"A{number}", "2023-12-11", 1) for number in range(20)))
    later = time.time_ns() + (PATIENCE + 1_000) * 1000
    monkeypatch.setattr("streams.intake.time.time_ns", lambda: later)
    send(worker, *(bank.issued(f"B{number}", SHOP, "2023-12-10", 100_00) for number in range(3)))
    assert len(worker.store.parked(BANK)) == 12
    assert worker.intake.book(BANK).is_late(later // 1000), "the rest is looked for again"
