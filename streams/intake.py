"""Intake: the records of one partition → one transaction of the store. Framework-free; the work of a worker.

A batch is decoded, grouped by institution, decided event by event, and written at once: commit records, movements,
what waits, what was refused, what leaves on Kafka, and the position.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, Protocol, cast
from zlib import crc32

import msgspec

from aggregates import registry as registry_rules
from aggregates.book import Book
from aggregates.codes import date_of, day_number
from aggregates.decide import decide, extension_as_told, judged_again, with_flags
from aggregates.decide_common import code as judge_code
from aggregates.decide_common import personal_data
from aggregates.facts import AnyFact, ParkingEnded, RegistryFact, RestatementOpened, flag, flagged
from aggregates.hashing import content_checksum, event_hash, text_hash
from aggregates.outcomes import Hashes, Known, Parked, Refused, Repeated, wait_institution
from aggregates.registry import REGISTRY_BOOK, Registry, read_registry
from aggregates.segments import encode_segment
from aggregates.store import Store, Transaction
from aggregates.store.transaction import Flush, Outgoing, ParkedRow, Position, RefusedRow, RestatementRow
from puhui.codes import DEMO_DIVISIONS, DIVISIONS
from puhui.contract.base import INSTITUTION_SOURCE, OFFICE_SOURCE
from puhui.contract.catalogue import LOAN_EVENTS, REGISTRY_EVENTS, Event
from puhui.contract.codec import Malformed
from puhui.contract.codec import decode as decode_value
from puhui.policy.periods import date_at
from streams.closing import closed_periods_from, closed_until
from streams.partitioning import partition_of
from streams.rejections import rejection

CHUNK: Final = 1000
PATIENCE: Final = 72 * 3600 * 1_000_000
"""Microseconds that a parked event waits (a proposal of the notes: 72 hours)."""
UNKNOWN: Final = "unknown"


class Record(Protocol):
    """A record of Kafka."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


class Source(NamedTuple):
    """One partition: the key of its position, its topic, its number, and how many there are."""

    key: str
    topic: str
    partition: int
    partitions: int


class Arrived(NamedTuple):
    """One event on its way: where it came from, what it says, and by what it is known again."""

    place: str
    value: bytes
    headers: Sequence[tuple[str, bytes]]
    topic: str
    event: Event
    hashes: Hashes


class Taken(NamedTuple):
    """What one chunk came to: the books that changed, how many of its events became facts, and who reported positions."""

    books: frozenset[str]
    events: int
    facts: int
    reported: frozenset[str] = frozenset()


