"""Restatements 重述: what becomes known of a closed period is taken in, flagged, and opens one (V07)."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from aggregates.book import Book
from aggregates.decide import with_flags
from aggregates.evolve import Moved
from aggregates.facts import (
    TOLD_AGAIN,
    AnyFact,
    LoanCorrected,
    LoanReversed,
    PositionReported,
    RestatementOpened,
    flag,
    flagged,
)
from aggregates.hashing import text_hash
from aggregates.loan import NUMBERED
from aggregates.outcomes import Known, Subjects, wait_period
from aggregates.store.transaction import RestatementRow
from puhui.policy.periods import Period, Quarter, parse
from streams.knowledge import Knowledge
from streams.unit_of_work import UnitOfWork

_LATE: Final = flag("V07")


class Restatements:
    """Takes facts into books in one unit of work; opens and settles the restatements of the periods that they change."""

    def __init__(self, knowledge: Knowledge, work: UnitOfWork) -> None:
        self._knowledge = knowledge
        self._work = work

    def take(self, book: Book, facts: Iterable[AnyFact], known: Known) -> None:
        """Take the facts of one event in, and count it as accepted."""
        for fact in facts:
            self._take(book, fact, known)
        self._work.count(book.name, "accepted")
        self._work.changed.add(book.name)

    def _take(self, book: Book, fact: AnyFact, known: Known) -> None:
        """Take a fact in; one that changes a closed period is flagged, and opens a restatement."""
        rewrites = rewrites_history(fact, book)
        late = late_from(fact, book.take(fact), known, book, rewrites)
        if late is not None:
            book.facts[-1] = fact = with_flags(fact, _LATE)
            self._open(book, late)
        if fact.flags:
            for rule in flagged(fact.flags):
                self._work.count(book.name, "flagged", rule)

    def _open(self, book: Book, day: int) -> None:
        """Open a restatement of every closed period that a day changes, where none is open.

        It is approved at once where the office has been heard before; not as long as more is held back for it.
        """
        clock = self._work.clock
        for period in self._knowledge.closed_from(book, day):
            before = book.restated.get(period)
            if before is not None and (before.approved_at is None or before.approved_at >= clock):
                continue
            approved_at = None if held_for(book, parse(period)) else self._knowledge.approval(book, period)
            row = RestatementRow(book.name, period, book.version + 1, clock, approved_at)
            self._note(book, row)
            identity = text_hash(f"restatement:{book.name}:{period}:{book.version + 1}")
            book.take(RestatementOpened(identity, 0, 0, period))

    def settle(self, book: Book, period: str) -> None:
        """The restatement of a period of a book, where one is open, is approved."""
        row = book.restated.get(period)
        if row is not None and row.approved_at is None:
            clock = self._work.clock
            known_at = max(clock, book.recorded_at + 1) if book.facts else clock
            self._note(book, msgspec.structs.replace(row, approved_at=known_at))
            self._work.changed.add(book.name)

    def _note(self, book: Book, row: RestatementRow) -> None:
        book.restated[row.period] = row
        self._work.restate(row)


def rewrites_history(fact: AnyFact, rows: Subjects) -> bool:
    """Does a fact that is not taken in yet change what was said before: a reversal, a correction, another report?"""
    if type(fact) is PositionReported and fact.kind != "tie_out":
        return rows.positions().of(fact.key, fact.measure, fact.as_of) not in (None, fact.amount)
    return isinstance(fact, LoanReversed | LoanCorrected)


def late_from(
    fact: AnyFact, moved: Sequence[Moved], known: Known, rows: Subjects, rewrites: bool
) -> int | None:
    """The first day of the closed periods that a fact changes, after the institution's live date; None: it changes none.

    A fact changes the period of its business date, and every one in which it moves something: a correction, a
    reversal, a line or size known late move days before their own. A total changes the day for which it is reported.
    History of before the live date is exempt; what rewrites it later is not. What another message tells too changes
    nothing, and nothing does its reversal.
    """
    told: Any = fact
    if not moved and _told_besides(fact, rows):
        return None
    own = first = told.as_of if type(fact) is PositionReported and fact.kind != "tie_out" else told.day
    for _, movement in moved:
        if movement[2] < first:
            first = movement[2]
    if first > known.closed_until:
        return None
    history = own < known.live_from and not rewrites
    first = max(first, known.live_from)
    return first if first <= known.closed_until and not history else None


def _told_besides(fact: AnyFact, rows: Subjects) -> bool:
    """Of a fact that moves nothing: is it one of the messages that tell a payment, or the reversal of one (L13)?"""
    if not isinstance(fact, LoanReversed):
        return bool(fact.flags & TOLD_AGAIN)
    loan = rows.loan(fact.loan_no)
    return loan is not None and any(e.event == fact.target and e.kind in NUMBERED for e in loan.journal)


def held_for(book: Book, period: Period) -> list[str]:
    """What events of this period wait for in a book: its own month, or those of its quarter."""
    months = period.months if isinstance(period, Quarter) else (period,)
    return [wait for month in months if book.waiting.number(wait := wait_period(str(month)))]
