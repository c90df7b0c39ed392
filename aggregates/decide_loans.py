"""Decide about a loan's life: draws, extensions, overdue spells, classes, settlement (V16–V18, V21, V23, V45)."""

from collections.abc import Mapping
from typing import Final

from aggregates.codes import (
    CLASS,
    date_of,
    day_number,
)
from aggregates.decide_alive import SETTLED_ONLY, Decider, alive, before_opening, exists, without_successor
from aggregates.facts import (
    TOLD_AGAIN,
    LoanClassified,
    LoanDefaulted,
    LoanDrawn,
    LoanExtended,
    LoanOverdue,
    LoanRecovered,
    LoanSettled,
    OverdueCleared,
    RepaymentDeferred,
    flag,
)
from aggregates.hashing import number_hash
from aggregates.loan import Entry, Kind, Loan, due_on, effective, number_flags
from aggregates.outcomes import Hashes, Known, Outcome, Parked, Refused, Subjects, wait_loan
from puhui.contract import lending as c
from puhui.contract.base import LARGEST
from puhui.money import yuan


def _drawn_part(d: c.DrawnData, h: Hashes, s: Subjects, k: Known) -> Outcome:
    loan = alive(d.loan_no, d.business_date, s)
    if not isinstance(loan, Loan):
        if isinstance(loan, Parked):
            return Parked("V45", loan.field, loan.wait, loan.values, "unknown_loan")
        return loan
    refused = before_opening(d.loan_no, loan, d.business_date)
    if refused is not None:
        return refused
    day, number = day_number(d.business_date), None if d.draw_no is None else number_hash(d.draw_no)
    kind = Kind.CAPITALISED if d.kind == "capitalised" else Kind.DRAWN
    flags = number_flags(loan, Entry(kind, day, d.amount_fen, h.event, h.content, number))
    if flags & TOLD_AGAIN:
        return (_draw(d, h, day, flags),)
    if d.amount_fen == 0 or loan.balance + d.amount_fen > LARGEST:
        return Refused("V04", "data.amount_fen", {"value": yuan(d.amount_fen)})
    if d.kind == "draw" and loan.terms.contract_amount is not None:
        so_far = sum(e.amount for e in effective(loan) if e.kind in (Kind.ISSUED, Kind.DRAWN))
        if so_far + d.amount_fen > loan.terms.contract_amount:
            flags |= flag("V45")
    return (_draw(d, h, day, flags),)


def _draw(d: c.DrawnData, h: Hashes, day: int, flags: int) -> LoanDrawn:
    capitalised = d.kind == "capitalised"
    return LoanDrawn(h.event, h.content, flags, d.loan_no, day, d.amount_fen, capitalised, d.draw_no)


def _extended(d: c.ExtendedData, h: Hashes, s: Subjects, k: Known) -> Outcome:
    if d.new_due_on <= d.old_due_on:
        dates = {"new_due_on": str(d.new_due_on), "old_due_on": str(d.old_due_on)}
        return Refused("V16", "data.new_due_on", {"loan_no": d.loan_no, **dates})
    loan = alive(d.loan_no, d.business_date, s)
    if not isinstance(loan, Loan):
        return loan
    old, new = day_number(d.old_due_on), day_number(d.new_due_on)
    if old > due_on(loan):
        dates = {"old_due_on": str(d.old_due_on), "due_on": str(date_of(due_on(loan)))}
        return Parked("V17", "data.old_due_on", wait_loan(d.loan_no), {"loan_no": d.loan_no, **dates})
    flags = flag("V15") if d.marked_renewal else 0
    if old < due_on(loan):
        flags |= flag("V17")
    if new - old > _longest_extension(loan.terms.months) * 31 or day_number(d.business_date) > old:
        flags |= flag("V18")
    day = day_number(d.business_date)
    return (LoanExtended(h.event, h.content, flags, d.loan_no, day, old, new, d.marked_renewal),)


def _longest_extension(months: int) -> int:
    """The customary limit of 5.9: the term of a short loan, half of a medium one, three years of a long one."""
    if months <= 12:
        return months
    return (months + 1) // 2 if months <= 60 else 36


