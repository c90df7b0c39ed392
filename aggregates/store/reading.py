"""What every database answers in the same way: each question to a store has a name."""

import struct
import sys
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import accumulate, islice
from operator import itemgetter
from typing import Any, Final

from aggregates.packing import Unreadable, unpacked
from aggregates.store.chain import LINK_BYTES
from aggregates.store.failures import StoreIncomplete
from aggregates.store.sql import Row
from aggregates.store.transaction import (
    AlertRow,
    Outgoing,
    ParkedRow,
    RefusedRow,
    ReportedRow,
    RestatementRow,
)
from aggregates.store.writing import COMMIT_HEADER, MOVE_BYTES

_AT_ONCE: Final = 2_000
"""Books that are listed at a time."""
_REGISTER: Final = """
SELECT 'loan', loan_no, state, 0 FROM loan WHERE book = ? UNION ALL SELECT 'customer', ref, state, 0 FROM customer WHERE book = ?
UNION ALL SELECT 'watermark', 'version', NULL, version FROM watermark WHERE book = ?
UNION ALL SELECT 'watermark', 'last', NULL, last FROM watermark WHERE book = ?
UNION ALL SELECT 'watermark', 'recorded_at', NULL, recorded_at FROM watermark WHERE book = ?
"""


def plain(book: str, version: int, commits: bytes, moves: bytes) -> bytes:
    """The movements of a ledger block of a book, by its last version; packed ones are shorter than its commits say.

    StoreIncomplete where it does not hold what it counts.
    """
    try:
        counts = [header[2] for header in COMMIT_HEADER.iter_unpack(commits)]
        size = sum(counts) * MOVE_BYTES
        found = bytes(moves) if len(moves) == size else unpacked(moves)
    except (struct.error, Unreadable) as error:
        raise _damaged(book, f"its block up to commit {version} cannot be read ({error})") from error
    if len(found) != size or min(counts, default=-1) < 0:
        raise _damaged(book, f"its block up to commit {version} does not hold what it counts")
    return found


def _damaged(book: str, what: str) -> StoreIncomplete:
    return StoreIncomplete(
        f"the ledger of book {book} is damaged: {what}; see the runbook, “A commit is not what was committed”"
    )


