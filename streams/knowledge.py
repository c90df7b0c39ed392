"""What one transaction knows before it looks into a book: the registry, and the day on which it is made."""

from typing import Final

from aggregates.book import Book
from aggregates.codes import date_of, day_number
from aggregates.outcomes import Known
from aggregates.registry import Registry
from puhui.codes import DEMO_DIVISIONS, DIVISIONS
from puhui.policy.periods import date_at
from streams.closing import closed_periods_from, closed_until

UNKNOWN: Final = "unknown"
"""Whose book an event is counted under when its institution is not registered, or not certain."""


class Knowledge:
    """The registry as seen at one instant of knowledge (`clock`, µs); it changes nothing.

    What an office says in the same transaction is seen as soon as the registry has it.
    """

    def __init__(self, registry: Registry, clock: int, *, by_record_clock: bool) -> None:
        self.registry = registry
        self.clock = clock
        self.today = date_at(clock)
        self.divisions = DEMO_DIVISIONS if by_record_clock else DIVISIONS
        self._now = day_number(self.today)

    def is_registered(self, institution: str) -> bool:
        """Has an office registered this institution?"""
        return institution in self.registry.institutions

    def counted_under(self, institution: str) -> str:
        """The name under which events of an institution are counted: its code, where it is registered."""
        return institution if institution in self.registry.institutions else UNKNOWN

    def known(self, book: Book) -> Known:
        """What deciding may know of a registered institution now."""
        institution = self.registry.institutions[book.name]
        closed = closed_until(self.registry, book.name, self.today)
        live = day_number(date_at(book.live_from)) if book.live_from is not None else self._now
        return Known(self._now, institution.valid_from, institution.closed_on, closed, live, self.divisions)

    def closed_from(self, book: Book, day: int) -> list[str]:
        """The closed periods of a book that a fact of that day (a day number) changes."""
        return closed_periods_from(self.registry, book.name, date_of(day), self.today)

    def approval(self, book: Book, period: str) -> int | None:
        """When (µs) this restatement was approved, where the office's topic was read before the bank's."""
        for approved in self.registry.of_kind("restatement.approved"):
            mine = approved.institution == book.name or not self.is_registered(approved.institution)
            if mine and approved.data["period"] == period and approved.recorded_at >= self.clock:
                return approved.recorded_at
        return None
