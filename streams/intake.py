"""Intake: the records of one partition → one transaction of the store. Framework-free; the work of a worker.

A batch is decoded, grouped by institution, decided event by event, and written at once: commit records, movements,
what waits, what was refused, what leaves on Kafka, and the position.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from aggregates import segments
from aggregates.book import Book
from aggregates.partitioning import partition_of
from aggregates.refusals import Refusals
from aggregates.registry import REGISTRY_BOOK, Registry, read_registry
from aggregates.store import Store, Transaction
from aggregates.store.transaction import Position
from puhui.contract.base import BY_RECORD_CLOCK
from puhui.contract.catalogue import LOAN_EVENTS
from puhui.keys import NOBODY
from streams.arrival import Record, Source, last_of
from streams.aside import Aside
from streams.chunk import Chunk
from streams.chunking import CHUNK, Cutter
from streams.flushing import FLUSH_EVERY, ROW_BYTES, Flushing
from streams.forwarding import Notices
from streams.knowledge import UNKNOWN

JUST_NOW: Final = 0.5
"""Seconds after which a large fetch says nothing about a backlog any more."""


SEGMENTS: Final = 1 << 15
"""So many are remembered, half a kilobyte each: banks name divisions as they like, and a county's make some thousands."""


class Taken(NamedTuple):
    """What one chunk came to: the books that changed, its events, the facts that came of them, and who reported positions.

    `sends`: it may have left messages to be sent.
    """

    books: frozenset[str]
    events: int
    facts: int
    reported: frozenset[str] = frozenset()
    sends: bool = True


