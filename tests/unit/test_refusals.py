"""Refused events are known again (V01, V02), and however many there are, a worker's memory does not grow with them."""

import gc
import tempfile
import tracemalloc
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregates.hashing import text_hash
from aggregates.refusals import READ, Refusals
from aggregates.store import open_store
from aggregates.store.transaction import RefusedRow, Transaction
from tests.desk import SHOP
from tests.events import Event, Sender, message
from tests.examples import BANK
from tests.worker import DirectWorker

FEW = {"bits": 8, "read": READ}
"""A filter that knows nothing once something was refused."""
NONE = {"bits": 8, "read": 0}
"""Every event is asked for from the start."""
USUAL: dict[str, int] = {}
OURS = [tracemalloc.Filter(True, f"*/{package}/*") for package in ("aggregates", "streams")]
"""What a worker allocates: threads that other tests have left allocate too."""


def worker(path: Path, **filter: int) -> DirectWorker:
    """A worker whose filter is so large, at its start."""
    made = DirectWorker(open_store(f"sqlite:{path}"))
    made.intake.refusals = Refusals(made.store, **filter)
    made.intake.refusals.read()
    return made


def send(to: DirectWorker, events: Sequence[Event], at: int | None = None) -> None:
    to.send(((m.topic, m.key.decode(), m.value) for m in map(message, events)), at=at)


def known(to: DirectWorker) -> dict[str, Any]:
    """How many events had which result, what is refused, and which answers leave."""
    return {
        "counts": Counter({(r, rule): events for _, r, rule, _, events in to.store.counted()}),
        "refused": sorted((row.event, row.content, row.rule, row.field) for row in to.store.refused()),
        "answers": sorted(row.id for row in to.store.outbox(1_000)),
    }


EVENTS = st.builds(
    lambda kind, identity, loan, amount: (kind, f"e{identity}", f"L{loan}", amount),
    st.sampled_from(("issued", "repaid")), st.integers(0, 3), st.integers(0, 1), st.sampled_from((0, 100, 200)),
)  # fmt: skip
"""Few ids, loans and amounts, of which 0 is refused: most events repeat one before, or contradict it."""


def told(bank: Sender, kind: str, identity: str, loan: str, amount: int) -> Event:
    made = (
        bank.issued(loan, SHOP, "2023-12-01", amount)
        if kind == "issued"
        else bank.repaid(loan, "2023-12-02", amount)
    )
    return made | {"id": identity}


def played(
    batches: Sequence[Sequence[tuple[Any, ...]]], filter: dict[str, int], *, anew: bool
) -> dict[str, Any]:
    """What is known after some batches; `anew`: each is taken in by a worker that knows the store alone."""
    bank = Sender(BANK)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store.db"
        to = worker(path, **filter)
        send(to, [bank.registered()])
        for batch in batches:
            if anew:
                offsets, to = to.offsets, worker(path, **filter)
                to.offsets = offsets
            send(to, [told(bank, *event) for event in batch])
        found = known(to)
        to.store.close()
        return found


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(EVENTS, min_size=1, max_size=6), min_size=1, max_size=5))
def test_answers_do_not_depend_on_what_is_remembered(batches: list[list[tuple[Any, ...]]]) -> None:
    usual = played(batches, USUAL, anew=False)
    assert played(batches, FEW, anew=False) == usual
    assert played(batches, NONE, anew=True) == usual
    one_by_one = [[event] for batch in batches for event in batch]
    assert played(one_by_one, USUAL, anew=True) == usual


def test_a_refused_event_is_known_again_by_who_has_never_seen_it(tmp_path: Path) -> None:
    bank = Sender(BANK)
    first = worker(tmp_path / "store.db")
    wrong = bank.issued("A", SHOP, "2023-12-01", 0)
    send(first, [bank.registered(), wrong])
    second = worker(tmp_path / "store.db")
    second.offsets = first.offsets
    other = wrong | {"data": wrong["data"] | {"principal_fen": 100}}
    send(second, [wrong, other, other])
    counts = known(second)["counts"]
    assert (counts["repeated", "V01"], counts["refused", "V02"]) == (2, 1)


def test_memory_does_not_grow_with_refused_events(tmp_path: Path) -> None:
    """A set of hashes would take 164 bytes for each."""
    bank, to = Sender(BANK), worker(tmp_path / "store.db")
    send(to, [bank.registered()])
    held = []
    tracemalloc.start()
    try:
        for _ in range(3):
            for _ in range(2):
                send(to, [bank.issued("A", SHOP, "2023-12-01", 0) for _ in range(1_000)])
            gc.collect()
            held.append(sum(trace.size for trace in tracemalloc.take_snapshot().filter_traces(OURS).traces))
    finally:
        tracemalloc.stop()
    assert len(to.store.refused(limit=10_000)) == 6_000
    assert held[-1] - held[0] < 4_000 * 20, held


class Asked:
    """A store that notes what it is asked for."""

    def __init__(self, store: Any) -> None:
        self.events: list[int] = []
        self.refused_events = store.refused_events
        self._store = store

    def refused_among(self, book: str, events: Sequence[int]) -> Any:
        self.events += events
        return self._store.refused_among(book, events)


@pytest.mark.parametrize(("refused", "in_vain"), [(0, 0), (5_000, 50), (READ + 1, 10_000)])
def test_the_store_is_hardly_asked_about_what_was_not_refused(
    tmp_path: Path, refused: int, in_vain: int
) -> None:
    """But about all where it has very many."""
    store = open_store(f"sqlite:{tmp_path / 'store.db'}")
    rows = [RefusedRow(BANK, text_hash(f"r{number}"), 1, "V08", "", 0, "") for number in range(refused)]
    store.write(Transaction(refused=rows))
    asked = Asked(store)
    to: Any = Refusals(asked)  # type: ignore[arg-type]  # of the store only what it is asked for
    to.read()
    assert not any(to.among(BANK, [text_hash(f"n{number}") for number in range(10_000)]).values())
    assert len(asked.events) <= in_vain
    some = [row.event for row in rows[:100]]
    assert to.among(BANK, some) == {event: (1,) for event in some}
