"""A chunk: up to 1,000 records of one partition, which become one transaction."""

from collections.abc import Sequence
from typing import Any, cast

import msgspec

from aggregates import registry as registry_rules
from aggregates.decide_common import code as judge_code
from aggregates.decide_common import personal_data
from aggregates.facts import RegistryFact, flagged
from aggregates.hashing import content_checksum, event_hash
from aggregates.outcomes import Hashes, Parked, Refused, Repeated, wait_institution
from aggregates.registry import REGISTRY_BOOK
from aggregates.store.transaction import Outgoing
from puhui.contract.base import INSTITUTION_SOURCE, OFFICE_SOURCE
from puhui.contract.codec import Malformed
from puhui.contract.codec import decode as decode_value
from streams.arrival import Arrived, Record, subjects, unreadable
from streams.partitioning import partition_of
from streams.waiting import Waiting, packed_headers


class Chunk(Waiting):
    """One transaction in the making, from records to commit records."""

    # records of loan-events

    def loan_records(self, records: Sequence[Record]) -> None:
        """Group the events by institution, and decide them in their order."""
        groups: dict[str, list[Arrived]] = {}
        for record in records:
            arrived = self._arrived(record)
            if arrived is not None:
                institution = arrived.event.data.institution_id
                if self._belongs_here(arrived, institution):
                    groups.setdefault(institution, []).append(arrived)
        for institution, group in groups.items():
            if institution not in self.intake.registry.institutions:
                self._unregistered(institution, group)
                continue
            book = self.intake.book(institution)
            book.prefetch(*subjects(group))
            known = self.known(book)
            for arrived in group:
                self.one(book, arrived, known)

    def _arrived(self, record: Record) -> Arrived | None:
        """Decode one record; what is no event of this installation is refused here."""
        value = record.value or b""
        source = self.source
        self.at(record.timestamp * 1000)
        event = decode_value(source.topic, value, record.headers)
        if type(event) is Malformed:
            self.refuse_unreadable(unreadable(event), record, value)
            return None
        event = cast(Any, event)
        hashes = Hashes(event_hash(event.source, event.id), content_checksum(event.data), event.source)
        arrived = Arrived(
            self.intake.origin(source), record.offset, value, record.headers, event, hashes, self.instant
        )
        if event.environment == self.intake.environment:
            return arrived
        values = {"environment": event.environment, "installation": self.intake.environment}
        apart = Hashes(event_hash(f"{event.source}\0{event.environment}", event.id), hashes.content, "")
        self.refuse(
            None, msgspec.structs.replace(arrived, hashes=apart), Refused("V47", "environment", values)
        )
        return None

    def _belongs_here(self, arrived: Arrived, institution: str) -> bool:
        """Is the sender the owner of the book, and the partition the institution's?"""
        if arrived.event.source != INSTITUTION_SOURCE + institution:
            values = {"institution": institution, "source": arrived.event.source}
            self.refuse(None, arrived, Refused("V05", "source", values, "foreign_sender"))
            return False
        home = partition_of(institution, self.source.partitions)
        if home == self.source.partition:
            return True
        refused = personal_data(arrived.event.data)
        if refused is not None:
            self.refuse(None, arrived, refused)
            return False
        identity, headers = f"forward-{arrived.place}", packed_headers(arrived)
        forward = Outgoing(self.source.topic, identity, institution, arrived.value, headers, home)
        self.transaction.outbox.append(forward)
        self.count(institution, "forwarded")
        return False

    def _unregistered(self, institution: str, group: Sequence[Arrived]) -> None:
        """What comes before its institution waits (V05); never under a code that none can have, nor with a person."""
        impossible, _ = judge_code("data.institution_id", institution)
        for arrived in group:
            refused = impossible or personal_data(arrived.event.data)
            if refused is not None:
                self.refuse(None, arrived, refused)
                continue
            book = self.intake.book(institution)
            self.reach(book, arrived.at)
            if not self.seen_aside(book, arrived):
                wait = wait_institution(institution)
                values = {"institution": institution}
                self.park(book, arrived, Parked("V05", "data.institution_id", wait, values, "unknown"))

    # records of registry-events

    def registry_records(self, records: Sequence[Record]) -> None:
        """Decide what the offices published."""
        for record in records:
            arrived = self._arrived(record)
            if arrived is None:
                continue
            if not arrived.event.source.startswith(OFFICE_SOURCE):
                values = {"institution": arrived.event.data.institution_id, "source": arrived.event.source}
                self.refuse(None, arrived, Refused("V05", "source", values, "foreign_sender"))
                continue
            event = cast(Any, arrived.event)
            outcome = registry_rules.decide(event, arrived.hashes, self.intake.registry, self.divisions)
            if isinstance(outcome, tuple):
                for fact in outcome:
                    self._publish(cast(RegistryFact, fact))
            elif isinstance(outcome, Refused):
                self.refuse(None, arrived, outcome)
            elif isinstance(outcome, Repeated):
                self.count(self._registry, "repeated", outcome.rule)

    @property
    def _registry(self) -> str:
        return f"{REGISTRY_BOOK}:{self.source.partition}"

    def _publish(self, fact: RegistryFact) -> None:
        book = self.intake.book(self._registry)
        book.take(fact)
        self.intake.registry.take(fact, self.clock)
        self.count(book.name, "accepted")
        for rule in flagged(fact.flags):
            self.count(book.name, "flagged", rule)
        self.changed.add(book.name)
        if fact.kind in ("institution.registered", "institution.updated"):
            self._admit(fact.institution)
        elif fact.kind == "restatement.approved":
            self.approve(fact)

    def _admit(self, institution: str) -> None:
        """An institution is registered: what it sent before is taken up, in order of arrival."""
        book = self.intake.book(institution)
        if not book.waits:
            return
        known = self.known(book)
        for row in self.waiting(book, [wait_institution(institution)]):
            if self.try_again(book, row, known):
                self.release(book, known)

    # the end

    def finish(self) -> int:
        """Make the commit records; the number of facts."""
        facts, t = 0, self.transaction
        for name in sorted(self.changed):
            book = self.intake.books[name]
            taken = book.facts
            t.segments += self.intake.new_segments(book.moved_segments)
            book.moved_segments.clear()
            commit = book.commit(self.clock)
            if commit is not None:
                facts += len(taken)
                t.commits.append(commit)
                t.reported += book.reported_rows(commit, taken)
        needed = {commit.book for commit in t.commits} | {book for book, _ in self.parked}
        t.born = [name for name in needed if self.intake.books[name].born]
        t.parked = list(self.parked.values())
        return facts
