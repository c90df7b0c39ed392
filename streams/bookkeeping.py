"""Bookkeeping 记账: one event after the other goes into its book, or waits, or is refused."""

from typing import Any, cast

from aggregates.book import Book
from aggregates.decide import judged_again, taken_before
from aggregates.outcomes import Known, Parked, Refused, wait_institution
from aggregates.refusals import Contents
from aggregates.store import Store
from puhui.policy.periods import parse
from streams.arrival import Arrived
from streams.deciding import Decider
from streams.expiring import Expiry
from streams.holding import HoldBack
from streams.parking import Parking
from streams.releasing import Releaser
from streams.restating import Restatements, held_for
from streams.workbench import Workbench


class Bookkeeper:
    """Enters events into books, in one unit of work."""

    def __init__(self, bench: Workbench, store: Store, *, hold_back: bool, portion: int) -> None:
        """`portion`: of how many events the wait ends in one unit of work, admitted or overdue; -1: of all."""
        self._knowledge, self._work, self._refuser = bench
        self._portion = portion
        self._parking = parking = Parking(bench, store)
        self._restatements = restatements = Restatements(bench.knowledge, bench.work)
        self._hold_back = HoldBack(bench.knowledge, on=hold_back)
        self._decider = decider = Decider(self._hold_back)
        self._releaser = Releaser(bench, parking, restatements, decider)
        self.reach = Expiry(bench, parking, restatements, decider, self._releaser, portion).reach

    def enter(self, book: Book, arrived: Arrived, known: Known, refused: Contents) -> None:
        """Decide about one event, and do what was decided; `refused` knows whether it was refused before."""
        self.reach(book, arrived.at)
        event = arrived.hashes.event
        if (event in book.waiting or event in refused) and self._seen_aside(book, arrived):
            return
        book.touched.clear()
        outcome = self._decider.decide(book, arrived, known)
        if type(outcome) is tuple:
            self._restatements.take(book, outcome, known)
            if book.waiting.count:
                self._releaser.release(book, known, event)
        elif isinstance(outcome, Refused):
            self._refuser.refuse(book, arrived, outcome)
        elif isinstance(outcome, Parked):
            self._parking.park(book, arrived, outcome)
        else:
            self._work.count(book.name, "repeated", cast(Any, outcome).rule)

    def enter_early(self, book: Book, arrived: Arrived) -> None:
        """Let an event wait that came before its institution (V05)."""
        self.reach(book, arrived.at)
        if not self._seen_aside(book, arrived):
            wait, values = wait_institution(book.name), {"institution": book.name}
            self._parking.park(book, arrived, Parked("V05", "data.institution_id", wait, values, "unknown"))

    def _seen_aside(self, book: Book, arrived: Arrived) -> bool:
        """Is the event one that waits, or that was refused (V01, V02)? Then it is answered."""
        event, content = arrived.hashes.event, book.waiting.content(arrived.hashes.event)
        if content is None and (known := self._refuser.refused(book.name, (event,)).get(event)):
            if taken_before(cast(Any, arrived.event), arrived.hashes, book) is not None:
                return False  # another content was refused under the id of what had been taken in
            content = arrived.hashes.content if arrived.hashes.content in known else known[-1]
        answer = judged_again(content, arrived.hashes, arrived.event)
        if answer is None:
            return False
        if isinstance(answer, Refused):
            self._refuser.refuse(book, arrived, answer)
        else:
            self._work.count(self._knowledge.counted_under(book.name), "repeated", "V01")
        return True

    def admit(self, book: Book) -> None:
        """What an institution sent before it was registered is taken up, in order of arrival.

        A portion of it, the rest is found due again; all of it where records carry the clock, which stands still here.
        """
        if not book.waiting.count:
            return
        known, most = self._knowledge.known(book), self._portion
        for row in self._parking.waiting(book, [wait_institution(book.name)], most):
            self._releaser.take_up(book, row, known)

    def settle(self, book: Book, period: str) -> None:
        """A period's restatement is approved: what was held back for it is taken in, and belongs to it.

        A portion of it, and the restatement stays open until the rest, found due again, is in; where records carry
        the clock, all of it.
        """
        if waits := held_for(book, parse(period)):
            known = self._knowledge.known(book)
            with self._hold_back.lifted():
                for row in self._parking.waiting(book, waits, self._portion):
                    self._releaser.take_up(book, row, known)
        if not held_for(book, parse(period)):
            self._restatements.settle(book, period)
