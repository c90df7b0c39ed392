"""Decide about what leaves a loan's balance: repayments, write-offs, transfers (V04, V09, V19, V20)."""

from collections.abc import Mapping
from typing import Final

from aggregates.codes import (
    day_number,
)
from aggregates.decide_alive import Decider, alive, too_much, without_successor
from aggregates.facts import (
    TOLD_AGAIN,
    LoanRepaid,
    LoanTransferred,
    LoanWrittenOff,
    flag,
)
from aggregates.hashing import number_hash
from aggregates.loan import Entry, Kind, Loan, lowest, number_flags, reading
from aggregates.outcomes import Hashes, Known, Outcome, Parked, Refused, Subjects
from puhui.contract import lending as c


def _repaid(d: c.RepaidData, h: Hashes, s: Subjects, k: Known) -> Outcome:
    loan = s.loan(d.loan_no)
    day = day_number(d.business_date)
    flags = 0 if loan is None else number_flags(loan, _entry(d, h, day))
    if flags & TOLD_AGAIN:
        return (_fact(d, h, day, flags),)
    if loan is None or loan.disbursed > day or _is_late(loan, day) or loan.balance < d.principal_fen:
        answer = _repaid_unusual(d, day, s)
        if answer is not None:
            return answer
    if d.kind == "by_renewal":
        waiting = without_successor(d.loan_no, d.new_loan_no, s)
        if waiting is not None:
            return waiting
    elif d.principal_fen == 0 and not (d.interest_fen or d.penalty_fen or d.fee_fen):
        return Refused("V04", "data.principal_fen", {"value": 0})
    elif d.principal_after_fen is not None and loan is not None:
        flags |= flag("V20") * (d.principal_after_fen != loan.balance - d.principal_fen)
    return (_fact(d, h, day, flags),)


def _is_late(loan: Loan, day: int) -> bool:
    """May the loan be another one on that day than at the end of its course?"""
    return not loan.entries or loan.last >> 5 > day or loan.judged


def _entry(d: c.RepaidData, h: Hashes, day: int) -> Entry:
    """What a repayment would be in the loan's journal; the second leg of a renewal has no number of its own."""
    number = None if d.repayment_no is None or d.kind == "by_renewal" else number_hash(d.repayment_no)
    kind = Kind.FORECLOSED if d.kind == "foreclosure" else Kind.REPAID
    return Entry(kind, day, d.principal_fen, h.event, h.content, number)


def _fact(d: c.RepaidData, h: Hashes, day: int, flags: int) -> LoanRepaid:
    return LoanRepaid(
        h.event, h.content, flags, d.loan_no, day, d.principal_fen, d.kind, d.interest_fen, d.penalty_fen, d.fee_fen,
        d.repayment_no, d.new_loan_no,
    )  # fmt: skip


def _repaid_unusual(d: c.RepaidData, day: int, s: Subjects) -> Parked | Refused | None:
    found = alive(d.loan_no, d.business_date, s)
    if not isinstance(found, Loan):
        return found
    if d.kind == "by_renewal" or not d.principal_fen:
        return None
    before = reading(found).instalments
    return _beyond(found, d.loan_no, d.principal_fen, day, before + 1 if before else 0)


def _beyond(loan: Loan, loan_no: str, principal: int, day: int, tolerance: int = 0) -> Parked | None:
    """More than is outstanding from that day on waits for a missing draw or reversal (V19)."""
    outstanding = lowest(loan, day)
    if principal <= outstanding + tolerance:
        return None
    return too_much(loan_no, principal, outstanding)


def _written_off(d: c.WrittenOffData, h: Hashes, s: Subjects, k: Known) -> Outcome:
    loan = alive(d.loan_no, d.business_date, s)
    if not isinstance(loan, Loan):
        return loan
    if d.principal_fen == 0 and d.interest_fen == 0:
        return Refused("V04", "data.principal_fen", {"value": 0})
    day = day_number(d.business_date)
    waiting = _beyond(loan, d.loan_no, d.principal_fen, day)
    if waiting is not None:
        return waiting
    return (LoanWrittenOff(h.event, h.content, 0, d.loan_no, day, d.principal_fen, d.interest_fen),)


def _transferred(d: c.TransferredData, h: Hashes, s: Subjects, k: Known) -> Outcome:
    loan = alive(d.loan_no, d.business_date, s)
    if not isinstance(loan, Loan):
        return loan
    if d.principal_fen == 0:
        return Refused("V04", "data.principal_fen", {"value": 0})
    day = day_number(d.business_date)
    waiting = _beyond(loan, d.loan_no, d.principal_fen, day)
    if waiting is not None:
        return waiting
    return (
        LoanTransferred(h.event, h.content, 0, d.loan_no, day, d.principal_fen, d.kind == "npl", d.price_fen),
    )


DECIDERS: Final[Mapping[type, Decider]] = {
    c.LoanRepaid: _repaid,
    c.LoanWrittenOff: _written_off,
    c.LoanTransferred: _transferred,
}
