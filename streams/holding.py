"""Holding back 暂缓: what would change a closed period waits for an office (V07, where PUHUI_HOLD_BACK is on).

What waits for something that is held back waits as long. What does not wait is taken in meanwhile, against the rows
without it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, cast

from aggregates.book import Book
from aggregates.codes import date_of
from aggregates.evolve import evolve
from aggregates.facts import AnyFact
from aggregates.outcomes import Known, Parked, wait_loan, wait_period
from aggregates.scratch import Scratch
from aggregates.store.transaction import ParkedRow
from puhui.policy.periods import Month, Quarter
from streams.arrival import note_subjects
from streams.knowledge import Knowledge
from streams.parking import Parking
from streams.restating import late_from, rewrites_history

_EVENT: Final = "event:"


class HoldBack:
    """Says which facts must wait for an office; none, while it is lifted or where it is off."""

    def __init__(self, knowledge: Knowledge, *, on: bool) -> None:
        self._knowledge = knowledge
        self._on = on

    def held(self, book: Book, facts: tuple[AnyFact, ...], known: Known) -> Parked | None:
        """The office that facts wait for which would change a closed period; None: they may be taken in."""
        if not self._on:
            return None
        scratch = Scratch(book)
        late = [
            late_from(fact, evolve(fact, scratch), known, scratch, rewrites_history(fact, scratch))
            for fact in facts
        ]
        days = [day for day in late if day is not None]
        if not days:
            return None
        day = date_of(min(days))
        month, quarter = str(Month.of(day)), str(Quarter.of(day))
        if any(self._knowledge.approval(book, period) is not None for period in (month, quarter)):
            return None
        values = {"business_date": str(day), "period": month}
        return Parked("V07", "data.business_date", wait_period(month), values, "held")

    @contextmanager
    def lifted(self) -> Iterator[None]:
        """Hold nothing back meanwhile: an office has let it in."""
        on, self._on = self._on, False
        yield
        self._on = on


class Behind:
    """Which events of a book wait for something that is held back, while overdue waits are ended."""

    def __init__(self, parking: Parking, book: Book) -> None:
        self._parking = parking
        self._book = book
        self._loans: set[str] = set()
        self._seen: set[int] = set()
        self._looked = 0
        self._look()

    def holds(self, row: ParkedRow) -> bool:
        """Does an event wait for a loan, or an event of a loan, of which something speaks that is held back?"""
        self._look()
        if row.wait.startswith(_EVENT) and self._loans:
            return bool(self._loans_of(row) & self._loans)
        return row.wait in self._loans

    def _look(self) -> None:
        """Note the loans of what has come to be held back since the last look."""
        waiting = self._book.waiting
        if waiting.ever_held > self._looked:
            self._looked = waiting.ever_held
            for row in self._parking.waiting(self._book, waiting.held()):
                if row.event not in self._seen:
                    self._seen.add(row.event)
                    self._loans |= self._loans_of(row)

    def _loans_of(self, row: ParkedRow) -> set[str]:
        """What waits for the loans of which a parked event speaks."""
        loans, customers = set[str](), set[str]()
        if (arrived := self._parking.revived(self._book, row)) is not None:
            note_subjects(cast(Any, arrived.event).data, loans, customers)
        return set(map(wait_loan, loans))
