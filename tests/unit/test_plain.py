"""The short cut for plain repayments gives way to `decide` where anything is to be judged."""

from datetime import date
from typing import Any

import msgspec
import pytest

from aggregates.codes import day_number
from aggregates.decide_common import _TEXTS
from aggregates.facts import Terms
from aggregates.loan import Entry, Kind, Loan, began
from aggregates.outcomes import Known
from aggregates.plain import days, repayment
from puhui.contract.lending import RepaidData
from tests.examples import BANK, SHOP

ISSUED, TODAY = day_number(date(2024, 1, 10)), date(2024, 5, 6)
ISSUE = 0x123456789ABCDEF


def a_loan() -> Loan:
    """One of 1,000 yuan, with nothing repaid yet."""
    terms = Terms(SHOP, 1, 1, 100_000, ISSUED, ISSUED + 365, 0, 0, 12)
    loan = began(terms, [Entry(Kind.ISSUED, ISSUED, 100_000, ISSUE, 8)])
    loan.balance, loan.last = 100_000, ISSUED << 5 | Kind.ISSUED
    return loan


PLAIN = RepaidData(business_date=TODAY, institution_id=BANK, loan_no="L", principal_fen=40_000)


def answered(loan: Loan, event: int = ISSUE + 1, **changes: Any) -> bool:
    """Does the short cut answer for this repayment?"""
    data = msgspec.structs.replace(PLAIN, **changes)
    known = Known(day_number(TODAY), day_number(date(2010, 1, 1)))
    return repayment(data, event, 2, loan, days(known)) is not None


def test_a_plain_repayment_is_answered() -> None:
    assert answered(a_loan())
    assert answered(a_loan(), principal_fen=100_000, principal_after_fen=0)


@pytest.mark.parametrize("name", _TEXTS[RepaidData])
def test_a_free_text_is_left_to_decide(name: str) -> None:
    changes: dict[str, Any] = {name: "x"}
    assert not answered(a_loan(), **changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"principal_fen": 0},
        {"principal_fen": 100_001},
        {"principal_after_fen": 1},
        {"kind": "by_renewal", "new_loan_no": "M"},
        {"kind": "foreclosure"},
        {"business_date": date(2024, 1, 9)},
        {"business_date": date(2024, 5, 8)},
    ],
    ids=str,
)
def test_what_is_to_be_judged_is_left_to_decide(changes: dict[str, Any]) -> None:
    assert not answered(a_loan(), **changes)


def test_what_came_before_and_what_may_have_ended_is_left_to_decide() -> None:
    assert not answered(a_loan(), event=ISSUE)
    ended = a_loan()
    ended.append(Entry(Kind.SETTLED, ISSUED, 0, 5, 6))
    assert not answered(ended)
