"""What is taken in, and what waits: the third layer of a chunk."""

from collections import deque
from collections.abc import Iterable
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec

from aggregates.book import Book
from aggregates.decide import decide, extension_as_told, judged_again, taken_before
from aggregates.facts import AnyFact, ParkingEnded
from aggregates.outcomes import (
    Hashes,
    Known,
    Outcome,
    Parked,
    Refused,
    wait_event,
    wait_institution,
    wait_loan,
)
from aggregates.refusals import Contents
from aggregates.store.transaction import ParkedRow
from puhui.contract.codec import Malformed
from puhui.contract.codec import decode as decode_value
from streams.arrival import Arrived, Source, unreadable
from streams.forwarding import packed_headers
from streams.restating import Restating

if TYPE_CHECKING:
    from streams.intake import Intake

PATIENCE: Final = 72 * 3600 * 1_000_000
"""Microseconds that a parked event waits (a proposal of the notes: 72 hours)."""
_arrival: Final = attrgetter("since")
_OLD_DUE: Final = "data.old_due_on"
"""What an extension has waited for in vain (V17): where it is held back then, the field that its row names."""


class Waiting(Restating):
    """Takes facts in, parks what came too early, and takes it up again when what it waits for has come."""

    def __init__(self, intake: "Intake", source: Source, clock: int) -> None:
        super().__init__(intake, source, clock)
        self.parked: dict[tuple[str, int], ParkedRow] = {}

    def one(self, book: Book, arrived: Arrived, known: Known, refused: Contents) -> None:
        """Decide about one event, and do what was decided; `refused` knows whether it was refused before."""
        self.reach(book, arrived.at)
        event = arrived.hashes.event
        if (event in book.parked or event in refused) and self.seen_aside(book, arrived):
            return
        book.touched.clear()
        outcome = self.decided(book, arrived, known)
        if type(outcome) is tuple:
            self.take(book, outcome, known)
            if book.waits:
                self.release(book, known, event)
        elif isinstance(outcome, Refused):
            self.refuse(book, arrived, outcome)
        elif isinstance(outcome, Parked):
            self.park(book, arrived, outcome)
        else:
            self.count(book.name, "repeated", cast(Any, outcome).rule)

    def decided(self, book: Book, arrived: Arrived, known: Known) -> Outcome:
        """What an event means for its book now."""
        return decide(cast(Any, arrived.event), arrived.hashes, book, known)

    def held_back(self, book: Book, facts: tuple[AnyFact, ...], known: Known) -> Parked | None:
        """What the facts of an event wait for that may not be taken in yet; None: nothing."""
        return None

    def seen_aside(self, book: Book, arrived: Arrived) -> bool:
        """Is the event one that waits, or that was refused (V01, V02)?"""
        event, content = arrived.hashes.event, book.parked.get(arrived.hashes.event)
        if content is None and (known := self.refused(book.name, (event,)).get(event)):
            if taken_before(cast(Any, arrived.event), arrived.hashes, book) is not None:
                return False  # another content was refused under the id of what had been taken in
            content = arrived.hashes.content if arrived.hashes.content in known else known[-1]
        answer = judged_again(content, arrived.hashes, arrived.event)
        if answer is None:
            return False
        if isinstance(answer, Refused):
            self.refuse(book, arrived, answer)
        else:
            self.count(self._owner(book.name), "repeated", "V01")
        return True

    def take(self, book: Book, facts: tuple[AnyFact, ...], known: Known) -> None:
        """Take the facts of one event in."""
        for fact in facts:
            self.take_one(book, fact, known)
        self.count(book.name, "accepted")
        self.changed.add(book.name)

    def park(self, book: Book, arrived: Arrived, parked: Parked) -> None:
        """Let an event wait."""
        row = ParkedRow(
            book.name, arrived.hashes.event, arrived.hashes.content, parked.rule, parked.wait,
            max(arrived.at, book.latest_parked + 1), self.waits_until(parked.wait, arrived.at + PATIENCE), arrived.origin.partition("/")[0],
            arrived.place, arrived.value, packed_headers(arrived.headers), values_of(parked),
        )  # fmt: skip
        self.wait(book, row)
        self.count(self._owner(book.name), "parked", parked.rule)

    def waits_until(self, wait: str, usual: int) -> int:
        """How long (µs) an event waits that waits for this."""
        return usual

    def wait(self, book: Book, row: ParkedRow) -> None:
        book.latest_parked = max(book.latest_parked, row.since)
        book.remember_parked(row.event, row.content, row.wait, row.until)
        self.parked[(book.name, row.event)] = row

    def _unpark(self, book: Book, row: ParkedRow) -> None:
        book.forget_parked(row.event, row.wait)
        self.parked.pop((book.name, row.event), None)
        self.transaction.unparked.append((book.name, row.event))

    def release(self, book: Book, known: Known, event: int) -> None:
        """Try what waits on an event that was taken in, or on a loan that it changed, the earliest first.

        After each that is taken in, those passed over are tried again.
        """
        changed: set[str] = set()
        ahead: deque[ParkedRow] = deque()
        passed: list[ParkedRow] = []
        while True:
            if fresh := {wait_event(event), *map(wait_loan, book.touched)} - changed:
                changed |= fresh
                ahead = deque(sorted((*passed, *ahead, *self.waiting(book, fresh)), key=_arrival))
                passed = []
            if not ahead:
                return
            row = ahead.popleft()
            if self.try_again(book, row, known):
                event = row.event
                ahead.extendleft(reversed(passed))
                passed = []
            elif row.event in book.parked:
                still = self.parked.get((book.name, row.event), row)
                passed += [still] if still.wait in changed else []

    def waiting(self, book: Book, waits: Iterable[str], limit: int = -1) -> list[ParkedRow]:
        """The events that wait for these, in their order of arrival; not more than so many of each, if there is a limit."""
        found = []
        for wait in waits:
            events = book.waits.get(wait, set())
            fresh = [self.parked[(book.name, e)] for e in events if (book.name, e) in self.parked]
            found += fresh
            if len(fresh) < len(events):
                known = {row.event for row in fresh}
                stored = self.intake.store.parked(book.name, wait, limit=limit)
                found += [row for row in stored if row.event in events and row.event not in known]
        return sorted(found, key=_arrival)

    def try_again(self, book: Book, row: ParkedRow, known: Known) -> bool:
        """Decide a parked event anew; True where it was taken in."""
        arrived = self.revived(book, row)
        book.touched.clear()
        if arrived is None:
            return False
        outcome = self._decided_again(book, row, arrived, known)
        if isinstance(outcome, Parked):
            if outcome.wait != row.wait or outcome.rule != row.rule:
                values = values_of(outcome)
                until = self.waits_until(outcome.wait, row.until)
                moved = msgspec.structs.replace(
                    row, rule=outcome.rule, wait=outcome.wait, until=until, values=values
                )
                book.forget_parked(row.event, row.wait)
                self.wait(book, moved)
            return False
        self._unpark(book, row)
        if isinstance(outcome, tuple):
            self.take(book, outcome, known)
            self.count(book.name, "released", row.rule)
            return True
        if isinstance(outcome, Refused):
            self.refuse(book, arrived, outcome)
        else:
            self.count(book.name, "repeated", outcome.rule)
        return False

    def _decided_again(self, book: Book, row: ParkedRow, arrived: Arrived, known: Known) -> Outcome:
        """What a parked event means now: an extension does not wait for its old due date a second time."""
        outcome = self.decided(book, arrived, known)
        if isinstance(outcome, Parked) and outcome.rule == "V17" and row.rule == "V07":
            *_, field = msgspec.json.decode(row.values)
            return self._as_told(book, arrived, known) if field == _OLD_DUE else outcome
        return outcome

    def _as_told(self, book: Book, arrived: Arrived, known: Known) -> tuple[AnyFact, ...] | Parked:
        """What an extension means that has waited for its old due date in vain."""
        facts = extension_as_told(arrived.event, arrived.hashes)
        held = self.held_back(book, facts, known)
        return facts if held is None else msgspec.structs.replace(held, field=_OLD_DUE)

    def reach(self, book: Book, instant: int) -> None:
        """An instant of a book is reached: first ends what has waited too long by then."""
        self.at(instant)
        if book.is_late(instant):
            self.expire(book, instant)
            self.at(instant)

    def expire(self, book: Book, instant: int) -> None:
        """Refuse what has waited too long; an extension from another due date is taken in, flagged, or held back (V17).

        What waited for its institution is taken up where that has been registered meanwhile.
        """
        registered, early = book.name in self.intake.registry.institutions, wait_institution(book.name)
        for row in self.overdue(book, instant):
            if registered and row.wait == early:
                # what it waits for now, if for anything, it has not waited for yet
                self.take_up(book, msgspec.structs.replace(row, until=instant + PATIENCE), self.known(book))
                continue
            arrived = self.revived(book, row) if self.ends(book, row, instant) else None
            if arrived is None:
                continue
            self.at(row.until)
            self._unpark(book, row)
            case, values, *field = msgspec.json.decode(row.values)
            if row.rule == "V17" and registered:
                self._extend(book, arrived)
                continue
            self._ended(book, row)
            self.refuse(
                book,
                arrived,
                Refused(row.rule, "".join(field), values, "expired" if row.rule == "V19" else case),
            )
        book.deadline = self._deadline(book, instant)

    def take_up(self, book: Book, row: ParkedRow, known: Known) -> None:
        """Decide a parked event anew, and then what waits for it; nothing where it waits no longer."""
        if row.event in book.parked and self.try_again(book, row, known):
            self.release(book, known, row.event)

    def ends(self, book: Book, row: ParkedRow, instant: int) -> bool:
        """Is an overdue wait to be ended still, after those that were ended before it?"""
        return row.event in book.parked and self.parked.get((book.name, row.event), row).until <= instant

    def _extend(self, book: Book, arrived: Arrived) -> None:
        """Take an extension in that has waited for its old due date in vain, or let it wait on from now."""
        known = self.known(book)
        book.touched.clear()
        outcome = self._as_told(book, arrived, known)
        if isinstance(outcome, Parked):
            self.park(book, msgspec.structs.replace(arrived, at=self.instant), outcome)
        else:
            self.take(book, outcome, known)
            self.release(book, known, arrived.hashes.event)

    def overdue(self, book: Book, instant: int) -> list[ParkedRow]:
        """What should have waited until an instant at most, by arrival."""
        own = {event: row for (name, event), row in self.parked.items() if name == book.name}
        stored = self.intake.store.parked(book.name, until=instant)
        rows = {row.event: row for row in stored if row.event in book.parked} | own
        return sorted((row for row in rows.values() if row.until <= instant), key=_arrival)

    def _deadline(self, book: Book, instant: int) -> int | None:
        """The first instant after this one at which something will have waited too long."""
        own = [
            row.until for (name, _), row in self.parked.items() if name == book.name and row.until > instant
        ]
        stored = self.intake.store.next_deadline(book.name, instant) if book.parked else None
        return min(own if stored is None else [*own, stored], default=None)

    def _ended(self, book: Book, row: ParkedRow) -> None:
        book.take(ParkingEnded(row.event, row.content, 0, row.rule))
        self.changed.add(book.name)

    def revived(self, book: Book, row: ParkedRow) -> Arrived | None:
        """The parked event; one that a newer contract cannot read any more is refused, and None returned."""
        headers = [(str(name), value) for name, value in msgspec.msgpack.decode(row.headers)]
        event = decode_value(row.topic, row.value, headers)
        if not isinstance(event, Malformed):
            origin, _, offset = row.place.rpartition("/")
            hashes = Hashes(row.event, row.content, event.source)
            return Arrived(origin, int(offset), row.value, headers, event, hashes, row.since)
        self._unpark(book, row)
        self._ended(book, row)
        self.refusal(book.name, unreadable(event), row.event, row.content, row.place, row.value)
        return None


def values_of(parked: Parked) -> str:
    """Case, values and field of a parking, as the answer will name them if the wait ends in vain."""
    values = {name: str(value) for name, value in parked.values.items()}
    return msgspec.json.encode([parked.case, values, parked.field]).decode()
