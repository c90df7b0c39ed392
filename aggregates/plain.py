"""The plain case of the most frequent event: a repayment in its order that leaves nothing to judge.

Four of five events are repayments, and nearly all of them are of this kind: what every rule asks can be seen at once.
`repayment` says what `decide` would say, or nothing at all.
"""

from typing import Final

from aggregates.codes import day_number
from aggregates.facts import LoanRepaid
from aggregates.hashing import number_hash
from aggregates.loan import Loan
from aggregates.outcomes import Known
from puhui.contract.lending import RepaidData

_APART: Final = frozenset(("by_renewal", "foreclosure"))


def days(known: Known) -> tuple[int, int]:
    """The first and the last day of which a repayment can be plain: open ones, of an institution that is not closed."""
    first = max(known.valid_from, known.closed_until + 1 if known.live_from <= known.closed_until else 0)
    return (first, known.today + 1 if known.closed_on is None else first - 1)


def repayment(
    d: RepaidData, event: int, content: int, loan: Loan, plain_days: tuple[int, int]
) -> LoanRepaid | None:
    """The fact of a repayment that is new, of one of these days, at the end of its loan's journal.

    None where anything is to be judged: `decide` does that. `event` and `content` are the event's hashes.
    """
    day, principal, after = day_number(d.business_date), d.principal_fen, d.principal_after_fen
    first, last = plain_days
    if (
        d.kind in _APART
        or not first <= day <= last
        or not loan.last >> 5 <= day >= loan.disbursed
        or not 0 < principal <= loan.balance
        or (after is not None and after != loan.balance - principal)
        or loan.judged
        or d.operator_system is not None
        or d.evidence_ref is not None
        or d.code_system is not None
        or d.raw_code is not None
        or loan.may_have_seen(event)
        or (d.repayment_no is not None and loan.may_have_seen(number_hash(d.repayment_no)))
    ):
        return None
    return LoanRepaid(
        event, content, 0, d.loan_no, day, principal, d.kind, d.interest_fen, d.penalty_fen, d.fee_fen, d.repayment_no,
        d.new_loan_no,
    )  # fmt: skip
