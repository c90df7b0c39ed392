"""Parking 暂存: events that wait, in the store and in the unit of work in hand."""

from collections.abc import Iterable
from datetime import datetime
from operator import attrgetter
from typing import Final

import msgspec

from aggregates.book import Book
from aggregates.facts import ParkingEnded
from aggregates.outcomes import HELD, Hashes, Parked, Refused, wait_institution
from aggregates.store import Store
from aggregates.store.transaction import ParkedRow
from puhui.contract.codec import Malformed
from puhui.contract.codec import decode as decode_value
from puhui.policy.periods import BEIJING, microseconds
from streams.arrival import Arrived, unreadable
from streams.forwarding import packed_headers
from streams.workbench import Workbench

PATIENCE: Final = 72 * 3600 * 1_000_000
"""Microseconds that a parked event waits (a proposal of the notes: 72 hours)."""
NO_END: Final = microseconds(datetime(9999, 12, 31, tzinfo=BEIJING))
"""Until when an event waits that only an office lets in."""
MOST: Final = 200
"""So many events of a book wait for one loan, or for one event, at most: each news of it tries them all."""
by_arrival: Final = attrgetter("since")


class Parking:
    """What waits in any book: as the store has it, and as this unit of work changes it."""

    def __init__(self, bench: Workbench, store: Store) -> None:
        self._knowledge, self._work, self._refuser = bench
        self._store = store

    def park(self, book: Book, arrived: Arrived, parked: Parked) -> None:
        """Let an event wait that has arrived, and count it; it waits in vain where too many wait for the same."""
        if self._is_crowded(book, parked.wait):
            self._refuser.refuse(book, arrived, in_vain(parked.rule, values_of(parked)))
            return
        row = ParkedRow(
            book.name, arrived.hashes.event, arrived.hashes.content, parked.rule, parked.wait,
            max(arrived.at, book.latest_parked + 1), self._until(parked.wait, arrived.at + PATIENCE),
            arrived.origin.partition("/")[0], arrived.place, arrived.value, packed_headers(arrived.headers),
            values_of(parked),
        )  # fmt: skip
        self.wait(book, row)
        self._work.count(self._knowledge.counted_under(book.name), "parked", parked.rule)

    def move(self, book: Book, row: ParkedRow, arrived: Arrived, parked: Parked) -> None:
        """Let an event wait on, for something else where that is so; its patience goes on."""
        if parked.wait != row.wait and self._is_crowded(book, parked.wait):
            self.leave(book, row)
            self.end(book, row)
            self._refuser.refuse(book, arrived, in_vain(parked.rule, values_of(parked)))
        elif parked.wait != row.wait or parked.rule != row.rule:
            values, until = values_of(parked), self._until(parked.wait, row.until)
            book.forget_parked(row.event, row.wait)
            self.wait(
                book,
                msgspec.structs.replace(row, rule=parked.rule, wait=parked.wait, until=until, values=values),
            )

    def _is_crowded(self, book: Book, wait: str) -> bool:
        """Do too many events wait for this? Never too many for an office, which lets them in by portions."""
        if wait.startswith(HELD) or wait == wait_institution(book.name):
            return False
        return book.waiting.number(wait) >= MOST

    def _until(self, wait: str, usual: int) -> int:
        """How long (µs) an event waits: without an end, where only an office can let it in."""
        if wait.startswith(HELD):
            return NO_END
        return self._work.instant + PATIENCE if usual == NO_END else usual

    def wait(self, book: Book, row: ParkedRow) -> None:
        """An event waits as this row says."""
        book.latest_parked = max(book.latest_parked, row.since)
        book.remember_parked(row.event, row.content, row.wait, row.until)
        self._work.park(row)

    def leave(self, book: Book, row: ParkedRow) -> None:
        """An event waits no longer."""
        book.forget_parked(row.event, row.wait)
        self._work.unpark(book.name, row.event)

    def end(self, book: Book, row: ParkedRow) -> None:
        """That an event has waited in vain is a fact of its book."""
        book.take(ParkingEnded(row.event, row.content, 0, row.rule))
        self._work.changed.add(book.name)

    def latest(self, book: Book, row: ParkedRow) -> ParkedRow:
        """The row of an event as this unit of work has changed it."""
        return self._work.parked.get((book.name, row.event), row)

    def waiting(self, book: Book, waits: Iterable[str], limit: int = -1) -> list[ParkedRow]:
        """The events that wait for these, in their order of arrival; not more than so many of each, if there is a limit."""
        found, parked = [], self._work.parked
        for wait in waits:
            events = book.waiting.events(wait)
            fresh = [parked[(book.name, e)] for e in events if (book.name, e) in parked]
            found += fresh
            if len(fresh) < len(events):
                known = {row.event for row in fresh}
                stored = self._store.parked(book.name, wait, limit=limit)
                found += [row for row in stored if row.event in events and row.event not in known]
        return sorted(found, key=by_arrival)

    def overdue(self, book: Book, instant: int, limit: int = -1) -> tuple[list[ParkedRow], bool]:
        """What should have waited until an instant at most, by arrival, and whether that is all of it.

        Not more than so many of those that wait in the store, if there is a limit.
        """
        own = {row.event: row for row in self._fresh(book)}
        stored = self._store.parked(book.name, until=instant, limit=limit)
        rows = {row.event: row for row in stored if row.event in book.waiting} | own
        late = sorted((row for row in rows.values() if row.until <= instant), key=by_arrival)
        return late, len(stored) != limit

    def deadline(self, book: Book, instant: int) -> int | None:
        """The first instant after this one at which something will have waited too long."""
        own = [row.until for row in self._fresh(book) if row.until > instant]
        stored = self._store.next_deadline(book.name, instant) if book.waiting.count else None
        return min(own if stored is None else [*own, stored], default=None)

    def _fresh(self, book: Book) -> list[ParkedRow]:
        return [row for (name, _), row in self._work.parked.items() if name == book.name]

    def revived(self, book: Book, row: ParkedRow) -> Arrived | None:
        """The parked event; one that a newer contract cannot read any more is refused, and None returned."""
        headers = [(str(name), value) for name, value in msgspec.msgpack.decode(row.headers)]
        event = decode_value(row.topic, row.value, headers)
        if not isinstance(event, Malformed):
            origin, _, offset = row.place.rpartition("/")
            hashes = Hashes(row.event, row.content, event.source, event.id, event.time)
            return Arrived(origin, int(offset), row.value, headers, event, hashes, row.since)
        self.leave(book, row)
        self.end(book, row)
        refused = unreadable(event)
        self._refuser.refuse_bytes(book.name, refused, row.event, row.content, row.place, row.value)
        return None


def values_of(parked: Parked) -> str:
    """Case, values and field of a parking, as the answer will name them if the wait ends in vain."""
    values = {name: str(value) for name, value in parked.values.items()}
    return msgspec.json.encode([parked.case, values, parked.field]).decode()


def in_vain(rule: str, told: str) -> Refused:
    """What is said of an event that waits in vain; `told` is what `values_of` its parking gave."""
    case, values, *field = msgspec.json.decode(told)
    return Refused(rule, "".join(field), values, "expired" if rule == "V19" else case)
