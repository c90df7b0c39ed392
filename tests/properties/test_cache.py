"""Rows of the register that are forgotten as soon as they are written are read again: everything comes out the same."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregates.cache import Cache
from streams.flushing import ROW_BYTES
from tests.histories import Arrival, arrivals, histories
from tests.properties.test_any_order import CLOCK
from tests.properties.test_plain import SOME, all_of_it
from tests.worker import direct_worker

pytestmark = pytest.mark.slow


def stored(arrival: Arrival, flush_every: int, row_bytes: int = ROW_BYTES) -> tuple[dict[str, Any], int]:
    """What is stored in the end, and how many rows were forgotten meanwhile."""
    forgotten, forget = 0, Cache.forget

    def counted(cache: Cache[Any]) -> None:
        nonlocal forgotten
        before = len(cache.held)
        forget(cache)
        forgotten += before - len(cache.held)

    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(Cache, "forget", counted)
        path = Path(folder) / "store.db"
        worker = direct_worker(path, clock=CLOCK, flush_every=flush_every, row_bytes=row_bytes)
        for batch in arrival.batches:
            worker.send((m.topic, m.key.decode(), m.value) for m in batch)
        worker.intake.flush_all()
        return all_of_it(worker.store), forgotten


def test_without_a_single_row_kept_in_memory_the_same_is_stored() -> None:
    forgotten = 0

    @SOME
    @given(data=st.data())
    def every_history(data: st.DataObject) -> None:
        nonlocal forgotten
        arrival = data.draw(arrivals(data.draw(histories())))
        flush_every = data.draw(st.sampled_from((30, 600)))  # at once, or with some rows still to be written
        kept, none = stored(arrival, flush_every)
        few = data.draw(st.sampled_from((0, 4_000)))  # none, or hardly more than are still to be written
        read_again, times = stored(arrival, flush_every, few)
        forgotten += times
        assert read_again == kept
        assert none == 0

    every_history()
    assert forgotten > 100, "hardly a row was forgotten"