class Reading(ABC):
    """What is in a store; a row is a tuple. Everything raises StoreFailed when the database fails."""

    _archive: "Reading | None" = None

    @abstractmethod
    def _of(self, book: str, statement: str, parameters: Sequence[Any]) -> list[Row]:
        """Read rows of one book; statements use `?`, a row is a tuple."""

    @abstractmethod
    def _of_all(
        self, statement: str, parameters: Sequence[Any] = (), order: Callable[[Row], Any] | None = None
    ) -> list[Row]:
        """Read rows of all books; `order` is the key by which the statement orders them, if it does."""

    def _about(
        self, book: str | None, statement: str, parameters: Sequence[Any], order: Callable[[Row], Any]
    ) -> list[Row]:
        return (
            self._of_all(statement, parameters, order)
            if book is None
            else self._of(book, statement, parameters)
        )

    @abstractmethod
    def _of_county(self, statement: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """Read rows that belong to no book of an institution: remarks, marks, alerts."""

    @abstractmethod
    def fetch(
        self, table: str, key: str, book: str, names: Sequence[Any], column: str = "state"
    ) -> list[Row]:
        """Key and state (or another column) of the rows of a book that have these keys."""

    @abstractmethod
    def position(self, key: str) -> int | None:
        """The next offset to take in of one partition, None before the first."""

    def positions(self) -> dict[str, int]:
        """All positions by key."""
        statement = "SELECT application_name, notification_id FROM tracking WHERE application_name LIKE ?"
        return dict(self._of_all(statement, ("%/%",)))

    @abstractmethod
    def size(self) -> int:
        """Bytes on disk."""

    def meta(self, name: str) -> str | None:
        """One remark about the store itself."""
        found = self._of_county("SELECT value FROM meta WHERE name = ?", (name,))
        return str(found[0][0]) if found else None

    def remarks(self) -> dict[str, str]:
        """All remarks about the store itself."""
        return dict(self._of_county("SELECT name, value FROM meta"))

    def loans(self, book: str, loan_nos: Sequence[str]) -> dict[str, bytes]:
        """The stored rows of these loans."""
        return dict(self.fetch("loan", "loan_no", book, loan_nos)) if loan_nos else {}

    def customers(self, book: str, refs: Sequence[str]) -> dict[str, bytes]:
        """The stored rows of these customers."""
        return dict(self.fetch("customer", "ref", book, refs)) if refs else {}

    def books(
        self, beginning: str = "", *, after: str = "", limit: int = 1 << 31
    ) -> list[tuple[str, int, int, int]]:
        """Books whose name begins so, the first ones behind a name: name, watermark, last version, last instant of knowledge."""
        statement = (
            "SELECT book, version, last, recorded_at FROM watermark WHERE book >= ? AND book < ? AND book > ? "
            "ORDER BY book LIMIT ?"
        )
        names = (beginning, f"{beginning}{chr(sys.maxunicode)}")
        return self._of_all(statement, (*names, after, limit), itemgetter(0))[:limit]

    def each_book(self) -> Iterator[tuple[str, int, int, int]]:
        """All books, by name, some of them at a time: made-up codes may be many."""
        after = ""
        while part := self.books(after=after, limit=_AT_ONCE):
            yield from part
            after = part[-1][0]

    def last_versions(self, names: Sequence[str]) -> dict[str, int]:
        """The last version of each of these books that is there."""
        found: dict[str, int] = {}
        for start in range(0, len(names), 500):
            part = names[start : start + 500]
            marks = ",".join("?" * len(part))
            found |= dict(self._of_all(f"SELECT book, last FROM watermark WHERE book IN ({marks})", part))
        return found

    def traces(self) -> set[str]:
        """Every book of which anything is there, of whichever kind."""
        statement = "SELECT book FROM watermark UNION SELECT originator_id FROM stored_events UNION SELECT book FROM ledger"
        return {str(book) for (book,) in self._of_all(statement)}

    def book(self, name: str) -> tuple[int, int, int] | None:
        """Watermark, last version and last instant of one book; None where it does not exist."""
        found = self._of(name, "SELECT version, last, recorded_at FROM watermark WHERE book = ?", (name,))
        return (found[0][0], found[0][1], found[0][2]) if found else None

    def register(self, book: str) -> list[tuple[str, str, bytes, int]]:
        """Kind, name and state of every row of a book's register, and its watermark's numbers: of one instant."""
        return self._of(book, _REGISTER, (book,) * 5)

    def with_archive(self, archive: "Reading") -> None:
        """Read the commit records that are not here any more out of this store from now on."""
        self._archive = archive

    def first_record(self, book: str) -> int | None:
        """The version of a book's first commit record; None where there is none."""
        statement = "SELECT MIN(originator_version) FROM stored_events WHERE originator_id = ?"
        found = self._of(book, statement, (book,))[0][0]
        return None if found is None else int(found)

    def record(self, book: str, version: int) -> bytes | None:
        """One commit record, where it is in the store."""
        statement = "SELECT state FROM stored_events WHERE originator_id = ? AND originator_version = ?"
        found = self._of(book, statement, (book, version))
        return bytes(found[0][0]) if found else None

    def weight(self, book: str, upto: int = 1 << 62) -> tuple[int, int]:
        """How many commit records of a book there are up to a version, and their bytes."""
        statement = (
            "SELECT COUNT(*), COALESCE(SUM(LENGTH(state)), 0) FROM stored_events "
            "WHERE originator_id = ? AND originator_version <= ?"
        )
        ((records, size),) = self._of(book, statement, (book, upto))
        return int(records), int(size)

    def records(self, book: str, after: int = 0) -> Iterator[tuple[int, bytes]]:
        """The commit records of a book behind a version, in order, a few hundred at a time.

        Those that were archived are among them only `with_archive`.
        """
        if self._archive is not None:
            first = self.first_record(book)
            for version, state in self._archive.records(book, after):
                if first is not None and version >= first:
                    break
                yield version, state
                after = version
        while True:
            part = self._of(
                book,
                "SELECT originator_version, state FROM stored_events WHERE originator_id = ? AND originator_version > ? "
                "ORDER BY originator_version LIMIT 500",
                (book, after),
            )
            yield from ((int(version), bytes(state)) for version, state in part)
            if len(part) < 500:
                return
            after = part[-1][0]

    def link(self, book: str, version: int) -> bytes:
        """The link of the last commit of a block of the ledger: of a book's last commit, for one."""
        found = self._of(book, "SELECT commits FROM ledger WHERE book = ? AND version = ?", (book, version))
        if not found:
            raise StoreIncomplete(
                f"the ledger of book {book} does not hold commit {version}: restore the store from a backup"
            )
        return bytes(found[0][0])[-LINK_BYTES:]

    def live_from(self, book: str) -> int | None:
        """When the first commit of a book was recorded (µs), in an archive or not; None where nothing was committed."""
        statement = f"SELECT SUBSTR(commits, 1, {COMMIT_HEADER.size}) FROM ledger WHERE book = ? ORDER BY version LIMIT 1"
        found = self._of(book, statement, (book,))
        if found and len(found[0][0]) != COMMIT_HEADER.size:
            raise _damaged(book, "its first block has no head")
        return int(COMMIT_HEADER.unpack(found[0][0])[1]) if found else None

    def blocks(self, book: str, after: int, limit: int = 1 << 31) -> list[tuple[int, bytes, bytes]]:
        """Ledger blocks of a book behind a version, the first so many: last version, commits, movements.

        StoreIncomplete where one does not hold what it counts.
        """
        return [
            (version, commits, plain(book, version, commits, moves))
            for version, commits, moves in self.stored_blocks(book, after, limit)
        ]

    def stored_blocks(self, book: str, after: int, limit: int) -> list[tuple[int, bytes, bytes]]:
        """The same as they lie there: movements may be compressed, or damaged."""
        return self._of(
            book,
            "SELECT version, commits, moves FROM ledger WHERE book = ? AND version > ? ORDER BY version LIMIT ?",
            (book, after, limit),
        )

    def segments(self) -> list[tuple[int, bytes]]:
        """All segments with their attributes."""
        return self._of_all("SELECT id, attributes FROM segment")

    def parked(
        self, book: str | None = None, wait: str | None = None, until: int | None = None, limit: int = -1
    ) -> list[ParkedRow]:
        """Events that wait, of one book or of all, for one thing or for any, until an instant at most or any.

        Not more than so many, where a limit is given: those that came first.
        """
        where, values = "WHERE 1 = 1", list[Any]()
        for condition, value in (("book =", book), ("wait =", wait), ("until <=", until)):
            if value is not None:
                where += f" AND {condition} ?"
                values.append(value)
        columns = "book, event, content, rule, wait, since, until, topic, place, value, headers, vals"
        most = "" if limit < 0 else f" LIMIT {limit:d}"
        statement = f"SELECT {columns} FROM parked {where} ORDER BY since, event{most}"
        found = self._about(book, statement, values, itemgetter(5, 1))
        found = found if limit < 0 else found[:limit]
        return [ParkedRow(*(*row[:9], bytes(row[9]), bytes(row[10]), row[11])) for row in found]

    def first_parked(self, book: str, wait: str) -> int | None:
        """When the first event of a book began to wait for this; None where none does."""
        statement = "SELECT MIN(since) FROM parked WHERE book = ? AND wait = ?"
        ((since,),) = self._of(book, statement, (book, wait))
        return None if since is None else int(since)

    def next_deadline(self, book: str | None, after: int) -> int | None:
        """The first deadline behind an instant of what waits in a book, or in any."""
        statement = "SELECT MIN(until) FROM parked WHERE until > ?"
        if book is None:
            found = self._of_all(statement, (after,))
        else:
            found = self._of(book, f"{statement} AND book = ?", (after, book))
        return min((int(until) for (until,) in found if until is not None), default=None)

    def parked_books(self, *, after: str = "", limit: int = 1 << 31) -> list[tuple[str, int, int]]:
        """The first books behind a name in which something waits: how many events, and the first deadline."""
        statement = (
            "SELECT book, COUNT(*), MIN(until) FROM parked WHERE book > ? GROUP BY book ORDER BY book LIMIT ?"
        )
        return self._of_all(statement, (after, limit), itemgetter(0))[:limit]

    def overdue(
        self, instant: int, *, after: tuple[int, str] = (0, ""), limit: int = 1 << 31
    ) -> list[tuple[int, str]]:
        """Deadlines until an instant at most, each with the book in which something waits so long: the first behind a place."""
        statement = (
            "SELECT until, book FROM parked WHERE until <= ? AND until >= ? AND (until > ? OR book > ?) "
            "GROUP BY until, book ORDER BY until, book LIMIT ?"
        )
        parameters = (instant, after[0], *after, limit)
        return self._of_all(statement, parameters, itemgetter(0, 1))[:limit]

    def parked_index(self, book: str) -> list[tuple[int, int, str, int, int]]:
        """Hash, checksum, awaited thing, deadline and arrival of the events of one book that wait, by arrival."""
        statement = (
            "SELECT event, content, wait, until, since FROM parked WHERE book = ? ORDER BY since, event"
        )
        return self._of(book, statement, (book,))

    def refused_among(self, book: str, events: Sequence[int]) -> list[tuple[int, int]]:
        """Hash and checksum of those of these events that were refused in a book."""
        return self.fetch("refused", "event", book, events, "content")

    def refused_events(self, limit: int) -> list[int]:
        """The hashes of refused events of all books, of each content that was refused; not more than so many."""
        return [event for (event,) in self._of_all("SELECT event FROM refused LIMIT ?", (limit,))][:limit]

    def refused_before(self, instant: int) -> int:
        """How many events were refused before an instant, as far as they are in the store."""
        return sum(n for (n,) in self._of_all("SELECT COUNT(*) FROM refused WHERE at < ?", (instant,)))

    def refused_until(self, instant: int, at_once: int) -> Iterator[list[RefusedRow]]:
        """What was refused before an instant, so many at a time; those that were read may be dropped meanwhile."""
        statement = (
            "SELECT book, event, content, rule, field, at, place, said FROM refused "
            "WHERE at < ? AND (book, event, content) > (?, ?, ?) ORDER BY book, event, content LIMIT ?"
        )
        place: Row = ("", 0, 0)
        while found := self._of_all(statement, (instant, *place, at_once), itemgetter(0, 1, 2))[:at_once]:
            yield [RefusedRow(*row) for row in found]
            place = found[-1][:3]

    def refused(self, book: str | None = None, limit: int = 1000) -> list[RefusedRow]:
        """The latest refused events, newest first."""
        where = "" if book is None else "WHERE book = ?"
        columns = "book, event, content, rule, field, at, place, said"
        statement = f"SELECT {columns} FROM refused {where} ORDER BY at DESC LIMIT {limit:d}"
        found = self._of_all(statement, () if book is None else (book,), lambda row: -row[5])
        return [RefusedRow(*row) for row in found[:limit]]

    def outbox(
        self,
        limit: int = 500,
        topic: str | None = None,
        *,
        first: int = 0,
        without: Collection[str] = (),
        room: int | None = None,
    ) -> list[Outgoing]:
        """Messages that have not left yet, oldest first, from a number on: of all topics, of one, or of all but some.

        `room`: no more follow where their values have so many bytes.
        """
        where = "seq >= ?" + " AND topic = ?" * (topic is not None) + " AND topic <> ?" * len(without)
        parameters = (first, *([] if topic is None else [topic]), *without)
        if room is not None:
            statement = f"SELECT seq, LENGTH(value) FROM outbox WHERE {where} ORDER BY seq LIMIT ?"
            sizes = self._of_all(statement, (*parameters, limit), itemgetter(0))[:limit]
            before = accumulate((size for _, size in sizes), initial=0)
            limit = sum(weight < room for weight in islice(before, len(sizes)))
        found = self._of_all(
            "SELECT topic, id, kafka_key, value, headers, kafka_partition, seq "
            f"FROM outbox WHERE {where} ORDER BY seq LIMIT ?",
            (*parameters, limit),
            itemgetter(6),
        )
        return [
            Outgoing(row[0], row[1], row[2], bytes(row[3]), bytes(row[4]), row[5], row[6])
            for row in found[:limit]
        ]

    def waiting(self) -> dict[str, int]:
        """How many messages have not left yet, by topic."""
        found: Counter[str] = Counter()
        for topic, messages in self._of_all("SELECT topic, COUNT(*) FROM outbox GROUP BY topic"):
            found[topic] += messages
        return dict(found)

    def reported(self, book: str | None = None, after: int = 0) -> list[ReportedRow]:
        """What institutions reported, by day and order of arrival; of one book behind a version."""
        where = "" if book is None else "WHERE book = ? AND version > ?"
        columns = "book, version, recorded_at, key, measure, kind, as_of, amount, quantum, suspect, event, fact, nth"
        found = self._about(
            book,
            f"SELECT {columns} FROM reported {where} ORDER BY book, as_of, version, nth",
            () if book is None else (book, after),
            itemgetter(0, 6, 1, 12),
        )
        return [ReportedRow(*(*row[:9], bool(row[9]), row[10], bytes(row[11]), row[12])) for row in found]

    def restatements(self, book: str | None = None) -> list[RestatementRow]:
        """Restatements, opened and approved."""
        where = "" if book is None else "WHERE book = ?"
        statement = f"SELECT book, period, opened_version, opened_at, approved_at FROM restatement {where} ORDER BY book, opened_at"
        found = self._about(book, statement, () if book is None else (book,), itemgetter(0, 3))
        return [RestatementRow(*row) for row in found]

    def alerts(self) -> list[AlertRow]:
        """The current state of every alert."""
        found = self._of_county(
            "SELECT rule, subject, period, state, updated_at, body FROM alert ORDER BY rule, subject, period"
        )
        return [AlertRow(*(*row[:5], bytes(row[5]))) for row in found]

    def counted(self, first: int = 0, last: int = 1 << 62) -> list[tuple[str, str, str, int, int]]:
        """Events by book, result, rule and hour (since 1970), of the hours from `first` to `last`."""
        statement = "SELECT book, result, rule, hour, events FROM counted WHERE hour >= ? AND hour <= ?"
        return self._of_all(statement, (first, last))

    def counted_in_all(self, first: int = 0, last: int = 1 << 62) -> list[tuple[str, str, str, int]]:
        """Events by book, result and rule over all hours (since 1970) from `first` to `last`: few rows, however many hours."""
        statement = (
            "SELECT book, result, rule, CAST(SUM(events) AS BIGINT) FROM counted WHERE hour >= ? AND hour <= ? "
            "GROUP BY book, result, rule"
        )
        return self._of_all(statement, (first, last))

    def last_counted(self) -> int:
        """The last hour (since 1970) in which an event was counted; 0 where none was."""
        return max((hour or 0 for (hour,) in self._of_all("SELECT MAX(hour) FROM counted")), default=0)

    def mark(self, name: str) -> int | None:
        """One stored mark of progress."""
        found = self._of_county("SELECT value FROM mark WHERE name = ?", (name,))
        return int(found[0][0]) if found else None

    def marks(self, beginning: str = "") -> dict[str, int]:
        """All stored marks whose names begin so."""
        return dict(self._of_county("SELECT name, value FROM mark WHERE name LIKE ?", (f"{beginning}%",)))

    def marks_between(self, first: str, last: str) -> dict[str, int]:
        """All stored marks from one name to another, both of them too."""
        return dict(
            self._of_county("SELECT name, value FROM mark WHERE name >= ? AND name <= ?", (first, last))
        )

    @abstractmethod
    def close(self) -> None:
        """Close the connections."""
        if self._archive is not None:
            self._archive.close()
