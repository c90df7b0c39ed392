"""A chunk: up to 1,000 records of one partition, which become one transaction."""

from collections.abc import Iterable, Sequence
from typing import Final, Protocol

from aggregates.book import Book
from aggregates.refusals import Refusals
from aggregates.registry import Registry
from aggregates.store import Store, Transaction
from puhui.contract.catalogue import REGISTRY_EVENTS
from puhui.keys import Keys
from streams.arrival import Record, Source
from streams.bookkeeping import Bookkeeper
from streams.forwarding import Notices
from streams.knowledge import Knowledge
from streams.loan_records import LoanRecords
from streams.receiving import Receiver
from streams.refusing import Refuser
from streams.registry_records import RegistryRecords
from streams.unit_of_work import UnitOfWork
from streams.workbench import Workbench

PORTION: Final = 1_000
"""Events whose wait ends in one transaction: for an institution that has been registered, or because it was too long."""


class Worker(Protocol):
    """What a chunk asks of the worker for which it is made."""

    store: Store
    registry: Registry
    refusals: Refusals
    notices: Notices
    keys: Keys
    environment: str
    by_record_clock: bool
    hold_back: bool
    books: dict[str, Book]

    def book(self, name: str) -> Book:
        """The book of that name, opened when it is first needed."""

    def new_segments(self, movements: Iterable[int]) -> list[tuple[int, bytes]]:
        """The attributes of segments that the store has not met."""


class Chunk:
    """One transaction in the making: brings together those who take part in it, for one partition at one instant (µs)."""

    def __init__(self, worker: Worker, source: Source, clock: int) -> None:
        clocked = worker.by_record_clock
        self._worker = worker
        self._source = source
        knowledge = Knowledge(worker.registry, clock, by_record_clock=clocked)
        self._work = work = UnitOfWork(clock, by_record_clock=clocked)
        self._bench = Workbench(knowledge, work, Refuser(knowledge, work, worker.refusals))
        portion = -1 if clocked else PORTION
        self._bookkeeper = Bookkeeper(self._bench, worker.store, hold_back=worker.hold_back, portion=portion)
        self.reach = self._bookkeeper.reach
        self.admit = self._bookkeeper.admit
        self.settle = self._bookkeeper.settle

    @property
    def transaction(self) -> Transaction:
        """What will be written."""
        return self._work.transaction

    @property
    def changed(self) -> set[str]:
        """The names of the books that have changed."""
        return self._work.changed

    def take(self, records: Sequence[Record]) -> None:
        """Decide what the records of the partition hold."""
        worker, source, bench = self._worker, self._source, self._bench
        receiver = Receiver(source, bench, environment=worker.environment, keys=worker.keys)
        hands = (source, bench, receiver, self._bookkeeper, worker.book)
        if source.topic == REGISTRY_EVENTS:
            RegistryRecords(*hands, worker.books).take(records)
        else:
            LoanRecords(*hands, worker.notices).take(records)

    def finish(self) -> int:
        """Make the commit records; the number of facts."""
        return self._work.close(self._worker.books, self._worker.new_segments)
