"""Expiry 到期: what has waited too long is refused, and that it was is a stored fact."""

from msgspec.structs import replace

from aggregates.book import Book
from aggregates.outcomes import Parked, wait_institution
from aggregates.store.transaction import ParkedRow
from streams.arrival import Arrived
from streams.deciding import Decider
from streams.holding import Behind
from streams.parking import PATIENCE, Parking, in_vain
from streams.releasing import Releaser
from streams.restating import Restatements
from streams.workbench import Workbench


class Expiry:
    """Ends overdue waits, book by book: of all books not more than a portion in one unit of work; -1: all of them."""

    def __init__(
        self, bench: Workbench, parking: Parking, restatements: Restatements, decider: Decider, releaser: Releaser,
        portion: int,
    ) -> None:  # fmt: skip
        self._knowledge, self._work, self._refuser = bench
        self._left = portion
        self._parking = parking
        self._restatements = restatements
        self._decider = decider
        self._releaser = releaser

    def reach(self, book: Book, instant: int) -> None:
        """An instant of a book is reached: first ends what has waited too long by then.

        What is left over after a portion leaves the book late, so that it is looked for again.
        """
        self._work.at(instant)
        if self._left and book.is_late(instant):
            self._expire(book, instant)
            self._work.at(instant)

    def _expire(self, book: Book, instant: int) -> None:
        """End what has waited too long, but for what waits behind something that is held back: that goes on.

        What waited for its institution is taken up where that has been registered meanwhile.
        """
        registered, early = self._knowledge.is_registered(book.name), wait_institution(book.name)
        behind = Behind(self._parking, book)
        overdue, whole = self._parking.overdue(book, instant, self._left)
        for row in (self._parking.latest(book, row) for row in overdue):
            if registered and row.wait == early:
                # what it waits for now, if for anything, it has not waited for yet
                row = replace(row, until=instant + PATIENCE)
                self._releaser.take_up(book, row, self._knowledge.known(book))
            elif self._is_overdue(book, row, instant):
                if behind.holds(row):
                    self._parking.wait(book, replace(row, until=instant + PATIENCE))
                else:
                    self._end(book, row)
        self._left = max(self._left - len(overdue), 0) if self._left > 0 else self._left
        if whole:
            book.deadline = self._parking.deadline(book, instant)

    def _is_overdue(self, book: Book, row: ParkedRow, instant: int) -> bool:
        """Is a wait overdue still, after those that were ended before it?"""
        return row.event in book.waiting and row.until <= instant

    def _end(self, book: Book, row: ParkedRow) -> None:
        """Refuse what has waited in vain; an extension from another due date is taken in, flagged, or held back (V17)."""
        arrived = self._parking.revived(book, row)
        if arrived is None:
            return
        self._work.at(row.until)
        self._parking.leave(book, row)
        if row.rule == "V17" and self._knowledge.is_registered(book.name):
            self._extend(book, arrived)
            return
        self._parking.end(book, row)
        self._refuser.refuse(book, arrived, in_vain(row.rule, row.values))

    def _extend(self, book: Book, arrived: Arrived) -> None:
        """Take an extension in that has waited for its old due date in vain, or let it wait on from now."""
        known = self._knowledge.known(book)
        book.touched.clear()
        outcome = self._decider.decide_as_told(book, arrived, known)
        if isinstance(outcome, Parked):
            self._parking.park(book, replace(arrived, at=self._work.instant), outcome)
        else:
            self._restatements.take(book, outcome, known)
            self._releaser.release(book, known, arrived.hashes.event)
