"""The intake knows a backlog by the size of what it was just given, and writes rows back more seldom then."""

from pathlib import Path

import pytest

from streams.chunking import CHUNK
from streams.intake import JUST_NOW
from tests.events import Event, Sender, message
from tests.examples import BANK, SHOP
from tests.worker import DirectWorker, direct_worker

NOTHING = ("loan-events", BANK, b"{}")
"""A message that means nothing."""


@pytest.fixture
def worker(tmp_path: Path) -> DirectWorker:
    return direct_worker(tmp_path / "store.db", flush_every=120)


def test_a_large_fetch_tells_of_a_backlog_and_small_ones_do_not(worker: DirectWorker) -> None:
    worker.send([NOTHING] * 5)
    assert not worker.intake.hurried
    worker.send([NOTHING] * (CHUNK + 1))
    worker.send([NOTHING] * 5)
    assert worker.intake.hurried


def test_half_a_second_later_a_backlog_is_over(worker: DirectWorker, monkeypatch: pytest.MonkeyPatch) -> None:
    worker.send([NOTHING] * CHUNK)
    large_at = worker.intake._large_at
    monkeypatch.setattr("streams.intake.time.monotonic", lambda: large_at + JUST_NOW)
    assert not worker.intake.hurried


@pytest.mark.parametrize(("backlog", "written"), [(False, True), (True, False)])
def test_one_fact_is_written_back_at_once_but_in_a_backlog(
    worker: DirectWorker, backlog: bool, written: bool
) -> None:
    bank = Sender(BANK)
    send(worker, bank.registered())
    worker.send([NOTHING] * (CHUNK if backlog else 1))
    send(worker, bank.issued("A", SHOP, "2023-12-10", 100))
    assert worker.store.loans(BANK, ["A"]).keys() == ({"A"} if written else set())


def send(worker: DirectWorker, event: Event) -> None:
    """One event arrives by itself."""
    m = message(event)
    worker.send([(m.topic, m.key.decode(), m.value)])
