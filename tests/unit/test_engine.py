"""The engine knows a backlog by the size of what it was just given."""

import asyncio
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
from streams.intake import CHUNK
from tests.worker import FakeRecord

AT = TP("loan-events", 0)


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    cluster = SimpleNamespace(partitions=1, source=lambda at: Source("cluster/0", at.topic, at.partition, 1))
    found = Engine(Settings.read({}), open_store(f"sqlite:{tmp_path / 'store.db'}"), cast(Any, cluster))
    found._positions = {AT: 0}
    return found


def given(engine: Engine, size: int) -> None:
    """A fetch of so many records that mean nothing."""
    base = engine._positions[AT]
    records = [FakeRecord(base + n, 1_700_000_000_000, b"k", b"{}") for n in range(size)]
    asyncio.run(engine.take(Batch(AT, cast(Any, records), base, base + size, engine.turn)))


def test_a_large_fetch_is_a_backlog_and_a_small_one_is_none(engine: Engine) -> None:
    assert not engine.hurried
    given(engine, CHUNK + 1)
    assert engine.hurried
    given(engine, 5)
    assert not engine.hurried


def test_half_a_second_later_a_backlog_is_over(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    given(engine, CHUNK)
    moved = engine.moved_at
    monkeypatch.setattr("streams.engine.time.monotonic", lambda: moved + 0.6)
    assert not engine.hurried