class Intake:
    """Takes in batches; holds the books of its partitions. Not for more than one task at a time."""

    def __init__(
        self, store: Store, *, environment: str, flush_every: int = FLUSH_EVERY, row_bytes: int = ROW_BYTES,
        hold_back: bool = False,
    ) -> None:  # fmt: skip
        self.store = store
        self.environment = environment
        self.by_record_clock = environment in BY_RECORD_CLOCK
        self.registry = Registry()
        self.keys = NOBODY
        self.hold_back = hold_back
        self.books: dict[str, Book] = {}
        self.seconds: dict[str, float] = {}
        self.clock = 0
        self._cutter = Cutter(by_record_clock=self.by_record_clock)
        self._flushing = Flushing(self.books, flush_every, row_bytes)
        self._large_at = float("-inf")
        self._segments: set[int] = set()
        self.refusals = Refusals(store)
        self.aside = Aside(store)
        self.notices = Notices()

    # opening

    def open(self, mine: Callable[[str], bool] = lambda book: True) -> int:
        """Read the registry, open the books for which `mine` holds, and recover them; the number of facts applied.

        Those of institutions that nobody registered stay aside until they are needed.
        """
        started = time.perf_counter()
        self._segments = {identity for identity, _ in self.store.segments()}
        self.refusals.read()
        self.registry = read_registry(self.store)
        registered = self.registry.institutions
        self.aside = Aside(self.store, mine)
        self.aside.read(registered)
        applied = 0
        for name, *_ in self.store.books(REGISTRY_BOOK):
            self.books[name] = Book(name, self.store)
        for name in sorted(self.store.last_versions(sorted(registered))):
            if mine(name) and name not in self.books:
                self.books[name] = book = Book(name, self.store)
                applied += book.recover()
        self.seconds["recover"] = time.perf_counter() - started
        return applied

    def book(self, name: str) -> Book:
        """The book of that name, opened when it is first needed."""
        found = self.books.get(name)
        if found is None:
            found = self.books[name] = Book(name, self.store)
            found.recover()
            self.aside.opened(found)
        return found

    def parked(self) -> dict[str, int]:
        """How many events wait in the books of this worker, by institution; for all that nobody registered together."""
        found = {UNKNOWN: self.aside.events}
        for name, book in self.books.items():
            if not name.startswith(REGISTRY_BOOK):
                who = name if name in self.registry.institutions else UNKNOWN
                found[who] = found.get(who, 0) + book.waiting.count
        return found

    # one batch

    def take(self, source: Source, records: Sequence[Record], expected: int, upto: int) -> Iterable[Taken]:
        """Take in the records of one fetch, in chunks; each chunk is one transaction.

        `expected` is the position before the batch, `upto` the one after it. Yields after each chunk, so that the
        caller may let others run.
        """
        if len(records) >= CHUNK:
            self._large_at = time.monotonic()
        left = len(records)
        for part in self._cutter.chunks(records):
            left -= len(part)
            following = part[-1].offset + 1 if left else upto
            yield self._take_chunk(source, part, Position(source.key, expected, following, last_of(part)))
            expected = following
        if not records and upto > expected:
            self.store.write(Transaction(position=Position(source.key, expected, upto)))

    @property
    def hurried(self) -> bool:
        """Is there a backlog: did a large fetch come just now, from whichever partition?"""
        return time.monotonic() - self._large_at < JUST_NOW

    def _take_chunk(self, source: Source, records: Sequence[Record], position: Position) -> Taken:
        started = time.perf_counter()
        ended = self._reach(source, records[0].timestamp * 1000)
        self.clock = records[-1].timestamp * 1000 if self.by_record_clock else time.time_ns() // 1000
        chunk = Chunk(self, source, self.clock)
        chunk.take(records)
        chunk.transaction.position = position
        decided = time.perf_counter()
        facts = chunk.finish()
        chunk.transaction.flush = self._flushing.due(facts, hurried=self.hurried)
        packed = time.perf_counter()
        self.write(chunk.transaction)
        self.aside.put(self.books, self.registry.institutions)
        self._spent("decide", decided - started)
        self._spent("pack", packed - decided)
        ended_at = time.perf_counter()
        self._spent("write", ended_at - packed)
        self._cutter.learn(len(records), ended_at - started)
        reported = frozenset(row.book for row in chunk.transaction.reported)
        sends = bool(chunk.transaction.outbox or ended)
        return Taken(ended | chunk.changed, len(records), facts, reported, sends)

    def _spent(self, stage: str, seconds: float) -> None:
        self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds

    def write(self, transaction: Transaction) -> None:
        """Write a transaction and bring memory up to it; memory is ahead of the store if this raises."""
        self.store.write(transaction)
        self._segments.update(identity for identity, _ in transaction.segments)
        self._forget_segments()
        for name in transaction.born:
            self.books[name].born = False
        self._flushing.written(transaction.flush)

    def _forget_segments(self) -> None:
        """Where too many segments were met, all are forgotten: what moves in one again is written again, as it is."""
        if max(segments.met(), len(self._segments)) > SEGMENTS:
            segments.forget()
            self._segments.clear()

    def new_segments(self, movements: Iterable[int]) -> list[tuple[int, bytes]]:
        """The attributes of segments that the store has not met."""
        fresh = ((identity, segments.attributes(identity)) for identity in set(movements) - self._segments)
        return [(identity, segments.encode_segment(found)) for identity, found in fresh if found is not None]

    # what waits too long

    def expire(self, clock: int, mine: Callable[[str], bool] = lambda book: True) -> Taken | None:
        """End what has waited too long in the books for which `mine` holds; None where there is nothing.

        By the wall clock a portion of it: ask again. Where records carry the clock all of it, each wait at its own deadline,
        however late that is noticed.
        """
        changed, facts = frozenset[str](), 0
        while late := self._late(clock, mine):
            instant = min(book.deadline or clock for book in late) if self.by_record_clock else clock
            chunk = Chunk(self, Source("", LOAN_EVENTS, 0, 1), instant)
            for book in late:
                chunk.reach(book, instant)
            facts += chunk.finish()
            if chunk.transaction.unparked or chunk.transaction.parked:
                self.write(chunk.transaction)
            self.aside.put(self.books, self.registry.institutions)
            changed |= chunk.changed
            if not self.by_record_clock:
                break
        return Taken(changed, 0, facts) if changed else None

    def _late(self, clock: int, mine: Callable[[str], bool]) -> list[Book]:
        """The books in which something has waited too long; those that were put aside are opened."""
        for name in self.aside.late(clock, self.books, mine):
            self.book(name)
        return [book for book in self.books.values() if book.is_late(clock) and mine(book.name)]

    def _reach(self, source: Source, instant: int) -> frozenset[str]:
        """Where records carry the clock: end what has waited in the books of a partition until its next record."""
        if not self.by_record_clock or source.topic != LOAN_EVENTS:
            return frozenset()
        home = source.partition
        taken = self.expire(instant, lambda book: partition_of(book, source.partitions) == home)
        return taken.books if taken else frozenset()

    # write-behind

    def flush_one(self) -> bool:
        """Write back the book that is furthest ahead of its rows; False where none is."""
        flush = self._flushing.next()
        if flush is not None:
            self.write(Transaction(flush=flush))
        return flush is not None

    def flush_all(self) -> None:
        """Write back every dirty row (a quiet moment, or the end)."""
        for book in self.books.values():
            flush = None if book.name.startswith(REGISTRY_BOOK) else book.flush()
            if flush is not None:
                self.write(Transaction(flush=flush))
        self.store.settle()
