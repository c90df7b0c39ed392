"""What the oracle reads into the specification where no worked example decides."""

from datetime import date
from typing import Any, Final

import pytest

from tests.events import Event, Sender, yuan
from tests.examples import BANK, NPR, SHOP
from tests.oracle import Oracle, Population
from tests.references import social_credit_code

START: Final = date(2021, 12, 31)
END: Final = date(2022, 12, 31)
MILLION: Final = yuan(1_000_000)


@pytest.fixture
def bank() -> Sender:
    return Sender(BANK)


def ph(*events: Event) -> tuple[int, dict[str, int]]:
    """The inclusive balance at the end of 2022, and how it came there."""
    return figures("PH", *events)


def figures(population: Population, *events: Event) -> tuple[int, dict[str, int]]:
    oracle = Oracle(events)
    return oracle.balance(BANK, population, END), oracle.bridge(BANK, population, START, END)


def test_a_movement_on_the_day_of_a_crossing_posts_where_the_loan_stands_that_evening(bank: Sender) -> None:
    loan = bank.issued("A", SHOP, "2022-01-10", 3 * MILLION)
    out = bank.line(SHOP, 12 * MILLION, since="2022-03-01")
    repaid = bank.repaid("A", "2022-03-01", MILLION)
    assert ph(loan, out, repaid) == (0, {"issued": 3 * MILLION, "reclassified": -3 * MILLION})
    back = bank.line(SHOP, 9 * MILLION, since="2022-03-02")
    assert ph(loan, out, repaid, back) == (2 * MILLION, {"issued": 3 * MILLION, "reclassified": -MILLION})


@pytest.mark.parametrize(("principal", "inside"), [("10000000", True), ("10000000.01", False)])
def test_without_a_line_the_principal_of_each_loan_decides(
    bank: Sender, principal: str, inside: bool
) -> None:
    loan = bank.issued("A", SHOP, "2022-01-10", yuan(principal))
    other = bank.issued("B", SHOP, "2022-01-10", MILLION)
    assert ph(loan, other)[0] == MILLION + inside * yuan(principal)


def test_a_line_from_a_later_day_leaves_the_days_before_to_the_principal(bank: Sender) -> None:
    loan = bank.issued("A", SHOP, "2022-01-10", 12 * MILLION)
    line = bank.line(SHOP, 9 * MILLION, since="2022-06-01")
    assert ph(loan, line) == (12 * MILLION, {"reclassified": 12 * MILLION})


def test_a_profile_goes_before_the_kind_that_the_loan_was_sent_with(bank: Sender) -> None:
    loan = bank.issued("A", SHOP, "2022-01-10", MILLION, customer_kind="medium")
    assert ph(loan)[0] == 0
    assert ph(loan, bank.profile(SHOP, "micro", since="2022-01-01")) == (MILLION, {"issued": MILLION})
    late = bank.profile(SHOP, "owner", since="2022-02-01", day="2022-11-11")
    assert ph(loan, late) == (MILLION, {"reclassified": MILLION})


def test_a_customer_has_a_line_and_a_kind_of_its_own_at_each_institution(bank: Sender) -> None:
    other = Sender(social_credit_code(2))
    events = [
        bank.issued("A", SHOP, "2022-01-10", MILLION),
        other.issued("A", SHOP, "2022-01-10", MILLION),
        other.line(SHOP, 12 * MILLION, since="2022-01-01"),
    ]
    assert ph(*events)[0] == MILLION
    assert Oracle(events).balance(other.institution, "PH", END) == 0


def test_bill_discount_is_never_inclusive(bank: Sender) -> None:
    assert ph(bank.issued("A", SHOP, "2022-01-10", MILLION, discount=True)) == (0, {})


def test_a_marked_extension_moves_what_is_outstanding_and_its_reversal_takes_that_back(bank: Sender) -> None:
    loan = bank.issued("A", SHOP, "2022-01-10", 3 * MILLION)
    repaid = bank.repaid("A", "2022-02-01", MILLION)
    mark = bank.extended("A", "2022-03-01", "2023-01-10", "2024-01-10", marked_renewal=True)
    assert figures("NPR", loan, repaid, mark) == (2 * MILLION, {"marked": 2 * MILLION})
    assert figures("NPR", loan, repaid, mark, bank.reversed(mark)) == (0, {})


def test_a_renewal_under_the_same_number_is_a_mark_and_no_disbursement(bank: Sender) -> None:
    loan = bank.issued("A", SHOP, "2022-01-10", 3 * MILLION)
    mark = bank.renewed("A", SHOP, "2022-03-01", {"A": 3 * MILLION})
    assert figures("NPR", loan, mark) == (3 * MILLION, {"marked": 3 * MILLION})
    assert figures("ALL1", loan, mark) == (3 * MILLION, {"issued": 3 * MILLION})


