"""Whole loan lives in any order of arrival: the log makes what is stored, at every version."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregates.store import open_store
from projections.rebuilding import rebuild
from tests import digests
from tests.histories import History, arrivals, histories
from tests.properties.test_any_order import HISTORIES, played

pytestmark = pytest.mark.slow


@settings(HISTORIES, max_examples=60)
@given(data=st.data())
def test_a_rebuild_finds_no_difference_and_makes_the_same_store(data: st.DataObject) -> None:
    history: History = data.draw(histories())
    arrival = data.draw(arrivals(history))
    with tempfile.TemporaryDirectory() as folder:
        url, fresh = f"sqlite:{folder}/store.db", f"sqlite:{folder}/fresh.db"
        worker = played(arrival, Path(folder), flush_every=data.draw(st.sampled_from((30, 600, 1_000_000))))
        report = rebuild(url, fresh, processes=1)
        assert (report.differences, report.listed) == (0, [])
        again = rebuild(fresh, processes=1)
        assert (again.differences, again.movements) == (0, report.movements)
        worker.intake.flush_all()
        rebuilt = digests.state(open_store(fresh, read_only=True))
        assert digests.differences(rebuilt, digests.state(worker.store)) == {}