def _deferred(d: c.RepaymentDeferredData, h: Hashes, s: Subjects, k: Known) -> Outcome:
    loan = alive(d.loan_no, d.business_date, s)
    if not isinstance(loan, Loan):
        return loan
    new = None if d.new_due_on is None else day_number(d.new_due_on)
    return (
        RepaymentDeferred(
            h.event, h.content, 0, d.loan_no, day_number(d.business_date), d.deferred_principal_fen,
            d.deferred_interest_fen, new, d.executed_as,
        ),
    )  # fmt: skip


def _overdue(d: c.OverdueData, h: Hashes, s: Subjects, k: Known) -> Outcome:
    loan = alive(d.loan_no, d.business_date, s)
    if not isinstance(loan, Loan):
        return loan
    day, since = day_number(d.business_date), day_number(d.overdue_since)
    return (
        LoanOverdue(
            h.event,
            h.content,
            0,
            d.loan_no,
            day,
            since,
            d.kind,
            d.overdue_principal_fen,
            d.overdue_interest_fen,
        ),
    )


def _cleared(d: c.OverdueClearedData, h: Hashes, s: Subjects, k: Known) -> Outcome:
    loan = alive(d.loan_no, d.business_date, s)
    if not isinstance(loan, Loan):
        return loan
    return (OverdueCleared(h.event, h.content, 0, d.loan_no, day_number(d.business_date), d.kind),)


def _classified(d: c.ClassifiedData, h: Hashes, s: Subjects, k: Known) -> Outcome:
    loan = alive(d.loan_no, d.business_date, s)
    if not isinstance(loan, Loan):
        return loan
    day, loan_class = day_number(d.classified_on), CLASS[d.class_]
    flags = flag("V23") * (loan_class <= 1 and _past_due(loan, day) > 90)
    return (LoanClassified(h.event, h.content, flags, d.loan_no, day, loan_class),)


def _past_due(loan: Loan, day: int) -> int:
    """Days past due on a day, by the spells known."""
    since: int | None = None
    for entry in effective(loan):
        if entry.day > day:
            break
        if entry.kind == Kind.OVERDUE:
            since = entry.amount if since is None else since
        elif entry.kind == Kind.CLEARED:
            since = None
    return 0 if since is None else day - since


def _defaulted(d: c.DefaultedData, h: Hashes, s: Subjects, k: Known) -> Outcome:
    loan = alive(d.loan_no, d.business_date, s)
    if not isinstance(loan, Loan):
        return loan
    return (LoanDefaulted(h.event, h.content, 0, d.loan_no, day_number(d.defaulted_on), d.trigger),)


def _recovered(d: c.RecoveredData, h: Hashes, s: Subjects, k: Known) -> Outcome:
    if not exists(s.loan(d.loan_no)):
        return Parked("V09", "data.loan_no", wait_loan(d.loan_no), {"loan_no": d.loan_no})
    if d.amount_fen == 0:
        return Refused("V04", "data.amount_fen", {"value": 0})
    return (LoanRecovered(h.event, h.content, 0, d.loan_no, day_number(d.business_date), d.amount_fen),)


def _settled(d: c.SettledData, h: Hashes, s: Subjects, k: Known) -> Outcome:
    # a loan that was transferred is settled afterwards
    loan = alive(d.loan_no, d.business_date, s, SETTLED_ONLY)
    if not isinstance(loan, Loan):
        return loan
    if d.manner == "renewal":
        waiting = without_successor(d.loan_no, d.new_loan_no, s)
        if waiting is not None:
            return waiting
    flags = flag("V21") * (loan.balance != 0 and d.manner != "renewal")
    day = day_number(d.settled_on)
    return (LoanSettled(h.event, h.content, flags, d.loan_no, day, d.manner, d.new_loan_no),)


DECIDERS: Final[Mapping[type, Decider]] = {
    c.LoanDrawn: _drawn_part,
    c.LoanExtended: _extended,
    c.LoanRepaymentDeferred: _deferred,
    c.LoanOverdue: _overdue,
    c.LoanOverdueCleared: _cleared,
    c.LoanClassified: _classified,
    c.LoanDefaulted: _defaulted,
    c.LoanRecovered: _recovered,
    c.LoanSettled: _settled,
}
