"""After a kill, and out of nothing: how soon a worker takes in again, how fast the log is replayed."""

import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from aggregates.book import Book
from aggregates.facts import decode_record
from aggregates.registry import REGISTRY_BOOK
from aggregates.store import Store, Transaction, open_store
from tests.benchmarks.live import measure, p99
from tests.benchmarks.rows import Row
from tests.benchmarks.throughput import Scene
from tests.benchmarks.worker import Worker

BEHIND: Final = 200_000
_COMMITS: Final = 200
"""Commit records in one transaction of a replay."""


def delays(scene: Scene) -> dict[str, Row]:
    """Delays of a worker whose store has the whole load."""
    url = scene.stores["sqlite"]
    rate, seconds = 5_000, 10.0 if scene.quick else 20.0
    with Worker(scene.broker, url, scene.folder / f"delay-{scene.number}", scene.environment) as worker:
        worker.wait(lambda count: count >= scene.events)
        found = measure(
            scene.broker, scene.environment, worker.positions, rate=rate, seconds=seconds, seed=scene.number
        )
    told = f"p50 {found.commits[len(found.commits) // 2]:.0f} ms of {len(found.commits):,} events"
    rows = {"delay_commit": Row(p99(found.commits), told)}
    if found.alerts:
        middle = found.alerts[len(found.alerts) // 2]
        rows["delay_alert"] = Row(p99(found.alerts), f"p50 {middle:.0f} ms of {len(found.alerts)} alerts")
    else:
        rows["delay_alert"] = Row(None, "no wrong figure raised an alert: the worker evaluates no rules yet")
    return rows


def restart(scene: Scene) -> Row:
    """Kill a worker that has written nothing back, and start it again."""
    url, folder = scene.url("restart"), scene.folder / f"restart-{scene.number}"
    worker = Worker(scene.broker, url, folder, scene.environment, flush_every=10_000_000)
    worker.start()
    worker.wait(lambda count: count >= BEHIND * 1.01)
    worker.kill()
    with closing(open_store(url, read_only=True)) as store:
        behind, before = facts_behind(store), sum(store.positions().values())
        began = time.perf_counter()
        worker.start(PUHUI_FLUSH_EVERY="250000")
        while sum(store.positions().values()) <= before and time.perf_counter() - began < 60:
            time.sleep(0.005)
        seconds = time.perf_counter() - began
    worker.kill()
    return Row(seconds, f"{behind:,} facts behind the watermarks")


def facts_behind(store: Store) -> int:
    """The number of facts in commit records behind the watermarks."""
    return sum(
        len(decode_record(state).facts)
        for name, watermark, *_ in store.books()
        if not name.startswith(REGISTRY_BOOK)
        for _, state in store.records(name, watermark)
    )


def replay(url: str, agent: float) -> Row:
    """Fold all commit records anew, by institution, in two processes, each into a fresh file."""
    with closing(open_store(url, read_only=True)) as store:
        sizes = store.rows(
            "SELECT originator_id, SUM(LENGTH(state)) FROM stored_events GROUP BY originator_id"
        )
    shares: tuple[list[str], list[str]] = ([], [])
    loads = [0, 0]
    for name, size in sorted(sizes, key=lambda row: -row[1]):
        if not name.startswith(REGISTRY_BOOK):
            least = loads.index(min(loads))
            shares[least].append(name)
            loads[least] += size
    with TemporaryDirectory() as folder, ProcessPoolExecutor(2) as pool:
        began = time.perf_counter()
        facts = sum(pool.map(partial(fold, url), [f"{folder}/{n}.sqlite" for n in range(2)], shares))
        seconds = time.perf_counter() - began
    told = f"{facts / seconds:,.0f} facts/s, {facts:,} facts"
    return (
        Row(facts / seconds / agent, told) if agent else Row(None, told + ", but the agent was not measured")
    )


def fold(url: str, path: str, names: list[str]) -> int:
    """Replay some books into a fresh store; the number of facts."""
    facts = 0
    with (
        closing(open_store(url, read_only=True)) as source,
        closing(open_store(f"sqlite:{Path(path)}")) as fresh,
    ):
        fresh.write(Transaction(segments=source.segments()))
        for name in names:
            facts += _fold_book(name, source, fresh)
    return facts


def _fold_book(name: str, source: Store, fresh: Store) -> int:
    book, facts, waiting = Book(name, fresh), 0, Transaction(born=[name])
    for _, state in source.records(name):
        record = decode_record(state)
        for fact in record.facts:
            book.take(fact)
        facts += len(record.facts)
        book.moved_segments.clear()
        commit = book.commit(record.recorded_at)
        if commit is not None:
            waiting.commits.append(commit)
        if len(waiting.commits) == _COMMITS:
            fresh.write(waiting)
            waiting = Transaction()
    fresh.write(waiting)
    flush = book.flush()
    if flush is not None:
        fresh.write(Transaction(flush=flush))
    return facts
