"""Is a loan there, and may an event speak of it on its day: what all deciders about loans ask (V09, V19, V22)."""

from collections.abc import Callable
from datetime import date
from typing import Any, Final

from aggregates.codes import (
    date_of,
    day_number,
)
from aggregates.loan import ENDINGS, Kind, Loan, effective, settled_on
from aggregates.outcomes import Hashes, Known, Outcome, Parked, Refused, Subjects, wait_loan
from puhui.money import yuan

_BEGINNINGS: Final = frozenset((Kind.OPENING, Kind.TRANSFERRED_IN, Kind.ISSUED, Kind.RENEWED_IN))
_OPENED: Final = frozenset((Kind.OPENING, Kind.TRANSFERRED_IN))
SETTLED_ONLY: Final = frozenset((Kind.SETTLED,))
Decider = Callable[[Any, Hashes, Subjects, Known], Outcome]
"""From the data of one kind of event to what becomes of it."""


def exists(loan: Loan | None) -> bool:
    """Does the number stand for a loan whose issue still stands (a reversed issue frees its number)?"""
    return loan is not None and begins(loan) is not None


def begins(loan: Loan) -> int | None:
    """The day of the issue that stands, as corrected; None where it was reversed."""
    days = (e.day for e in effective(loan) if e.kind in _BEGINNINGS)
    return next(days, None)


def before_opening(loan_no: str, loan: Loan, day: date, field: str = "data.business_date") -> Refused | None:
    """The answer to what adds to a loan before its opening balance, which holds it already (V22)."""
    opened = (e.day for e in effective(loan) if e.kind in _OPENED)
    as_of = next(opened, None)
    if as_of is None or day_number(day) >= as_of:
        return None
    values = {"business_date": str(day), "loan_no": loan_no, "as_of": str(date_of(as_of))}
    return Refused("V22", field, values, "before_opening")


def alive(
    loan_no: str, day: date, s: Subjects, endings: frozenset[Kind] = ENDINGS
) -> Loan | Parked | Refused:
    """The loan that an event speaks of, if it may speak of it on that day (V09, V22)."""
    loan = s.loan(loan_no)
    began = None if loan is None else begins(loan)
    if loan is None or began is None:
        return Parked("V09", "data.loan_no", wait_loan(loan_no), {"loan_no": loan_no})
    on = day_number(day)
    first = min(began, loan.disbursed)
    if on < first:
        values = {"business_date": str(day), "loan_no": loan_no, "disbursed_on": str(date_of(first))}
        return Refused("V22", "data.business_date", values)
    settled = settled_on(loan, endings)
    if settled is not None and on > settled:
        values = {"business_date": str(day), "loan_no": loan_no, "ended_on": str(date_of(settled))}
        return Refused("V22", "data.business_date", values, "ended")
    return loan


def too_much(loan_no: str, amount: int, outstanding: int, field: str = "data.principal_fen") -> Parked:
    """More is taken than there is: a draw or a reversal may be on its way (V19)."""
    values = {"loan_no": loan_no, "amount": yuan(amount), "outstanding": yuan(outstanding)}
    return Parked("V19", field, wait_loan(loan_no), values)


def without_successor(loan_no: str, new_loan_no: str | None, s: Subjects) -> Parked | Refused | None:
    """The second leg of a renewal waits for the first one (V09)."""
    if new_loan_no is None:
        return Refused("V03", "data.new_loan_no", {}, "missing_field")
    if exists(s.loan(new_loan_no)):
        return None
    values = {"loan_no": loan_no, "new_loan_no": new_loan_no}
    return Parked("V09", "data.new_loan_no", wait_loan(new_loan_no), values, "unknown_successor")
