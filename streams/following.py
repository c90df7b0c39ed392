"""Following the registry: what other workers wrote into it is known here within moments, without another assignment.

What is said of one institution lies in its own partition, so its worker has it first; what an office says of all of
them lies in any one, and concerns the books of every worker: each settles it in its own, and in no others.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Final

from faust.types import TP

from aggregates.book import Book
from aggregates.outcomes import wait_institution
from aggregates.partitioning import partition_of
from aggregates.registry import REGISTRY_BOOK, Registry, read_registry
from aggregates.store import Store
from aggregates.store.transaction import Position
from puhui.contract.catalogue import LOAN_EVENTS, REGISTRY_EVENTS
from puhui.policy.periods import parse
from streams.chunk import Chunk
from streams.engine import Engine
from streams.intake import Taken
from streams.restating import held_for

A_WHILE: Final = 1.0
"""Seconds a tick in which what has waited is taken up."""


class Follower:
    """Keeps the registry of one engine up with the store."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._followed: tuple[int, Mapping[str, int]] | None = None

    async def tick(self) -> None:
        """Read the registry anew where other workers have written it; else one small query.

        What waited for an institution, or for an approval, goes on being taken up.
        """
        engine = self._engine
        books = list(engine.intake.books.values())
        mine = {f"{REGISTRY_BOOK}:{at.partition}" for at in engine.positions() if at.topic == REGISTRY_EVENTS}
        written = engine.store.books(REGISTRY_BOOK)
        now = (engine.turn, {name: last for name, _, last, _ in written if name not in mine})
        if now == self._followed:
            books = [book for book in books if book.waiting.count]
        else:
            engine.intake.registry = read_registry(engine.store)
        if await self._take_up(books):
            self._followed = now

    async def _take_up(self, books: list[Book]) -> bool:
        """Take up what waits no longer for an office, a portion a transaction, for a while; True where that was all.

        What comes in goes on between two portions, and all else that time does after a while.
        """
        engine, turn, until = self._engine, self._engine.turn, time.monotonic() + A_WHILE
        for book in books:
            for portion in self._due(book):
                await engine.note(portion)
                await asyncio.sleep(0)
                if engine.turn != turn or engine.closing or time.monotonic() > until:
                    return False
        return True

    def _due(self, book: Book) -> Iterator[Taken]:
        """Take up what offices have let into a book: who registered the institution, and who approved a restatement."""
        registry = self._engine.intake.registry
        if book.name in registry.institutions and _early(book):
            yield from _portions(
                partial(_early, book), partial(self._written, book, lambda chunk: chunk.admit(book))
            )
        for period, approved_at in approvals(book, registry, self._engine.store).items():
            yield from _portions(
                partial(_held, book, period), partial(self._settle, book, period, approved_at)
            )

    def _settle(self, book: Book, period: str, approved_at: int) -> Taken:
        """Settle one approved restatement, or a portion of what waits for it."""
        return self._written(book, lambda chunk: chunk.settle(book, period), approved_at)

    def _written(self, book: Book, work: Callable[[Chunk], None], instant: int = 0) -> Taken:
        """A transaction of this book alone; not written where another worker has gone on in its partition.

        `instant` counts where records carry the clock.
        """
        intake, cluster = self._engine.intake, self._engine.cluster
        at = TP(LOAN_EVENTS, partition_of(book.name, cluster.partitions))
        source, position = cluster.source(at), self._engine.positions()[at]
        chunk = Chunk(intake, source, instant if intake.by_record_clock else time.time_ns() // 1000)
        work(chunk)
        facts = chunk.finish()
        chunk.transaction.position = Position(source.key, position, position)
        intake.write(chunk.transaction)
        return Taken(frozenset(chunk.changed), 0, facts)


def _early(book: Book) -> int:
    """How many events of a book wait for its institution."""
    return book.waiting.number(wait_institution(book.name))


def _held(book: Book, period: str) -> int:
    """How many events of a book are held back for a period."""
    return sum(map(book.waiting.number, held_for(book, parse(period))))


def _portions(left: Callable[[], int], take: Callable[[], Taken]) -> Iterator[Taken]:
    """One portion after the other, until nothing is left or one has not helped."""
    before, now = -1, left()
    while before < 0 or now not in (0, before):
        yield take()
        before, now = now, left()


def approvals(book: Book, registry: Registry, store: Store) -> dict[str, int]:
    """The periods of a book that an office has approved since something of them waits for it, with the instant of the approval."""
    found: dict[str, int] = {}
    for approved in registry.of_kind("restatement.approved") if book.restated or book.waiting.count else ():
        period = approved.data["period"]
        if approved.institution == book.name or approved.institution not in registry.institutions:
            since = _waits_since(book, period, store)
            if since is not None and approved.recorded_at >= since:
                found.setdefault(period, approved.recorded_at)
    return found


def _waits_since(book: Book, period: str, store: Store) -> int | None:
    """When the restatement was opened that is open of a period, or its first event held back, where that was earlier."""
    row = book.restated.get(period)
    opened = [row.opened_at] if row is not None and row.approved_at is None else []
    held = (store.first_parked(book.name, wait) for wait in held_for(book, parse(period)))
    return min([*opened, *(since for since in held if since is not None)], default=None)
