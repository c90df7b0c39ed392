"""Holding back 暂缓: what would change a closed period waits for an office (V07, where PUHUI_HOLD_BACK is on): the fourth layer of a chunk.

What waits for something that is held back waits as long. What does not wait is taken in meanwhile, against the rows
without it.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, cast

from msgspec.structs import replace

from aggregates.book import Book
from aggregates.codes import date_of
from aggregates.evolve import evolve
from aggregates.facts import AnyFact
from aggregates.outcomes import Known, Outcome, Parked, wait_loan
from aggregates.scratch import Scratch
from aggregates.store.transaction import ParkedRow
from puhui.policy.periods import BEIJING, Month, Period, Quarter, microseconds, parse
from streams.arrival import Arrived, Source, note_subjects
from streams.restating import late_from
from streams.waiting import PATIENCE, Waiting

if TYPE_CHECKING:
    from streams.intake import Intake

NO_END: Final = microseconds(datetime(9999, 12, 31, tzinfo=BEIJING))
"""Until when an event waits that only an office lets in."""
_PERIOD: Final = "period:"
_EVENT: Final = "event:"


class Holding(Waiting):
    """Parks what is late, and takes it in when the restatement of its month or quarter is approved."""

    def __init__(self, intake: "Intake", source: Source, clock: int) -> None:
        super().__init__(intake, source, clock)
        self._let_in = not self.intake.hold_back
        self._behind = set[str]()

    def decided(self, book: Book, arrived: Arrived, known: Known) -> Outcome:
        """What the event means for its book now: to wait, where it would change a closed period."""
        outcome = super().decided(book, arrived, known)
        return (self.held_back(book, outcome, known) or outcome) if type(outcome) is tuple else outcome

    def held_back(self, book: Book, facts: tuple[AnyFact, ...], known: Known) -> Parked | None:
        """The office that facts wait for which would change a closed period."""
        if self._let_in:
            return None
        scratch = Scratch(book)
        late = [late_from(fact, evolve(fact, scratch), known) for fact in facts]
        days = [day for day in late if day is not None]
        if not days:
            return None
        day = date_of(min(days))
        month, quarter = str(Month.of(day)), str(Quarter.of(day))
        if any(self.approval(book, period) is not None for period in (month, quarter)):
            return None
        values = {"business_date": str(day), "period": month}
        return Parked("V07", "data.business_date", _PERIOD + month, values, "held")

    def waits_until(self, wait: str, usual: int) -> int:
        """How long (µs) an event waits: without an end, where only an office can let it in."""
        if wait.startswith(_PERIOD):
            return NO_END
        return self.instant + PATIENCE if usual == NO_END else usual

    def settle(self, book: Book, period: str) -> None:
        """A period's restatement is approved: what was held back for it is taken in, and belongs to it."""
        if waits := held_for(book, parse(period)):
            self._let_in, known = True, self.known(book)
            for row in self.waiting(book, waits):
                self.take_up(book, row, known)
            self._let_in = not self.intake.hold_back
        super().settle(book, period)

    def expire(self, book: Book, instant: int) -> None:
        """End what has waited too long, but for what waits behind something that is held back."""
        self._behind = self._loans_held(book)
        super().expire(book, instant)

    def ends(self, book: Book, row: ParkedRow, instant: int) -> bool:
        """Is an overdue wait to be ended still? Not behind something that is held back: it goes on."""
        if super().ends(book, row, instant) and self._is_behind(book, row):
            self.wait(book, replace(row, until=instant + PATIENCE))
        return super().ends(book, row, instant)

    def _is_behind(self, book: Book, row: ParkedRow) -> bool:
        if row.wait.startswith(_EVENT) and self._behind:
            return bool(self._loans_of(book, row) & self._behind)
        return row.wait in self._behind

    def wait(self, book: Book, row: ParkedRow) -> None:
        """An event waits; what waits for its loans waits behind it where it is held back."""
        super().wait(book, row)
        if row.wait.startswith(_PERIOD):
            self._behind |= self._loans_of(book, row)

    def _loans_held(self, book: Book) -> set[str]:
        """What waits for these loans waits behind something that is held back."""
        return set[str]().union(*(self._loans_of(book, row) for row in self.waiting(book, _held(book))))

    def _loans_of(self, book: Book, row: ParkedRow) -> set[str]:
        """What waits for the loans of which a parked event speaks."""
        loans, customers = set[str](), set[str]()
        if (arrived := self.revived(book, row)) is not None:
            note_subjects(cast(Any, arrived.event).data, loans, customers)
        return set(map(wait_loan, loans))


def _held(book: Book) -> Iterable[str]:
    return [wait for wait in book.waits if wait.startswith(_PERIOD)]


def held_for(book: Book, period: Period) -> list[str]:
    """What events of this period wait for in a book: its own month, or those of its quarter."""
    months = period.months if isinstance(period, Quarter) else (period,)
    return [wait for month in months if (wait := f"{_PERIOD}{month}") in book.waits]
