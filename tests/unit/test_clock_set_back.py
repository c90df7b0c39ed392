"""A clock that is set back changes no figure, and what becomes known later has the later instant all the same."""

import time
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest

from aggregates.codes import day_number
from aggregates.facts import decode_record
from tests.events import Sender, message
from tests.examples import BANK, SHOP
from tests.worker import DirectWorker, direct_worker

HOUR = 3_600_000
NOON = 1_704_081_600_000
"""2024-01-01 12:00 (ms)."""
GOES_ON = [NOON + n * HOUR for n in range(5)]
SET_BACK = [NOON, NOON + HOUR, NOON, NOON - 48 * HOUR, NOON + 1]
"""By an hour, then by two days; then it goes on, but not to where it was."""


@pytest.fixture(params=["test", "production"])
def environment(request: pytest.FixtureRequest) -> str:
    """Where the records carry the clock, and where the machine does."""
    return str(request.param)


def played(path: Path, environment: str, clock: list[int], patch: pytest.MonkeyPatch) -> DirectWorker:
    """A loan and its repayments, one at each time of the clock, each taken in by a worker that has just started."""
    bank = Sender(BANK, environment)
    repaid = [bank.repaid("L", "2023-12-20", n) for n in range(1, len(clock) - 1)]
    events = [bank.registered(), bank.issued("L", SHOP, "2023-12-10", 100_000), *repaid]
    offsets: dict[tuple[str, int], int] = {}
    for told, now in zip(map(message, events), clock, strict=True):
        worker = direct_worker(path, environment=environment, clock=now, offsets=offsets)
        patch.setattr(time, "time_ns", lambda now=now: now * 1_000_000)
        worker.send([(told.topic, told.key.decode(), told.value)])
    return worker


def test_the_clock_is_set_back(tmp_path: Path, environment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    straight = played(tmp_path / "straight.db", environment, GOES_ON, monkeypatch)
    worker = played(tmp_path / "set-back.db", environment, SET_BACK, monkeypatch)
    instants = [decode_record(state).recorded_at for _, state in worker.store.records(BANK)]
    assert len(instants) == 4
    assert all(one < other for one, other in pairwise(instants))
    assert instants[0] == (NOON + HOUR) * 1000
    day = [day_number(date(2023, 12, 31))]
    found, undisturbed = (
        [w.ledger().balances(BANK, "ALL1", day, version) for version in range(5)] for w in (worker, straight)
    )
    assert found == undisturbed
    assert len({balance for (balance,) in found}) == 5
