"""A chunk: up to 1,000 records of one partition, which become one transaction."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

import msgspec

from aggregates import registry as registry_rules
from aggregates.decide_common import code as judge_code
from aggregates.decide_common import personal_data
from aggregates.facts import RegistryFact, flagged
from aggregates.hashing import content_checksum, event_hash
from aggregates.outcomes import Hashes, Parked, Refused, Repeated, wait_event, wait_institution, wait_loan
from aggregates.partitioning import partition_of
from aggregates.plain import days as plain_days
from aggregates.plain import repayment as plain_repayment
from aggregates.registry import REGISTRY_BOOK
from puhui.contract.base import INSTITUTION_SOURCE, OFFICE_SOURCE
from puhui.contract.codec import Malformed
from puhui.contract.codec import decode as decode_value
from puhui.contract.lending import LoanRepaid
from streams.arrival import Arrived, Record, Source, note_subjects, unreadable
from streams.authentic import refuse_unauthentic
from streams.forwarding import forwarded
from streams.holding import Holding

if TYPE_CHECKING:
    from streams.intake import Intake

PORTION: Final = 1_000
"""Events that waited for an institution, of which so many are taken up in one transaction."""
Read = tuple[Record, Any, int, int]
"""A record, the event that it holds, and the event's hashes: its own, and the checksum of its content."""


class _Group(NamedTuple):
    """The events of one institution in a chunk: whose they must be, and where they belong."""

    institution: str
    source: str
    home: int
    here: bool
    events: list[Read]
    loans: set[str]
    customers: set[str]