def test_a_policy_keeps_the_class_of_what_was_paid_out_before(bank: Sender) -> None:
    loan = bank.issued("A", SHOP, "2022-01-10", 3 * MILLION, issuance_kind="refinance")
    drawn = bank.drawn("A", "2022-05-01", MILLION)
    policy = bank.reclassified(
        ["A"], "2022-06-01", "refinance", NPR, mode="policy", effective_on="2022-03-01"
    )
    oracle = Oracle([loan, drawn, policy])
    assert oracle.flow(BANK, "NPR", START, END) == MILLION
    assert oracle.bridge(BANK, "NPR", START, END) == {"drawn": MILLION, "reclassified": 3 * MILLION}


@pytest.mark.parametrize(("part", "left"), [(None, 3 * MILLION), (yuan(400_000), yuan("2400000"))])
def test_a_reversal_takes_back_the_whole_or_a_part(bank: Sender, part: int | None, left: int) -> None:
    loan = bank.issued("A", SHOP, "2022-01-10", 3 * MILLION)
    repaid = bank.repaid("A", "2022-02-01", MILLION)
    assert figures("ALL1", loan, repaid, bank.reversed(repaid, part=part))[0] == left


@pytest.mark.parametrize(
    ("name", "new", "lines"),
    [
        ("principal_fen", 2 * MILLION, {"issued": 3 * MILLION, "repaid": -2 * MILLION}),
        ("business_date", "2023-02-01", {"issued": 3 * MILLION}),
    ],
)
def test_a_correction_changes_the_fact_itself(
    bank: Sender, name: str, new: Any, lines: dict[str, int]
) -> None:
    loan = bank.issued("A", SHOP, "2022-01-10", 3 * MILLION)
    repaid = bank.repaid("A", "2022-02-01", MILLION)
    corrected = bank.corrected(repaid, name, new, day="2022-04-01")
    assert figures("ALL1", loan, repaid, corrected)[1] == lines


def test_a_corrected_principal_decides_where_no_line_is_known(bank: Sender) -> None:
    loan = bank.issued("A", SHOP, "2022-01-10", 9 * MILLION)
    corrected = bank.corrected(loan, "principal_fen", 11 * MILLION, day="2022-04-01")
    assert ph(loan, corrected) == (0, {})


def test_an_event_that_comes_twice_counts_once(bank: Sender) -> None:
    loan = bank.issued("A", SHOP, "2022-01-10", 3 * MILLION)
    repaid = bank.repaid("A", "2022-02-01", MILLION)
    assert figures("ALL1", repaid, loan, loan, repaid)[0] == 2 * MILLION


def test_a_number_may_be_issued_again_after_its_reversal(bank: Sender) -> None:
    wrong = bank.issued("A", SHOP, "2022-01-10", 3 * MILLION)
    right = bank.issued("A", SHOP, "2022-01-10", MILLION)
    assert figures("ALL1", wrong, bank.reversed(wrong), right) == (MILLION, {"issued": MILLION})


def test_write_offs_transfers_and_foreclosures_are_lines_of_their_own(bank: Sender) -> None:
    sold = {"loan_no": "A", "principal_fen": 1_000, "kind": "npl"}
    events = [
        bank.issued("A", SHOP, "2022-01-10", 10_000),
        bank.drawn("A", "2022-01-11", 500, kind="capitalised"),
        bank.repaid("A", "2022-02-01", 2_000, kind="foreclosure"),
        bank.written_off("A", "2022-02-02", 3_000),
        bank.event("loan.transferred", "2022-02-03", **sold),
        bank.event("loan.transferred", "2022-02-04", **(sold | {"kind": "performing"})),
    ]
    assert figures("ALL1", *events) == (
        3_500,
        {
            "issued": 10_000,
            "capitalised": 500,
            "foreclosed": -2_000,
            "written_off": -3_000,
            "transferred_npl": -1_000,
            "transferred_performing": -1_000,
        },
    )
    assert Oracle(events).flow(BANK, "ALL1", START, END) == 10_000


def test_the_latest_valid_profile_counts(bank: Sender) -> None:
    loan = bank.issued("A", SHOP, "2022-01-10", MILLION)
    profiles = [
        bank.profile(SHOP, "medium", since="2022-02-01"),
        bank.profile(SHOP, "small", since="2022-03-01"),
    ]
    assert ph(loan, *profiles)[0] == MILLION


def test_a_policy_from_the_very_day_of_issue_needs_no_line(bank: Sender) -> None:
    loan = bank.issued("A", SHOP, "2022-01-10", MILLION, issuance_kind="refinance")
    policy = bank.reclassified(
        ["A"], "2022-06-01", "refinance", NPR, mode="policy", effective_on="2022-01-10"
    )
    assert figures("NPR", loan, policy) == (MILLION, {"issued": MILLION})
