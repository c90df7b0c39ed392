"""The plain case of a repayment is only a short cut: without it everything comes out the same."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from aggregates.facts import decode_record, encode
from aggregates.plain import repayment
from aggregates.replay import Replay
from aggregates.store import Store
from tests.histories import Arrival, arrivals, histories
from tests.properties.test_any_order import CLOCK
from tests.worker import direct_worker

pytestmark = pytest.mark.slow

SOME = settings(
    max_examples=160,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


def replayed(store: Store, book: str) -> dict[str, Any]:
    """The rows and movements of a book as they are made anew."""
    replay = Replay(book)
    moves = [replay.take(version, state).moves for version, state in store.records(book)]
    return {
        "moves": moves,
        "rows": {t: list(map(encode, rows.values())) for t, rows in replay.tables().items()},
    }


def all_of_it(store: Store) -> dict[str, Any]:
    """Facts, rows, movements and counts, as stored and made anew; no instants, which the wall clock gives."""
    books = [book for book, *_ in store.books()]
    return {
        "facts": {b: [decode_record(state).facts for _, state in store.records(b)] for b in books},
        "rows": {b: sorted(row for row in store.register(b) if row[0] != "watermark") for b in books},
        "movements": {b: b"".join(moves for *_, moves in store.blocks(b, 0)) for b in books},
        "replayed": {b: replayed(store, b) for b in books},
        "counted": sorted((book, result, rule, events) for book, result, rule, _, events in store.counted()),
    }


def by_short_cut_or_not(arrival: Arrival, clocked: bool, short_cut: bool) -> tuple[dict[str, Any], int]:
    """What is stored in the end, and how many repayments took the short cut."""
    taken = 0

    def counted(*arguments: Any) -> Any:
        nonlocal taken
        fact = repayment(*arguments) if short_cut else None
        taken += fact is not None
        return fact

    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr("streams.loan_records.plain_repayment", counted)
        if not short_cut:
            patch.setattr("aggregates.replay.repaid_in_order", lambda fact, loan: None)
        worker = direct_worker(Path(folder) / "store.db", clock=CLOCK, flush_every=30)
        worker.intake.by_record_clock = clocked
        for batch in arrival.batches:
            worker.send((m.topic, m.key.decode(), m.value) for m in batch)
        return all_of_it(worker.store), taken


@pytest.mark.parametrize("clocked", [True, False], ids=["records carry the clock", "the wall clock"])
def test_without_the_short_cut_for_plain_repayments_the_same_is_stored(clocked: bool) -> None:
    taken = 0

    @SOME
    @given(data=st.data())
    def every_history(data: st.DataObject) -> None:
        nonlocal taken
        arrival = data.draw(arrivals(data.draw(histories())))
        with_it, times = by_short_cut_or_not(arrival, clocked, True)
        without, never = by_short_cut_or_not(arrival, clocked, False)
        taken += times
        assert with_it == without
        assert never == 0

    every_history()
    assert taken > 10, "the histories hold hardly a plain repayment"
