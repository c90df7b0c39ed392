"""Whole loan lives, in any order of arrival: the figures of an oracle that shares no code with the program."""

import tempfile
from collections.abc import Iterable
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Final, Literal

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from aggregates.codes import day_number
from aggregates.loan import FLOWS, Kind
from aggregates.store import Store, open_store
from projections.contributing import Span, largest
from projections.ledger import Ledger
from tests import digests
from tests.events import Event, Message
from tests.histories import Arrival, History, arrivals, histories
from tests.oracle import Oracle
from tests.worker import DirectWorker, direct_worker

pytestmark = pytest.mark.slow

DAYS = (
    date(2021, 12, 31), date(2022, 3, 31), date(2022, 6, 30), date(2022, 9, 30), date(2022, 12, 31),
    date(2023, 3, 31), date(2023, 6, 30), date(2023, 9, 30), date(2023, 12, 31), date(2024, 6, 30),
)  # fmt: skip
CLOCK = int(datetime(2024, 7, 1).timestamp() * 1000)
POPULATIONS: Final[tuple[Literal["ALL1", "PH", "NPR", "PARTIAL"], ...]] = ("ALL1", "PH", "NPR", "PARTIAL")
#: The order of `Kind` carries finer lines than the oracle's.
ONE_LINE = {"settled_again": "settled_by_renewal", "transferred_in": "opening"}


def played(arrival: Arrival, folder: Path, flush_every: int = 30) -> DirectWorker:
    """The messages taken in, batch by batch, with a write-behind every few facts."""
    worker = direct_worker(folder / "store.db", clock=CLOCK, flush_every=flush_every)
    for batch in arrival.batches:
        worker.send((m.topic, m.key.decode(), m.value) for m in batch)
    return worker


def figures(store: Store, institutions: Iterable[str]) -> dict[str, object]:
    """Balances, customers, flows, bridges and causes of every population at every day."""
    ledger = Ledger(store)
    ledger.follow()
    days = [day_number(d) for d in DAYS]
    found: dict[str, object] = {}
    for book in institutions:
        version = ledger.books[book].last if book in ledger.books else 0
        for population in POPULATIONS:
            found[f"{book} {population} balance"] = ledger.balances(book, population, days, version)
            found[f"{book} {population} customers"] = ledger.customers(book, population, days, version)
            for after, until in pairwise(days):
                window = f"{book} {population} {after}..{until}"
                found[f"{window} flow"] = ledger.flow(book, population, after, until, version, FLOWS)
                found[f"{window} bridge"] = _lines(ledger.bridge(book, population, after, until, version))
                causes = largest(ledger, Span(book, population, after, until, version), 1 << 20)
                found[f"{window} causes"] = sum(cause.net for cause in causes)
    return found


def _lines(bridge: dict[Kind, int]) -> dict[str, int]:
    lines: dict[str, int] = {}
    for kind, amount in bridge.items():
        name = ONE_LINE.get(kind.name.lower(), kind.name.lower())
        lines[name] = lines.get(name, 0) + amount
    return {name: amount for name, amount in lines.items() if amount}


def expected(events: Iterable[Event], institutions: Iterable[str]) -> dict[str, object]:
    """The same figures by the oracle."""
    oracle = Oracle(events)
    found: dict[str, object] = {}
    for book in institutions:
        for population in POPULATIONS:
            found[f"{book} {population} balance"] = [oracle.balance(book, population, d) for d in DAYS]
            found[f"{book} {population} customers"] = [oracle.customers(book, population, d) for d in DAYS]
            for after, until in pairwise(DAYS):
                window = f"{book} {population} {day_number(after)}..{day_number(until)}"
                found[f"{window} flow"] = oracle.flow(book, population, after, until)
                found[f"{window} bridge"] = {
                    k: v for k, v in oracle.bridge(book, population, after, until).items() if v
                }
                grown = oracle.balance(book, population, until) - oracle.balance(book, population, after)
                found[f"{window} causes"] = grown
    return found


def difference(mine: dict[str, object], theirs: dict[str, object]) -> dict[str, tuple[object, object]]:
    """Where two sets of figures differ."""
    return {key: (mine.get(key), theirs[key]) for key in theirs if mine.get(key) != theirs[key]}


