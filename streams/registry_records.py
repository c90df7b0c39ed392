"""Records of registry-events: what the offices published goes into the registry, and what waited for it is taken up."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import msgspec

from aggregates import registry as registry_rules
from aggregates.book import Book
from aggregates.facts import RegistryFact, flagged
from aggregates.outcomes import Refused, Repeated
from aggregates.partitioning import partition_of
from aggregates.registry import REGISTRY_BOOK
from puhui.contract.base import OFFICE_SOURCE
from streams.arrival import Arrived, Record, Source
from streams.bookkeeping import Bookkeeper
from streams.forwarding import forwarded
from streams.receiving import Receiver
from streams.workbench import Workbench


class RegistryRecords:
    """Takes in what offices sent, in one unit of work; `book` opens a book by its name, `books` are those that are open."""

    def __init__(
        self, source: Source, bench: Workbench, receiver: Receiver, bookkeeper: Bookkeeper,
        book: Callable[[str], Book], books: Mapping[str, Book],
    ) -> None:  # fmt: skip
        self._source = source
        self._knowledge, self._work, self._refuser = bench
        self._receiver = receiver
        self._bookkeeper = bookkeeper
        self._book = book
        self._books = books
        self._clocked = bench.work.by_record_clock
        self._name = f"{REGISTRY_BOOK}:{source.partition}"

    def take(self, records: Sequence[Record]) -> None:
        """Decide what the offices published."""
        for record in records:
            read = self._receiver.read(record)
            if read is not None:
                self._take(self._receiver.arrived(read))

    def _take(self, arrived: Arrived) -> None:
        event = cast(Any, arrived.event)
        if not event.source.startswith(OFFICE_SOURCE):
            values = {"institution": event.data.institution_id, "source": event.source}
            self._refuser.refuse(None, arrived, Refused("V05", "source", values, "foreign_sender"))
            return
        registry, divisions = self._knowledge.registry, self._knowledge.divisions
        outcome = registry_rules.decide(event, arrived.hashes, registry, divisions)
        home = partition_of(event.data.institution_id, self._source.partitions)
        if isinstance(outcome, tuple) and home != self._source.partition:
            self._forward(arrived, home)
        elif isinstance(outcome, tuple):
            for fact in outcome:
                self._publish(cast(RegistryFact, fact))
        elif isinstance(outcome, Refused):
            self._refuser.refuse(None, arrived, outcome)
        elif isinstance(outcome, Repeated):
            self._work.count(self._name, "repeated", outcome.rule)

    def _forward(self, arrived: Arrived, home: int) -> None:
        """Let a record leave for the partition of the institution of which it speaks."""
        institution = arrived.event.data.institution_id
        self._work.send([forwarded(arrived, institution, home, by_record_clock=self._clocked)])
        self._work.count(self._name, "forwarded")

    def _publish(self, fact: RegistryFact) -> None:
        book, work = self._book(self._name), self._work
        book.take(fact)
        self._knowledge.registry.take(fact, work.clock)
        work.count(book.name, "accepted")
        for rule in flagged(fact.flags):
            work.count(book.name, "flagged", rule)
        work.changed.add(book.name)
        if fact.kind in ("institution.registered", "institution.updated"):
            self._bookkeeper.admit(self._book(fact.institution))
        elif fact.kind == "restatement.approved":
            self._approve(fact)

    def _approve(self, fact: RegistryFact) -> None:
        """The restatement of a period is approved, for one institution or for all."""
        period, books = str(msgspec.json.decode(fact.data)["period"]), self._books
        single = self._knowledge.is_registered(fact.institution)
        for name in [fact.institution] if single else list(books):
            if name in books:
                self._bookkeeper.settle(books[name], period)
