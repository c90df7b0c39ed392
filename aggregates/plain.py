"""The plain case of the most frequent event: a repayment in its order that leaves nothing to judge.

Four of five events are repayments, and nearly all of them are of this kind: what every rule asks can be seen at once.
`repayment` says what `decide` would say, or nothing at all.
"""

from typing import Final

from aggregates.codes import day_number
from aggregates.facts import LoanRepaid
from aggregates.loan import Loan
from aggregates.outcomes import Known
from puhui.contract.lending import RepaidData

_APART: Final = frozenset(("by_renewal", "foreclosure"))


def repayment(d: RepaidData, event: int, content: int, loan: Loan, known: Known) -> LoanRepaid | None:
    """The fact of a repayment that is new, of a day that is known and not closed, at the end of its loan's journal.

    None where anything is to be judged: `decide` does that. `event` and `content` are the event's hashes.
    """
    day, principal, after = day_number(d.business_date), d.principal_fen, d.principal_after_fen
    if (
        d.kind in _APART
        or not known.valid_from <= day <= known.today + 1
        or known.closed_on is not None
        or known.live_from <= day <= known.closed_until
        or not loan.last >> 5 <= day >= loan.disbursed
        or not 0 < principal <= loan.balance
        or (after is not None and after != loan.balance - principal)
        or loan.judged
        or d.operator_system is not None
        or d.evidence_ref is not None
        or d.code_system is not None
        or d.raw_code is not None
        or loan.may_have_seen(event)
    ):
        return None
    return LoanRepaid(
        event, content, 0, d.loan_no, day, principal, d.kind, d.interest_fen, d.penalty_fen, d.fee_fen, d.repayment_no,
        d.new_loan_no,
    )  # fmt: skip
