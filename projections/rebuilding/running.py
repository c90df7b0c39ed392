"""Rebuild: all books of a store are replayed, some at a time, and compared with what is stored."""

import gc
import multiprocessing
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Any

from msgspec import Struct

from aggregates.replay import Replay, Unreplayable
from aggregates.store import Store, open_store
from aggregates.store.copying import must_be_empty
from projections.rebuilding.archives import open_whole
from projections.rebuilding.findings import Difference, Findings
from projections.rebuilding.fresh import Beside, FreshBook
from projections.rebuilding.models import Segments, compare_models
from projections.rebuilding.movements import Movements
from projections.rebuilding.register import Register


class Rebuilt(Struct, frozen=True):
    """What came of one book; `whole`: every commit could be replayed."""

    book: str
    version: int
    facts: int
    movements: int
    rows: int
    whole: bool
    count: int
    listed: list[Difference]


class Report(Struct, frozen=True):
    """What came of all books: how much was replayed, and what differs."""

    books: int
    facts: int
    movements: int
    rows: int
    seconds: float
    whole: bool
    differences: int
    listed: list[Difference]


def rebuild(
    url: str, into: str | None = None, processes: int = 2, key: bytes = b"", archive: Path | None = None
) -> Report:
    """Replay every book of the store up to its version now; with `into` all is written into a fresh store too.

    `key` chains the fresh store's commits; `archive` has the commit records that are not in the store any more. A worker may go
    on writing meanwhile. StoreFailed where a store cannot be read or written.
    """
    started = time.perf_counter()
    beside = None
    with closing(open_whole(url, archive)) as store:
        if into is not None:
            with closing(open_store(into, key=key)) as fresh:
                must_be_empty(fresh)
            beside = Beside(store)
        books = _by_size(store)
    found = sorted(_all(books, url, into, processes, key, archive), key=lambda rebuilt: rebuilt.book)
    whole = all(rebuilt.whole for rebuilt in found)
    if into is not None and beside is not None and whole:
        with closing(open_store(into, key=key, durable=False)) as fresh:
            beside.write(fresh)
    return Report(
        len(found), sum(r.facts for r in found), sum(r.movements for r in found), sum(r.rows for r in found),
        time.perf_counter() - started, whole, sum(r.count for r in found), [d for r in found for d in r.listed],
    )  # fmt: skip


def _by_size(store: Store) -> list[str]:
    """All books, the largest first: so processes that take the next one end at about the same time."""
    return sorted(store.traces(), key=lambda name: (-store.weight(name)[1], name))


def _all(
    books: list[str], url: str, into: str | None, processes: int, key: bytes, archive: Path | None
) -> Iterator[Rebuilt]:
    if processes < 2:
        with _Desk(url, into, None, key, archive) as desk:
            yield from map(desk.rebuilt, books)
        return
    # A copy has everything imported; one of a process with threads might wait for ever for what one of them held.
    context = multiprocessing.get_context("fork" if threading.active_count() == 1 else "spawn")
    with ProcessPoolExecutor(processes, context, _begin, (url, into, context.Lock(), key, archive)) as pool:
        yield from pool.map(_rebuilt, books)


class _Desk:
    """The stores of one process, open while it works."""

    def __init__(
        self,
        url: str,
        into: str | None,
        lock: AbstractContextManager[Any] | None,
        key: bytes,
        archive: Path | None,
    ) -> None:
        self._store = open_whole(url, archive)
        self._fresh = None if into is None else open_store(into, key=key, durable=False)
        self._lock = lock
        self._segments = Segments(self._store)

    def __enter__(self) -> "_Desk":
        return self

    def __exit__(self, *error: object) -> None:
        for store in (self._store, self._fresh):
            if store is not None:
                store.close()

    def rebuilt(self, book: str) -> Rebuilt:
        """Rebuild one book."""
        return rebuild_book(self._store, book, self._fresh, self._lock, self._segments)


_desk: _Desk | None = None


def _begin(
    url: str, into: str | None, lock: AbstractContextManager[Any], key: bytes, archive: Path | None
) -> None:
    global _desk
    gc.disable()  # rows hold no cycles: looking for some would take a third of the time
    _desk = _Desk(url, into, lock, key, archive)


def _rebuilt(book: str) -> Rebuilt:
    assert _desk is not None
    return _desk.rebuilt(book)


def rebuild_book(
    store: Store,
    book: str,
    fresh: Store | None = None,
    lock: AbstractContextManager[Any] | None = None,
    segments: Segments | None = None,
) -> Rebuilt:
    """Replay one book and compare it; what is replayed goes into the fresh store, whatever is stored."""
    findings, replay = Findings(book), Replay(book)
    register = Register(store, book)
    movements = Movements(store, book, register.last, findings)
    writer = None if fresh is None else FreshBook(fresh, book, lock)
    try:
        for version, state in _records(store, book, register.last, findings):
            if version == register.watermark + 1:
                register.compare(replay, findings)
            commit = replay.take(version, state)
            movements.compare(commit)
            if writer is not None:
                writer.commit(commit)
        if replay.version < register.last:
            raise Unreplayable(f"commit {replay.version + 1} is missing")
    except Unreplayable as error:
        findings.add("log", f"{error}; nothing behind it was compared")
        return _result(replay, findings, whole=False)
    if register.watermark >= register.last:
        register.compare(replay, findings)
    movements.end(replay)
    compare_models(store, segments or Segments(store), replay, register.last, findings)
    _compare_ends(register, replay, findings)
    if writer is not None:
        writer.end(replay, store, register.packed)
    return _result(replay, findings, whole=True)


def _records(store: Store, book: str, last: int, findings: Findings) -> Iterator[tuple[int, bytes]]:
    """The book's commit records up to the last; one behind it is a worker's who goes on, and the book must say so by now."""
    for version, state in store.records(book):
        if version > last:
            found = store.book(book)
            if found is None or found[1] <= last:
                what = f"goes on behind commit {last}, which is the last one as the book says"
                findings.add("log", what)
            return
        yield version, state


def _compare_ends(register: Register, replay: Replay, findings: Findings) -> None:
    """The watermark stands where the book ends, or before it, and the rows add up to what moved."""
    findings.unlike("watermark", "version", register.watermark, min(register.watermark, register.last))
    findings.unlike("watermark", "recorded_at", register.recorded_at, replay.recorded_at)
    if replay.outstanding() != replay.moved:
        what = f"the rows add up to {replay.outstanding()} fen, the movements to {replay.moved}"
        findings.add("outstanding", what)


def _result(replay: Replay, findings: Findings, *, whole: bool) -> Rebuilt:
    return Rebuilt(
        replay.book, replay.version, replay.facts, replay.movements, len(replay.loans) + len(replay.customers), whole,
        findings.count, findings.listed,
    )  # fmt: skip
