"""Releasing 放行: what waited is decided anew when that has come for which it waited."""

from collections import deque

from aggregates.book import Book
from aggregates.outcomes import Known, Parked, Refused, wait_event, wait_loan
from aggregates.store.transaction import ParkedRow
from streams.deciding import Decider
from streams.parking import Parking, by_arrival
from streams.restating import Restatements
from streams.workbench import Workbench


class Releaser:
    """Tries parked events again, the earliest first."""

    def __init__(
        self, bench: Workbench, parking: Parking, restatements: Restatements, decider: Decider
    ) -> None:
        _, self._work, self._refuser = bench
        self._parking = parking
        self._restatements = restatements
        self._decider = decider

    def take_up(self, book: Book, row: ParkedRow, known: Known) -> None:
        """Decide a parked event anew, and then what waits for it; nothing where it waits no longer."""
        if row.event in book.waiting and self._try(book, row, known):
            self.release(book, known, row.event)

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
                ahead = deque(sorted((*passed, *ahead, *self._parking.waiting(book, fresh)), key=by_arrival))
                passed = []
            if not ahead:
                return
            row = ahead.popleft()
            if self._try(book, row, known):
                event = row.event
                ahead.extendleft(reversed(passed))
                passed = []
            elif row.event in book.waiting:
                still = self._parking.latest(book, row)
                passed += [still] if still.wait in changed else []

    def _try(self, book: Book, row: ParkedRow, known: Known) -> bool:
        """Decide a parked event anew; True where it was taken in."""
        arrived = self._parking.revived(book, row)
        book.touched.clear()
        if arrived is None:
            return False
        outcome = self._decider.decide_again(book, row, arrived, known)
        if isinstance(outcome, Parked):
            self._parking.move(book, row, arrived, outcome)
            return False
        self._parking.leave(book, row)
        if isinstance(outcome, tuple):
            self._restatements.take(book, outcome, known)
            self._work.count(book.name, "released", row.rule)
            return True
        if isinstance(outcome, Refused):
            self._refuser.refuse(book, arrived, outcome)
        else:
            self._work.count(book.name, "repeated", outcome.rule)
        return False