class Intake:
    """Takes in batches; holds the books of its partitions. Not for more than one task at a time."""

    def __init__(
        self, store: Store, *, environment: str, flush_every: int = 250_000, cached_rows: int = 60_000
    ) -> None:
        self.store = store
        self.environment = environment
        self.by_record_clock = environment in ("demo", "test")
        self.registry = Registry()
        self.books: dict[str, Book] = {}
        self.seconds: dict[str, float] = {}
        self.clock = 0
        self._flush_step = max(1, flush_every // 30)
        self._since_flush = 0
        self._cached_rows = cached_rows
        self._segments: set[int] = set()
        self._refused_unknown: dict[int, int] = {}

    # opening

    def open(self, mine: Callable[[str], bool] = lambda book: True) -> int:
        """Read the registry, open the books for which `mine` holds, and recover them; the number of facts applied."""
        started = time.perf_counter()
        self._segments = {identity for identity, _ in self.store.segments()}
        self._refused_unknown = dict(self.store.refused_index(UNKNOWN))
        self.registry = read_registry(self.store)
        applied = 0
        for name, *_ in self.store.books():
            if name.startswith(REGISTRY_BOOK):
                self.books[name] = Book(name, self.store)
            elif mine(name) and name not in self.books:
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
        return found

    # one batch

    def take(self, source: Source, records: Sequence[Record], expected: int, upto: int) -> Iterable[Taken]:
        """Take in the records of one fetch, in chunks; each chunk is one transaction.

        `expected` is the position before the batch, `upto` the one after it. Yields after each chunk, so that the
        caller may let others run.
        """
        chunks = list(self._chunks(records))
        for number, chunk in enumerate(chunks):
            following = upto if number == len(chunks) - 1 else chunk[-1].offset + 1
            yield self._take_chunk(source, chunk, Position(source.key, expected, following))
            expected = following
        if not chunks and upto > expected:
            self.store.write(Transaction(position=Position(source.key, expected, upto)))

    def _chunks(self, records: Sequence[Record]) -> Iterable[Sequence[Record]]:
        """At most 1,000 records, and where records carry the clock, of one day only."""
        if not self.by_record_clock:
            yield from (records[start : start + CHUNK] for start in range(0, len(records), CHUNK))
            return
        start = 0
        for end in range(1, len(records) + 1):
            full = end - start == CHUNK or end == len(records)
            if full or _day(records[end].timestamp) != _day(records[start].timestamp):
                yield records[start:end]
                start = end

    def _take_chunk(self, source: Source, records: Sequence[Record], position: Position) -> Taken:
        started = time.perf_counter()
        self.clock = records[-1].timestamp * 1000 if self.by_record_clock else time.time_ns() // 1000
        chunk = _Chunk(self, source, self.clock)
        if source.topic == REGISTRY_EVENTS:
            chunk.registry_records(records)
        else:
            chunk.loan_records(records)
        chunk.transaction.position = position
        decided = time.perf_counter()
        facts = chunk.finish()
        self._plan_flush(chunk.transaction, facts)
        packed = time.perf_counter()
        self.write(chunk.transaction)
        self._spent("decide", decided - started)
        self._spent("pack", packed - decided)
        self._spent("write", time.perf_counter() - packed)
        reported = frozenset(row.book for row in chunk.transaction.reported)
        return Taken(frozenset(chunk.changed), len(records), facts, reported)

    def _spent(self, stage: str, seconds: float) -> None:
        self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds

    def write(self, transaction: Transaction) -> None:
        """Write a transaction and bring memory up to it; memory is ahead of the store if this raises."""
        self.store.write(transaction)
        self._segments.update(identity for identity, _ in transaction.segments)
        for name in transaction.born:
            self.books[name].born = False
        if transaction.flush is not None:
            self.books[transaction.flush.book].flush_done(transaction.flush)
        if sum(book.used for book in self.books.values()) > self._cached_rows:
            for book in self.books.values():
                book.forget_used()

    def new_segments(self, movements: Iterable[int]) -> list[tuple[int, bytes]]:
        """The attributes of segments that the store has not met."""
        return segments_to_store(movements, self._segments)

    # what waits too long

    def expire(self, clock: int) -> Taken | None:
        """End what has waited too long; None where there is nothing."""
        late = [b for b in self.books.values() if b.deadline is not None and b.deadline <= clock]
        if not late:
            return None
        chunk = _Chunk(self, Source("", LOAN_EVENTS, 0, 1), clock)
        for book in late:
            chunk.expire(book)
        facts = chunk.finish()
        self.write(chunk.transaction)
        return Taken(frozenset(chunk.changed), 0, facts)

    # write-behind

    def _plan_flush(self, transaction: Transaction, facts: int) -> None:
        self._since_flush += facts
        if self._since_flush >= self._flush_step:
            self._since_flush -= self._flush_step
            transaction.flush = self._next_flush()

    def _next_flush(self) -> Flush | None:
        """The book that is furthest ahead of its rows: chosen by the log, so that a restart chooses alike."""
        book = max(self.books.values(), key=lambda b: b.behind, default=None)
        return book.flush() if book is not None and book.behind else None

    def flush_one(self) -> bool:
        """Write back the book that is furthest ahead of its rows; False where none is."""
        flush = self._next_flush()
        if flush is not None:
            self.write(Transaction(flush=flush))
        return flush is not None

    def flush_all(self) -> None:
        """Write back every dirty row (a quiet moment, or the end)."""
        for book in self.books.values():
            flush = None if book.name.startswith(REGISTRY_BOOK) else book.flush()
            if flush is not None:
                self.write(Transaction(flush=flush))


def segments_to_store(segments: Iterable[int], known: set[int]) -> list[tuple[int, bytes]]:
    """Attributes of the segments that are not yet known to the store."""
    from aggregates.segments import attributes

    found = []
    for identity in set(segments) - known:
        segment = attributes(identity)
        if segment is not None:
            found.append((identity, encode_segment(segment)))
    return found


def _day(timestamp: int) -> int:
    """The business calendar's day (+08:00) of a record's timestamp in milliseconds."""
    return (timestamp + 8 * 3_600_000) // 86_400_000


class _Chunk:
    """One transaction in the making."""

    def __init__(self, intake: Intake, source: Source, clock: int) -> None:
        self.intake = intake
        self.source = source
        self.clock = clock
        self.transaction = Transaction()
        self.changed: set[str] = set()
        self._today = date_at(clock)
        self._now = day_number(self._today)
        self._closed_until = closed_until(self._today)
        self._hour = clock // 3_600_000_000
        self._parked: dict[tuple[str, int], ParkedRow] = {}
        self._registry_facts: list[RegistryFact] = []

    # records of loan-events

    def loan_records(self, records: Sequence[Record]) -> None:
        groups: dict[str, list[Arrived]] = {}
        for record in records:
            arrived = self._arrived(record)
            if arrived is not None:
                institution = arrived.event.data.institution_id
                if self._belongs_here(arrived, institution, record):
                    groups.setdefault(institution, []).append(arrived)
        for institution, group in groups.items():
            if institution not in self.intake.registry.institutions:
                self._unregistered(institution, group)
                continue
            book = self.intake.book(institution)
            book.prefetch(*_subjects(group))
            known = self._known(book)
            for arrived in group:
                self._one(book, arrived, known)

    def _arrived(self, record: Record) -> Arrived | None:
        """Decode one record; what is no event of this installation is refused here."""
        value = record.value or b""
        place = f"{self.source.topic}/{self.source.partition}/{record.offset}"
        event = decode_value(self.source.topic, value, record.headers)
        if isinstance(event, Malformed):
            self._refuse_unreadable(_unreadable(event), record, place, value)
            return None
        hashes = Hashes(event_hash(event.source, event.id), content_checksum(event.data), event.source)
        arrived = Arrived(place, value, record.headers, self.source.topic, event, hashes)
        if event.environment != self.intake.environment:
            values = {"environment": event.environment, "installation": self.intake.environment}
            apart = Hashes(event_hash(f"{event.source}\0{event.environment}", event.id), hashes.content, "")
            self._refuse(None, arrived._replace(hashes=apart), Refused("V47", "environment", values))
            return None
        return arrived

    def _belongs_here(self, arrived: Arrived, institution: str, record: Record) -> bool:
        """Is the sender the owner of the book, and the partition the institution's?"""
        if arrived.event.source != INSTITUTION_SOURCE + institution:
            values = {"institution": institution, "source": arrived.event.source}
            self._refuse(None, arrived, Refused("V05", "source", values, "foreign_sender"))
            return False
        home = partition_of(institution, self.source.partitions)
        if home == self.source.partition:
            return True
        refused = personal_data(arrived.event.data)
        if refused is not None:
            self._refuse(None, arrived, refused)
            return False
        headers = msgspec.msgpack.encode([(name, value) for name, value in record.headers])
        identity = f"forward-{arrived.place}"
        self.transaction.outbox.append(
            Outgoing(self.source.topic, identity, institution, arrived.value, headers, home)
        )
        self._count(institution, "forwarded")
        return False

    def _known(self, book: Book) -> Known:
        institution = self.intake.registry.institutions[book.name]
        live = day_number(date_at(book.live_from)) if book.live_from is not None else self._now
        table = DEMO_DIVISIONS if self.intake.by_record_clock else DIVISIONS
        return Known(
            self._now, institution.valid_from, institution.closed_on, self._closed_until, live, table
        )

    def _unregistered(self, institution: str, group: Sequence[Arrived]) -> None:
        """What comes before its institution waits (V05); never under a code that none can have, nor with a person."""
        impossible, _ = judge_code("data.institution_id", institution)
        for arrived in group:
            refused = impossible or personal_data(arrived.event.data)
            if refused is not None:
                self._refuse(None, arrived, refused)
                continue
            book = self.intake.book(institution)
            if not self._seen_aside(book, arrived):
                wait = wait_institution(institution)
                self._park(book, arrived, Parked("V05", wait, {"institution": institution}, "unknown"))

    def _one(self, book: Book, arrived: Arrived, known: Known) -> None:
        if (book.parked or book.refused) and self._seen_aside(book, arrived):
            return
        if self._apply(book, arrived, known) and book.waits:
            self._release(book, known)

    def _seen_aside(self, book: Book, arrived: Arrived) -> bool:
        """Is the event one that waits, or that was refused (V01, V02)?"""
        content = book.parked.get(arrived.hashes.event)
        if content is None:
            content = book.refused.get(arrived.hashes.event)
        answer = None if content is None else judged_again(content, arrived.hashes, arrived.event)
        if answer is None:
            return False
        if isinstance(answer, Refused):
            self._refuse(book, arrived, answer)
        else:
            self._count(book.name, "repeated", "V01")
        return True

    def _apply(self, book: Book, arrived: Arrived, known: Known) -> bool:
        """Decide, and do what was decided; True where facts were taken in."""
        book.touched.clear()
        outcome = decide(cast(Any, arrived.event), arrived.hashes, book, known)
        if isinstance(outcome, tuple):
            self._take(book, outcome, known)
            return True
        if isinstance(outcome, Refused):
            self._refuse(book, arrived, outcome)
        elif isinstance(outcome, Parked):
            self._park(book, arrived, outcome)
        else:
            self._count(book.name, "repeated", outcome.rule)
        return False

    def _take(self, book: Book, facts: tuple[AnyFact, ...], known: Known) -> None:
        for fact in facts:
            day = cast(Any, fact).day
            if known.live_from <= day <= known.closed_until:
                fact = with_flags(fact, flag("V07"))
                self._restate(book, day)
            book.take(fact)
            for rule in flagged(fact.flags) if fact.flags else ():
                self._count(book.name, "flagged", rule)
        self._count(book.name, "accepted")
        self.changed.add(book.name)

    def _restate(self, book: Book, day: int) -> None:
        """A late fact opens a restatement of every closed period that it changes."""
        for period in closed_periods_from(date_of(day), self._today):
            if period in book.restated:
                continue
            row = RestatementRow(book.name, period, book.version + 1, self.clock, None)
            book.restated[period] = row
            self.transaction.restatements.append(row)
            identity = text_hash(f"restatement:{book.name}:{period}:{book.version + 1}")
            book.take(RestatementOpened(identity, 0, 0, period))

    # what waits

    def _park(self, book: Book, arrived: Arrived, parked: Parked) -> None:
        row = ParkedRow(
            book.name, arrived.hashes.event, arrived.hashes.content, parked.rule, parked.wait,
            max(self.clock, book.latest_parked + 1), self.clock + PATIENCE, arrived.topic, arrived.place, arrived.value,
            msgspec.msgpack.encode([(name, value) for name, value in arrived.headers]),
            _values_of(parked),
        )  # fmt: skip
        self._wait(book, row)
        self._count(book.name, "parked", parked.rule)

    def _wait(self, book: Book, row: ParkedRow) -> None:
        book.latest_parked = max(book.latest_parked, row.since)
        book.remember_parked(row.event, row.content, row.wait, row.until)
        self._parked[(book.name, row.event)] = row

    def _unpark(self, book: Book, row: ParkedRow) -> None:
        book.forget_parked(row.event, row.wait)
        self._parked.pop((book.name, row.event), None)
        self.transaction.unparked.append((book.name, row.event))

    def _release(self, book: Book, known: Known) -> None:
        """Try what waits on what has changed, in order of arrival, until nothing more is taken in."""
        changed = {f"loan:{loan_no}" for loan_no in book.touched}
        while True:
            row = self._released(book, [w for w in book.waits if w in changed], known)
            if row is None:
                return
            changed |= {f"loan:{loan_no}" for loan_no in book.touched}

    def _released(self, book: Book, waits: list[str], known: Known) -> ParkedRow | None:
        for row in sorted(self._waiting(book, waits), key=lambda r: r.since):
            if self._try_again(book, row, known):
                return row
        return None

    def _waiting(self, book: Book, waits: Iterable[str]) -> list[ParkedRow]:
        found = []
        for wait in waits:
            events = book.waits.get(wait, set())
            fresh = [self._parked[(book.name, e)] for e in events if (book.name, e) in self._parked]
            found += fresh
            if len(fresh) < len(events):
                known = {row.event for row in fresh}
                stored = self.intake.store.parked(book.name, wait)
                found += [row for row in stored if row.event in events and row.event not in known]
        return found

    def _try_again(self, book: Book, row: ParkedRow, known: Known) -> bool:
        """Decide a parked event anew; True where it was taken in."""
        arrived = self._revived(book, row)
        book.touched.clear()
        if arrived is None:
            return False
        outcome = decide(cast(Any, arrived.event), arrived.hashes, book, known)
        if isinstance(outcome, Parked):
            if outcome.wait != row.wait or outcome.rule != row.rule:
                values = _values_of(outcome)
                moved = msgspec.structs.replace(row, rule=outcome.rule, wait=outcome.wait, values=values)
                book.forget_parked(row.event, row.wait)
                self._wait(book, moved)
            return False
        self._unpark(book, row)
        if isinstance(outcome, tuple):
            self._take(book, outcome, known)
            self._count(book.name, "released", row.rule)
            return True
        if isinstance(outcome, Refused):
            self._refuse(book, arrived, outcome)
        else:
            self._count(book.name, "repeated", outcome.rule)
        return False

    def expire(self, book: Book) -> None:
        """Refuse what has waited too long; an extension from another due date is taken in, flagged (V17)."""
        registered = book.name in self.intake.registry.institutions
        for row in self._waiting(book, list(book.waits)):
            if row.until > self.clock:
                continue
            arrived = self._revived(book, row)
            if arrived is None:
                continue
            self._unpark(book, row)
            case, values = msgspec.json.decode(row.values)
            if row.rule == "V17" and registered:
                facts = extension_as_told(arrived.event, arrived.hashes)
                known = self._known(book)
                book.touched.clear()
                self._take(book, facts, known)
                self._release(book, known)
                continue
            book.take(ParkingEnded(row.event, row.content, 0, row.rule))
            self.changed.add(book.name)
            self._refuse(
                book, arrived, Refused(row.rule, "", values, "expired" if row.rule == "V19" else case)
            )
        book.deadline = min((r.until for r in self._waiting(book, list(book.waits))), default=None)

    def _revived(self, book: Book, row: ParkedRow) -> Arrived | None:
        """The parked event; one that a newer contract cannot read any more is refused, and None returned."""
        headers = [(str(name), value) for name, value in msgspec.msgpack.decode(row.headers)]
        event = decode_value(row.topic, row.value, headers)
        if not isinstance(event, Malformed):
            hashes = Hashes(row.event, row.content, event.source)
            return Arrived(row.place, row.value, headers, row.topic, event, hashes)
        self._unpark(book, row)
        book.take(ParkingEnded(row.event, row.content, 0, row.rule))
        self.changed.add(book.name)
        self._refusal(book.name, _unreadable(event), row.event, row.content, row.place, row.value, known=book)
        return None

    # what is refused

    def _refuse(self, book: Book | None, arrived: Arrived, refused: Refused) -> None:
        name = book.name if book is not None else self._owner(arrived.event.data.institution_id)
        self._refusal(
            name, refused, arrived.hashes.event, arrived.hashes.content, arrived.place, arrived.value,
            known=self.intake.books.get(name),
        )  # fmt: skip

    def _owner(self, institution: str) -> str:
        return institution if institution in self.intake.registry.institutions else UNKNOWN

    def _refuse_unreadable(self, refused: Refused, record: Record, place: str, value: bytes) -> None:
        key = (record.key or b"").decode("utf-8", "replace")
        self._refusal(
            self._owner(key), refused, text_hash(value.hex()), crc32(value), place, value,
            known=self.intake.books.get(self._owner(key)),
        )  # fmt: skip

    def _refusal(
        self,
        name: str,
        refused: Refused,
        event: int,
        content: int,
        place: str,
        value: bytes,
        *,
        known: Book | None,
    ) -> None:
        seen = known.refused if known is not None else self.intake._refused_unknown
        if seen.get(event) == content:
            self._count(name, "repeated", "V01")
            return
        seen[event] = content
        self.transaction.refused.append(
            RefusedRow(name, event, content, refused.rule, refused.field, self.clock, place)
        )
        topic, partition, offset = place.split("/")
        self.transaction.outbox.append(
            rejection(
                refused, event=event, content=content, institution=None if name == UNKNOWN else name, topic=topic,
                partition=int(partition), offset=int(offset), value=value,
                rejected_at=datetime.fromtimestamp(self.clock / 1e6, UTC).isoformat(),
            )
        )  # fmt: skip
        self._count(name, "refused", refused.rule)

    def _count(self, book: str, result: str, rule: str = "") -> None:
        key = (book, result, rule, self._hour)
        counts = self.transaction.counts
        counts[key] = counts.get(key, 0) + 1

    # records of registry-events

    def registry_records(self, records: Sequence[Record]) -> None:
        book = self.intake.book(f"{REGISTRY_BOOK}:{self.source.partition}")
        for record in records:
            arrived = self._arrived(record)
            if arrived is None:
                continue
            if not arrived.event.source.startswith(OFFICE_SOURCE):
                values = {"institution": arrived.event.data.institution_id, "source": arrived.event.source}
                self._refuse(None, arrived, Refused("V05", "source", values, "foreign_sender"))
                continue
            table = DEMO_DIVISIONS if self.intake.by_record_clock else DIVISIONS
            event = cast(Any, arrived.event)
            outcome = registry_rules.decide(event, arrived.hashes, self.intake.registry, table)
            if isinstance(outcome, tuple):
                for fact in outcome:
                    self._publish(book, cast(RegistryFact, fact))
            elif isinstance(outcome, Refused):
                self._refuse(None, arrived, outcome)
            elif isinstance(outcome, Repeated):
                self._count(book.name, "repeated", outcome.rule)

    def _publish(self, book: Book, fact: RegistryFact) -> None:
        book.take(fact)
        self._registry_facts.append(fact)
        self.intake.registry.take(fact, self.clock)
        self._count(book.name, "accepted")
        for rule in flagged(fact.flags):
            self._count(book.name, "flagged", rule)
        self.changed.add(book.name)
        if fact.kind in ("institution.registered", "institution.updated"):
            self._admit(fact.institution)
        elif fact.kind == "restatement.approved":
            self._approve(fact)

    def _admit(self, institution: str) -> None:
        """An institution is registered: what it sent before is taken up, in order of arrival."""
        book = self.intake.book(institution)
        if not book.waits:
            return
        known = self._known(book)
        for row in sorted(self._waiting(book, [wait_institution(institution)]), key=lambda r: r.since):
            if self._try_again(book, row, known):
                self._release(book, known)

    def _approve(self, fact: RegistryFact) -> None:
        period = str(msgspec.json.decode(fact.data)["period"])
        for name in [fact.institution] if fact.institution in self.intake.books else list(self.intake.books):
            row = self.intake.books[name].restated.pop(period, None)
            if row is not None:
                self.transaction.restatements.append(msgspec.structs.replace(row, approved_at=self.clock))
                self.changed.add(name)

    # the end

    def finish(self) -> int:
        """Make the commit records; the number of facts."""
        facts = 0
        t = self.transaction
        for name in sorted(self.changed):
            book = self.intake.books[name]
            taken = book.facts
            t.segments += self.intake.new_segments(book.moved_segments)
            book.moved_segments.clear()
            commit = book.commit(self.clock)
            if commit is None:
                continue
            facts += len(taken)
            t.commits.append(commit)
            t.reported += book.reported_rows(commit, taken)
        t.born = [name for name, book in self.intake.books.items() if book.born and name in self._needed()]
        t.parked = list(self._parked.values())
        return facts

    def _needed(self) -> set[str]:
        return {commit.book for commit in self.transaction.commits} | {book for book, _ in self._parked}


def _unreadable(malformed: Malformed) -> Refused:
    case = "missing_field" if malformed.found == "missing" else ""
    if malformed.field == "type" and not case:
        case = "unknown_type"
    return Refused(malformed.rule, malformed.field, {"value": malformed.found or '""'}, case)


def _subjects(group: Sequence[Arrived]) -> tuple[set[str], set[str]]:
    """The loans and customers that deciding about these events will ask for."""
    loans: set[str] = set()
    customers: set[str] = set()
    for arrived in group:
        data: Any = arrived.event.data
        loan_no = getattr(data, "loan_no", None)
        if type(loan_no) is str:
            loans.add(loan_no)
        elif loan_no is not None:
            loans.update(loan_no)
        ref = getattr(data, "customer_ref", None)
        if ref is not None:
            customers.add(ref)
            for part in getattr(data, "settles", None) or getattr(data, "previous", None) or ():
                loans.add(part.old_loan_no)
    return loans, customers


def _values_of(parked: Parked) -> str:
    """The case and the values of a parking, as the answer will name them if the wait ends in vain."""
    return msgspec.json.encode([parked.case, {k: str(v) for k, v in parked.values.items()}]).decode()
