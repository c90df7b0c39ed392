"""The whole history of the simulated county: every figure of every institution is the oracle's, whenever it was known.

The oracle gets the raw events that were recorded by an instant and were not waiting then; it shares no code with the
program. It is asked in processes of its own, while a worker takes the same events in.
"""

import json
import multiprocessing
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from datetime import date, datetime, time, timedelta
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any, Final

import pytest

from aggregates.codes import day_number
from aggregates.loan import FLOWS, Kind
from aggregates.partitioning import partition_of
from projections.ledger import Ledger
from puhui.policy.periods import BEIJING, Quarter, microseconds
from streams.arrival import Source
from streams.simulation import Message, county
from tests.oracle import FLOW_KINDS, POPULATIONS, Oracle
from tests.worker import PARTITIONS, DirectWorker, FakeRecord, direct_worker

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

QUARTER_ENDS: Final = [
    date(2021, 12, 31),
    *(Quarter(year, n).last_day for year in (2022, 2023, 2024) for n in (1, 2, 3, 4)),
]
KNOWN_AT: Final = (date(2022, 11, 14), date(2023, 12, 3), date(2024, 12, 31))
"""The ends of these days: nothing waited then."""
ONE_LINE: Final = {Kind.SETTLED_AGAIN: "settled_by_renewal", Kind.TRANSFERRED_IN: "opening"}
Figures = dict[tuple[str, str, str, str], Any]
"""By institution, population, what it is, and day; a figure of 0 is left out."""


def end_of(day: date) -> datetime:
    return datetime.combine(day + timedelta(1), time(), BEIJING) - timedelta(microseconds=1)


def by_the_oracle(path: Path, known: date) -> Figures:
    """The figures out of the events that were recorded by the end of a day."""
    oracle = Oracle(recorded(path, end_of(known)))
    found: Figures = {}
    for day in QUARTER_ENDS:
        for (institution, population), (balance, customers) in oracle.all_balances(day).items():
            found[institution, population, "balance", str(day)] = balance
            found[institution, population, "customers", str(day)] = customers
    for after, until in pairwise(QUARTER_ENDS):
        for (institution, population), bridge in oracle.all_bridges(after, until).items():
            found[institution, population, "bridge", str(until)] = bridge
            found[institution, population, "flow", str(until)] = sum(bridge.get(k, 0) for k in FLOW_KINDS)
    return {key: value for key, value in found.items() if value}


def recorded(path: Path, until: datetime) -> Iterator[Mapping[str, Any]]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            at, _, value = line.partition(" ")
            if datetime.fromisoformat(at) > until:
                return
            event = json.loads(value)
            if event["environment"] == "demo":  # V47: what belongs to another one is refused
                yield event


def by_the_program(ledger: Ledger, known: date) -> Figures:
    """The same figures out of the ledger, as known then."""
    found: Figures = {}
    days = [day_number(day) for day in QUARTER_ENDS]
    for book, columns in ledger.books.items():
        version = columns.version_at(microseconds(end_of(known)))
        for p in POPULATIONS:
            balances = ledger.balances(book, p, days, version)
            customers = ledger.customers(book, p, days, version)
            for day, balance, count in zip(QUARTER_ENDS, balances, customers, strict=True):
                found[book, p, "balance", str(day)] = balance
                found[book, p, "customers", str(day)] = count
            for day, (after, until) in zip(QUARTER_ENDS[1:], pairwise(days), strict=True):
                bridge = ledger.bridge(book, p, after, until, version)
                found[book, p, "bridge", str(day)] = lines(bridge)
                found[book, p, "flow", str(day)] = ledger.flow(book, p, after, until, version, FLOWS)
    return {key: value for key, value in found.items() if value}


def lines(bridge: Mapping[Kind, int]) -> dict[str, int]:
    """The lines of a bridge as the oracle draws them: ours are finer."""
    found: dict[str, int] = {}
    for kind, fen in bridge.items():
        name = ONE_LINE.get(kind, kind.name.lower())
        found[name] = found.get(name, 0) + fen
    return {name: fen for name, fen in found.items() if fen}


def taken_in(worker: DirectWorker, messages: Iterable[Message]) -> Mapping[date, list[str]]:
    """Take the messages in, day by day, each at the time of its recording; what waited at the instants of knowledge."""
    waited = {}
    for day, group in groupby(messages, key=lambda message: message.recorded_at.date()):
        batches: dict[tuple[str, int], list[FakeRecord]] = {}
        for message in group:
            place = (message.topic, partition_of(message.key, PARTITIONS))
            offset = worker.offsets[place] = worker.offsets.get(place, -1) + 1
            at = microseconds(message.recorded_at) // 1000
            record = FakeRecord(offset, at, message.key.encode(), message.value)
            batches.setdefault(place, []).append(record)
        for (topic, partition), records in sorted(batches.items(), reverse=True):  # the registry first
            source = Source(f"test/{topic}/{partition}", topic, partition, PARTITIONS)
            for _ in worker.intake.take(source, records, records[0].offset, records[-1].offset + 1):
                pass
        worker.intake.expire(microseconds(end_of(day)))
        if day in KNOWN_AT:
            waited[day] = [row.wait for row in worker.store.parked()]
    return waited


def test_every_figure_at_every_quarter_end_as_known_at_three_instants(tmp_path: Path) -> None:
    messages = list(county(1).history())
    path = tmp_path / "messages"
    with path.open("wb") as file:
        file.writelines(b"%s %s\n" % (m.recorded_at.isoformat().encode(), m.value) for m in messages)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, context) as pool:
        asked: dict[date, Future[Figures]] = {
            known: pool.submit(by_the_oracle, path, known) for known in reversed(KNOWN_AT)
        }
        worker = direct_worker(tmp_path / "store.db", environment="demo")
        waited = taken_in(worker, messages)
        ledger = worker.ledger()
        assert waited == {known: [] for known in KNOWN_AT}
        for known, answer in asked.items():
            mine, theirs = by_the_program(ledger, known), answer.result()
            unlike = {key: (mine.get(key), theirs.get(key)) for key in mine.keys() | theirs.keys()}
            assert {key: both for key, both in sorted(unlike.items()) if both[0] != both[1]} == {}
            assert len(theirs) > 1_000