HISTORIES = settings(
    max_examples=500,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),  # a failing history is printed as it is: shrinking takes minutes
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


@HISTORIES
@given(data=st.data())
def test_any_order_of_arrival_gives_the_figures_of_the_oracle(data: st.DataObject) -> None:
    history: History = data.draw(histories())
    arrival = data.draw(arrivals(history))
    with tempfile.TemporaryDirectory() as folder:
        worker = played(arrival, Path(folder))
        assert [(r.rule, r.place) for r in worker.store.refused()] == []
        assert [(p.rule, p.wait) for p in worker.store.parked()] == []
        theirs = expected(history.events, history.institutions)
        assert difference(figures(worker.store, history.institutions), theirs) == {}
        residuals = _residuals(worker.store, history.institutions)
        assert all(residual == 0 for residual in residuals.values()), residuals
        _replay_equals_live(worker)


def _residuals(store: Store, institutions: Iterable[str]) -> dict[tuple[str, str, date], int]:
    """Closing balance, less opening balance, less all lines of the bridge."""
    ledger = Ledger(store)
    ledger.follow()
    found: dict[tuple[str, str, date], int] = {}
    for book in institutions:
        version = ledger.books[book].last if book in ledger.books else 0
        for population in POPULATIONS:
            for after, until in pairwise(DAYS):
                start, end = day_number(after), day_number(until)
                first, last = ledger.balances(book, population, [start, end], version)
                moved = sum(ledger.bridge(book, population, start, end, version).values())
                found[(book, population, until)] = last - first - moved
    return found


def _replay_equals_live(worker: DirectWorker) -> None:
    """The register written behind, and the register folded from all facts, are the same rows."""
    worker.intake.flush_all()
    assert digests.register(worker.store) == digests.folded(worker.store)


def _sent(messages: Iterable[Message]) -> list[tuple[str, str, bytes]]:
    return [(m.topic, m.key.decode(), m.value) for m in messages]


@settings(HISTORIES, max_examples=60)
@given(data=st.data())
def test_everything_delivered_twice_changes_nothing(data: st.DataObject) -> None:
    history: History = data.draw(histories())
    arrival = data.draw(arrivals(history))
    with tempfile.TemporaryDirectory() as folder:
        worker = played(arrival, Path(folder))
        once = figures(worker.store, history.institutions)
        moved = digests.movements(worker.store)
        facts = digests.facts(worker.store)
        worker.send(_sent(arrival.messages))
        assert figures(worker.store, history.institutions) == once
        assert digests.movements(worker.store) == moved
        assert digests.facts(worker.store) == facts


@settings(HISTORIES, max_examples=60)
@given(data=st.data())
def test_a_past_answer_never_changes(data: st.DataObject) -> None:
    history: History = data.draw(histories())
    arrival = data.draw(arrivals(history))
    with tempfile.TemporaryDirectory() as folder:
        worker = direct_worker(Path(folder) / "store.db", clock=CLOCK, flush_every=30)
        answers: list[tuple[dict[str, int], dict[str, list[int]]]] = []
        for batch in arrival.batches:
            worker.send(_sent(batch))
            ledger = worker.ledger()
            versions = {book: columns.last for book, columns in ledger.books.items()}
            answers.append((versions, _npr(ledger, versions)))
        ledger = worker.ledger()
        for versions, answer in answers:
            assert _npr(ledger, versions) == answer


def _npr(ledger: Ledger, versions: dict[str, int]) -> dict[str, list[int]]:
    days = [day_number(d) for d in DAYS]
    return {f"{b} {p}": ledger.balances(b, p, days, v) for b, v in versions.items() for p in ("NPR", "PH")}


@settings(HISTORIES, max_examples=60)
@given(data=st.data())
def test_a_worker_that_starts_again_goes_on_where_it_was(data: st.DataObject) -> None:
    history: History = data.draw(histories())
    arrival = data.draw(arrivals(history))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store.db"
        offsets: dict[tuple[str, int], int] = {}
        for batch in arrival.batches:
            worker = DirectWorker(open_store(f"sqlite:{path}"), clock=CLOCK, flush_every=60, offsets=offsets)
            worker.send(_sent(batch))
        theirs = expected(history.events, history.institutions)
        assert difference(figures(worker.store, history.institutions), theirs) == {}
        _replay_equals_live(worker)