class Chunk(Holding):
    """One transaction in the making, from records to commit records."""

    def __init__(self, intake: "Intake", source: Source, clock: int) -> None:
        super().__init__(intake, source, clock)
        self._keys = self.intake.keys or None
        self._environment = self.intake.environment
        self._origin = self.intake.origin(self.source)

    # records of loan-events

    def loan_records(self, records: Sequence[Record]) -> None:
        """Group the events by institution, and decide them in their order."""
        groups: dict[str, _Group] = {}
        for record in records:
            read = self._read(record)
            if read is not None:
                event: Any = read[1]
                institution = event.data.institution_id
                group = groups.get(institution)
                if group is None:
                    group = groups[institution] = self._group(institution)
                if group.here and event.source == group.source:
                    group.events.append(read)
                    if type(event) is LoanRepaid:
                        group.loans.add(event.data.loan_no)
                    else:
                        note_subjects(event.data, group.loans, group.customers)
                else:
                    self._turn_away(self._arrived(read), group)
        for institution, group in groups.items():
            if institution not in self.intake.registry.institutions:
                self._unregistered(institution, map(self._arrived, group.events))
            elif group.events:
                self._decide(group)

    def _read(self, record: Record) -> Read | None:
        """Decode one record; what is no event of this installation is refused here."""
        value = record.value or b""
        event = decode_value(self.source.topic, value, record.headers)
        if type(event) is Malformed:
            self.at(record.timestamp * 1000)
            self.refuse_unreadable(unreadable(event), record, value)
            return None
        event = cast(Any, event)
        read = (record, event, event_hash(event.source, event.id), content_checksum(event.data))
        if self._keys and (fault := self._keys.fault(event.source, value, record.headers)):
            refuse_unauthentic(self, self._arrived(read), fault)
            return None
        if event.environment == self._environment:
            return read
        values = {"environment": event.environment, "installation": self.intake.environment}
        arrived = self._arrived(read)
        apart = Hashes(event_hash(f"{event.source}\0{event.environment}", event.id), read[3], "")
        self.refuse(
            None, msgspec.structs.replace(arrived, hashes=apart), Refused("V47", "environment", values)
        )
        return None

    def _arrived(self, read: Read) -> Arrived:
        """An event on its way, at its instant."""
        record, event, key, content = read
        self.at(record.timestamp * 1000)
        hashes = Hashes(key, content, event.source)
        return Arrived(
            self._origin, record.offset, record.value or b"", record.headers, event, hashes, self.instant
        )

    def _group(self, institution: str) -> _Group:
        home = partition_of(institution, self.source.partitions)
        return _Group(
            institution,
            INSTITUTION_SOURCE + institution,
            home,
            home == self.source.partition,
            [],
            set(),
            set(),
        )

    def _turn_away(self, arrived: Arrived, group: _Group) -> None:
        """The sender is not the owner of the book, or the partition is not the institution's."""
        institution = group.institution
        if arrived.event.source != group.source:
            values = {"institution": institution, "source": arrived.event.source}
            self.refuse(None, arrived, Refused("V05", "source", values, "foreign_sender"))
            return
        refused = personal_data(arrived.event.data)
        if refused is not None:
            self.refuse(None, arrived, refused)
            return
        self._forward(arrived, group.home, self._owner(institution))
        if institution in self.intake.registry.institutions:
            self.transaction.outbox += self.intake.notices.due(institution, self.today)

    def _forward(self, arrived: Arrived, home: int, book: str) -> None:
        """Let a record leave for the partition of its institution; it is counted under a book."""
        institution, by_record_clock = arrived.event.data.institution_id, self.intake.by_record_clock
        self.transaction.outbox.append(forwarded(arrived, institution, home, by_record_clock=by_record_clock))
        self.count(book, "forwarded")

    def _decide(self, group: _Group) -> None:
        """Decide the events of one institution; most are plain repayments."""
        book = self.intake.book(group.institution)
        loans = book.prefetch(group.loans, group.customers)
        known, parked, waits = self.known(book), book.parked, book.waits
        refused = self.refused(book.name, [read[2] for read in group.events])
        clocked, days, plain = self.intake.by_record_clock, plain_days(known), 0
        group.events.reverse()
        while group.events:  # each is let go when it is decided: its memory serves what comes of it
            read = record, event, key, content = group.events.pop()
            if type(event) is LoanRepaid and not (key in parked or key in refused):
                data = event.data
                loan = loans.get(data.loan_no)
                if loan is not None and not (
                    waits and (clocked or wait_loan(data.loan_no) in waits or wait_event(key) in waits)
                ):
                    fact = plain_repayment(data, key, content, loan, days)
                    if fact is not None:
                        book.take_repayment(fact, loan)
                        plain += 1
                        if clocked:
                            self.at(record.timestamp * 1000)
                            self.count(book.name, "accepted")
                        continue
            self.one(book, self._arrived(read), known, refused)
        if plain:
            self.changed.add(book.name)
            if not clocked:
                self.count(book.name, "accepted", events=plain)

    def _unregistered(self, institution: str, group: Iterable[Arrived]) -> None:
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
            read = self._read(record)
            if read is None:
                continue
            arrived = self._arrived(read)
            if not arrived.event.source.startswith(OFFICE_SOURCE):
                values = {"institution": arrived.event.data.institution_id, "source": arrived.event.source}
                self.refuse(None, arrived, Refused("V05", "source", values, "foreign_sender"))
                continue
            event = cast(Any, arrived.event)
            outcome = registry_rules.decide(event, arrived.hashes, self.intake.registry, self.divisions)
            home = partition_of(event.data.institution_id, self.source.partitions)
            if isinstance(outcome, tuple) and home != self.source.partition:
                self._forward(arrived, home, self._registry)
            elif isinstance(outcome, tuple):
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
            self.admit(fact.institution)
        elif fact.kind == "restatement.approved":
            self.approve(fact)

    def admit(self, institution: str) -> None:
        """What an institution sent before it was registered is taken up, in order of arrival.

        A portion of it, the rest is found due again; all of it where records carry the clock, which stands still here.
        """
        book = self.intake.book(institution)
        if not book.waits:
            return
        known, most = self.known(book), -1 if self.intake.by_record_clock else PORTION
        for row in self.waiting(book, [wait_institution(institution)], most):
            self.take_up(book, row, known)

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
