"""The oracle tells the worked examples of the specification to the fen, and agrees with itself on any history."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import given as forall

from tests import examples
from tests.events import yuan
from tests.examples import BANK
from tests.histories import History, histories
from tests.oracle import FLOW_KINDS, POPULATIONS, Oracle
from tests.references import social_credit_code


def day(text: str) -> date:
    return date.fromisoformat(text)


def in_yuan(lines: dict[str, int]) -> dict[str, float]:
    return {kind: amount / 100 for kind, amount in lines.items()}


def test_a_code_of_a_synthetic_organisation_has_valid_check_characters() -> None:
    made = [social_credit_code(1), social_credit_code(2), social_credit_code(3, prefix="92")]
    assert made == ["9114102400000T018M", "9114102400000T026G", "9214102400000T0348"]


def test_the_quarter_of_the_first_example_ends_at_50_500_000() -> None:
    oracle = Oracle(examples.balance_and_bridge())
    assert oracle.balance(BANK, "NPR", day("2026-03-31")) == yuan(50_000_000)
    assert oracle.balance(BANK, "NPR", day("2026-06-30")) == yuan(50_500_000)
    assert in_yuan(oracle.bridge(BANK, "NPR", day("2026-03-31"), day("2026-06-30"))) == {
        "renewed_in": 20_000_000,
        "repaid": -6_500_000,
        "settled_by_renewal": -12_000_000,
        "written_off": -1_000_000,
    }


def test_the_squeezed_quarter_of_the_first_example_ends_at_32_500_000() -> None:
    oracle = Oracle(examples.balance_and_bridge(squeezed=True))
    assert oracle.balance(BANK, "NPR", day("2026-06-30")) == yuan(32_500_000)
    assert in_yuan(oracle.bridge(BANK, "NPR", day("2026-03-31"), day("2026-06-30"))) == {
        "renewed_in": 2_000_000,
        "settled_by_renewal": -2_000_000,
        "repaid": -16_500_000,
        "written_off": -1_000_000,
    }


def test_a_partial_renewal_leaves_the_rest_with_the_old_loan_until_it_is_repaid() -> None:
    oracle = Oracle(examples.partial_renewal())
    eve, end = day("2024-06-18"), day("2024-06-20")
    assert oracle.loan_balances(BANK, eve) == {"A": yuan(4_000_000), "B": yuan(6_000_000)}
    assert (oracle.balance(BANK, "ALL1", eve), oracle.customers(BANK, "ALL1", eve)) == (yuan(10_000_000), 1)
    assert oracle.balance(BANK, "ALL1", end) == yuan(6_000_000)
    assert oracle.balance(BANK, "NPR", end) == 0
    assert oracle.balance(BANK, "PARTIAL", end) == yuan(6_000_000)


def test_a_renewal_declared_without_repayment_counts_as_declared() -> None:
    oracle = Oracle(examples.partial_renewal(mode="no_principal"))
    assert oracle.balance(BANK, "NPR", day("2024-06-20")) == yuan(6_000_000)
    assert oracle.balance(BANK, "PARTIAL", day("2024-06-20")) == 0


@pytest.mark.parametrize("two_legs", [False, True], ids=["in one event", "in two legs"])
def test_two_loans_into_one_with_an_increase(two_legs: bool) -> None:
    oracle = Oracle(examples.two_into_one_with_increase(two_legs=two_legs))
    before, after = day("2024-03-11"), day("2024-03-12")
    assert (oracle.balance(BANK, "NPR", before), oracle.balance(BANK, "NPR", after)) == (
        yuan(3_000_000),
        yuan(6_000_000),
    )
    assert in_yuan(oracle.bridge(BANK, "NPR", before, after)) == {
        "renewed_in": 5_000_000,
        "increase": 1_000_000,
        "settled_by_renewal": -3_000_000,
    }
    assert oracle.balance(BANK, "ALL1", before) == yuan(5_000_000)
    assert oracle.balance(BANK, "ALL1", after) == yuan(6_000_000)
    assert oracle.flow(BANK, "NPR", before, after) == yuan(6_000_000)


def test_a_loan_renewed_twice_in_a_quarter_is_one_customer_every_day() -> None:
    oracle = Oracle(examples.renewed_again())
    start, end = day("2023-12-31"), day("2024-03-31")
    assert in_yuan(oracle.bridge(BANK, "NPR", start, end)) == {
        "renewed_in": 10_000_000,
        "settled_by_renewal": -10_000_000,
    }
    assert oracle.flow(BANK, "NPR", start, end) == yuan(10_000_000)
    assert oracle.flow_customers(BANK, "NPR", start, end) == 1
    for passed in range((end - start).days + 1):
        today = start + timedelta(passed)
        assert oracle.balance(BANK, "NPR", today) == yuan(5_000_000)
        assert oracle.customers(BANK, "NPR", today) == 1


def test_ten_million_is_inside_and_one_fen_more_is_not() -> None:
    oracle = Oracle(examples.line_crossing())
    assert oracle.balance(BANK, "PH", day("2024-02-29")) == yuan(7_000_000)
    assert oracle.balance(BANK, "PH", day("2024-03-01")) == 0
    assert oracle.customers(BANK, "PH", day("2024-03-01")) == 0
    assert in_yuan(oracle.bridge(BANK, "PH", day("2024-02-29"), day("2024-03-31"))) == {
        "reclassified": -7_000_000
    }
    assert oracle.bridge(BANK, "ALL1", day("2024-02-29"), day("2024-03-31")) == {}


def test_a_line_crossed_long_ago_takes_the_later_repayments_with_it() -> None:
    events = examples.late_line_crossing()
    quarter = day("2024-03-31"), day("2024-06-30")
    unaware, aware = Oracle(events[:-1]), Oracle(events)
    assert unaware.balance(BANK, "PH", quarter[1]) == yuan(5_500_000)
    assert aware.balance(BANK, "PH", quarter[0]) == yuan(7_000_000)
    assert aware.balance(BANK, "PH", quarter[1]) == 0
    assert aware.balance(BANK, "ALL1", quarter[1]) == yuan(5_500_000)
    assert in_yuan(aware.bridge(BANK, "PH", *quarter)) == {"reclassified": -7_000_000}
    assert in_yuan(unaware.bridge(BANK, "PH", *quarter)) == {"repaid": -1_500_000}


def test_a_disbursement_keeps_the_class_of_its_own_day() -> None:
    events = examples.late_line_crossing(with_disbursement=True)
    quarter = day("2024-03-31"), day("2024-06-30")
    assert Oracle(events[:-1]).flow(BANK, "PH", *quarter) == yuan(1_500_000)
    assert Oracle(events).flow(BANK, "PH", *quarter) == yuan(700_000)
    assert Oracle(events).balance(BANK, "PH", quarter[1]) == 0


def test_a_relabelling_by_policy_shows_in_the_bridge_of_its_quarter() -> None:
    oracle = Oracle(examples.relabelled())
    start, end = day("2024-09-30"), day("2024-12-31")
    assert oracle.balance(BANK, "NPR", start) == yuan(290_500_000)
    assert oracle.balance(BANK, "NPR", end) == yuan(468_000_000)
    assert in_yuan(oracle.bridge(BANK, "NPR", start, end)) == {
        "renewed_in": 98_000_000,
        "settled_by_renewal": -61_500_000,
        "repaid": -19_000_000,
        "reclassified": 160_000_000,
    }


def test_a_relabelling_by_error_restates_the_past_and_leaves_no_line() -> None:
    oracle = Oracle(examples.relabelled(mode="error"))
    start, end = day("2024-09-30"), day("2024-12-31")
    assert oracle.balance(BANK, "NPR", start) == yuan(445_500_000)
    assert oracle.balance(BANK, "NPR", end) == yuan(468_000_000)
    assert in_yuan(oracle.bridge(BANK, "NPR", start, end)) == {
        "renewed_in": 98_000_000,
        "settled_by_renewal": -61_500_000,
        "repaid": -19_000_000,
        "drawn": 5_000_000,
    }


def test_a_reversal_known_after_the_quarter_end_restores_the_quarter() -> None:
    events = examples.reversal_across_a_quarter_end()
    then, now = Oracle(events[:-1]), Oracle(events)
    ends = day("2024-03-31"), day("2024-06-30"), day("2024-09-30")
    assert [then.balance(BANK, "NPR", end) for end in ends[:2]] == [yuan(32_000_000), yuan(30_000_000)]
    assert [now.balance(BANK, "NPR", end) for end in ends] == [yuan(32_000_000)] * 3
    assert now.bridge(BANK, "NPR", ends[0], ends[2]) == {}


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@forall(history=histories())
def test_every_bridge_adds_up_and_no_balance_is_negative(history: History) -> None:
    oracle = Oracle(history.events)
    assert oracle.lowest_balance() >= 0
    quarters = [day("2021-12-30"), day("2021-12-31")]
    quarters += [date(year, month, 1) - timedelta(1) for year in (2022, 2023) for month in (4, 7, 10)]
    quarters = sorted([*quarters, day("2022-12-31"), day("2023-12-31")])
    for institution in oracle.institutions():
        for population in POPULATIONS:
            for after, until in pairwise(quarters):
                lines = oracle.bridge(institution, population, after, until)
                step = oracle.balance(institution, population, until) - oracle.balance(
                    institution, population, after
                )
                assert sum(lines.values()) == step
                paid_out = sum(lines.get(kind, 0) for kind in FLOW_KINDS)
                assert paid_out == oracle.flow(institution, population, after, until)


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@forall(history=histories())
def test_every_beginning_of_a_history_is_a_valid_history(history: History) -> None:
    for length in range(1, len(history.events) + 1):
        assert Oracle(history.events[:length]).lowest_balance() >= 0
