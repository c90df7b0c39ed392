"""The engine says where it stands, chunk by chunk, and knows a backlog by the size of what it was just given."""

import asyncio
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from faust.types import TP

from aggregates.store import open_store
from puhui.settings import Settings
from streams.arrival import Source
from streams.engine import Engine
from streams.fetching import Batch
from streams.intake import CHUNK, Taken
from tests.worker import FakeRecord

AT = TP("loan-events", 0)


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    cluster = SimpleNamespace(partitions=1, source=lambda at: Source("cluster/0", at.topic, at.partition, 1))
    found = Engine(Settings.read({}), open_store(f"sqlite:{tmp_path / 'store.db'}"), cast(Any, cluster))
    found._positions = {AT: 0}
    return found


def given(engine: Engine, size: int) -> None:
    """The engine takes a fetch of so many records in."""
    asyncio.run(engine.take(fetched(engine, size)))


def fetched(engine: Engine, size: int, behind: int = 0) -> Batch:
    """A fetch of so many records that mean nothing, and so many offsets behind them that nobody sees."""
    base = engine._positions[AT]
    records = [FakeRecord(base + n, 1_700_000_000_000, b"k", b"{}") for n in range(size)]
    return Batch(AT, cast(Any, records), base, base + size + behind, engine.turn)


def test_between_two_chunks_of_a_batch_the_position_is_the_stored_one(engine: Engine) -> None:
    seen: list[tuple[int, int | None]] = []

    async def compare(taken: Taken) -> None:
        seen.append((engine.positions()[AT], engine.store.position("cluster/0")))

    cast(Any, engine).note = compare
    asyncio.run(engine.take(fetched(engine, CHUNK + 1, behind=3)))
    assert seen == [(CHUNK, CHUNK), (CHUNK + 4, CHUNK + 4)], "transaction markers lie behind the last record"


def test_a_large_fetch_tells_of_a_backlog_and_small_ones_do_not(engine: Engine) -> None:
    given(engine, 5)
    assert not engine.hurried
    given(engine, CHUNK + 1)
    given(engine, 5)
    assert engine.hurried


def test_half_a_second_later_a_backlog_is_over(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    given(engine, CHUNK)
    later = time.monotonic() + 0.6
    monkeypatch.setattr("streams.engine.time.monotonic", lambda: later)
    assert not engine.hurried
