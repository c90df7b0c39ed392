"""Restatements 重述: what becomes known of a closed period is taken in, flagged, and opens one (V07): the second layer of a chunk."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from aggregates.book import Book
from aggregates.codes import date_of
from aggregates.decide import with_flags
from aggregates.evolve import Moved
from aggregates.facts import (
    AnyFact,
    LoanCorrected,
    LoanReversed,
    PositionReported,
    RegistryFact,
    RestatementOpened,
    flag,
    flagged,
)
from aggregates.hashing import text_hash
from aggregates.outcomes import Known
from aggregates.store.transaction import RestatementRow
from streams.closing import closed_periods_from
from streams.refusing import Refusing

_LATE: Final = flag("V07")


class Restating(Refusing):
    """Takes single facts in, and notes which closed periods they change."""

    def take_one(self, book: Book, fact: AnyFact, known: Known) -> None:
        """Take a fact in; one that changes a closed period is flagged, and opens a restatement."""
        late = late_from(fact, book.take(fact), known)
        if late is not None:
            book.facts[-1] = fact = with_flags(fact, _LATE)
            self._restate(book, late)
        if fact.flags:
            for rule in flagged(fact.flags):
                self.count(book.name, "flagged", rule)

    def _restate(self, book: Book, day: int) -> None:
        """Open a restatement of every closed period that a day changes, where none is open."""
        for period in closed_periods_from(self.intake.registry, book.name, date_of(day), self.today):
            before = book.restated.get(period)
            if before is not None and (before.approved_at is None or before.approved_at >= self.clock):
                continue
            approved_at = self.approval(book, period)
            row = RestatementRow(book.name, period, book.version + 1, self.clock, approved_at)
            book.restated[period] = row
            self.transaction.restatements.append(row)
            identity = text_hash(f"restatement:{book.name}:{period}:{book.version + 1}")
            book.take(RestatementOpened(identity, 0, 0, period))

    def approval(self, book: Book, period: str) -> int | None:
        """When this restatement was approved, where the office's topic was read before the bank's."""
        for approved in self.intake.registry.of_kind("restatement.approved"):
            mine = (
                approved.institution == book.name
                or approved.institution not in self.intake.registry.institutions
            )
            if mine and approved.data["period"] == period and approved.recorded_at >= self.clock:
                return approved.recorded_at
        return None

    def approve(self, fact: RegistryFact) -> None:
        """The restatement of a period is approved, for one institution or for all."""
        period, books = str(msgspec.json.decode(fact.data)["period"]), self.intake.books
        single = fact.institution in self.intake.registry.institutions
        for name in [fact.institution] if single else list(books):
            if name in books:
                self.settle(books[name], period)

    def settle(self, book: Book, period: str) -> None:
        """The restatement of a period of a book, where one is open, is approved."""
        row = book.restated.get(period)
        if row is not None and row.approved_at is None:
            known_at = max(self.clock, book.recorded_at + 1) if book.facts else self.clock
            book.restated[period] = row = msgspec.structs.replace(row, approved_at=known_at)
            self.transaction.restatements.append(row)
            self.changed.add(book.name)


def late_from(fact: AnyFact, moved: Sequence[Moved], known: Known) -> int | None:
    """The first day of the closed periods that a fact changes, after the institution's live date; None: it changes none.

    A fact changes the period of its business date, and every one in which it moves something: a correction, a
    reversal, a line or size known late move days before their own. A total changes the day for which it is reported.
    History of before the live date is exempt; what changes it later is not.
    """
    told: Any = fact
    own = first = told.as_of if type(fact) is PositionReported and fact.kind != "tie_out" else told.day
    for _, movement in moved:
        if movement[2] < first:
            first = movement[2]
    if first > known.closed_until:
        return None
    history = own < known.live_from and not isinstance(fact, LoanReversed | LoanCorrected)
    first = max(first, known.live_from)
    return first if first <= known.closed_until and not history else None
