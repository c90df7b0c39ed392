"""The documents as data: dated targets, those that come as events, and what may stand as a value."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from puhui.policy import (
    Base,
    Comparator,
    ExpressionError,
    Register,
    Scope,
    Target,
    TargetSet,
    UnknownKey,
    register,
)
from puhui.policy.expressions import Growth, Number, evaluate, parse

LARGE = ("国建支行", "large_state", False)
RURAL = ("汾源农商行", "rural_commercial", True)
VILLAGE = ("槐乡村镇银行", "village_bank", True)


def target(key: str, who: tuple[str, str, bool], on: date, of: Register | None = None) -> Target | None:
    return (of or register()).target_for(key, *who, on)


# Targets of the documents


def test_thirty_per_cent_binds_large_state_banks_only() -> None:
    found = target("large_bank_inclusive_growth", LARGE, date(2023, 12, 31))
    assert found is not None
    assert found.limit() == Fraction(3, 10)
    assert found.clause == "C4.3"
    assert target("large_bank_inclusive_growth", RURAL, date(2023, 12, 31)) is None


@pytest.mark.parametrize("on", [date(2021, 12, 31), date(2026, 1, 1)])
def test_a_target_says_nothing_outside_its_years(on: date) -> None:
    assert target("large_bank_inclusive_growth", LARGE, on) is None


def test_exactly_thirty_per_cent_meets_thirty_per_cent_or_more() -> None:
    found = target("large_bank_inclusive_growth", LARGE, date(2023, 12, 31))
    assert found is not None
    assert found.is_met(Fraction(3, 10)) is True
    assert found.is_met(Fraction(3, 10) - Fraction(1, 10**9)) is False
    assert found.is_met(None) is None


@pytest.mark.parametrize(
    ("year", "base", "verified"),
    [
        (2018, Base.SAME_DATE_LAST_YEAR, True),
        (2020, Base.YEAR_START, True),
        (2021, Base.YEAR_START, True),
        (2022, Base.YEAR_START, True),
        (2023, Base.YEAR_START, False),
        (2024, Base.YEAR_START, False),
        (2025, Base.YEAR_START, False),
    ],
)
def test_the_base_of_the_two_increases_follows_the_policy_year(year: int, base: Base, verified: bool) -> None:
    for key in ("two_increase_growth", "two_increase_household"):
        found = target(key, RURAL, date(year, 12, 31))
        assert found is not None
        assert (found.base, found.verified) == (base, verified)


@pytest.mark.parametrize("year", [2017, 2019, 2026])
def test_a_policy_year_of_which_no_text_was_seen_has_no_two_increases(year: int) -> None:
    assert target("two_increase_growth", RURAL, date(year, 12, 31)) is None


def test_the_two_increases_ask_local_banks_not_local_micro_lenders() -> None:
    assert target("two_increase_growth", VILLAGE, date(2024, 6, 30)) is not None
    assert target("two_increase_growth", ("某小贷", "micro_lender", True), date(2024, 6, 30)) is None
    assert target("two_increase_growth", ("城商行支行", "city_commercial", False), date(2024, 6, 30)) is None


def test_all_banks_are_asked_for_the_three_not_lower() -> None:
    for who in (LARGE, RURAL, VILLAGE):
        found = target("sme_household_gap", who, date(2024, 6, 30))
        assert found is not None
        assert found.is_met(-1) is False
        assert found.is_met(0) is True


def test_an_increase_without_a_number_is_a_trend() -> None:
    (found,) = register().targets("I12", date(2024, 6, 30))
    assert found.comparator is Comparator.RISES
    assert found.is_met(0) is False
    assert found.is_met(1) is True


def test_the_line_limit_includes_ten_million_for_one_authority_and_not_for_the_other() -> None:
    ours = target("inclusive_line_limit", RURAL, date(2022, 1, 1))
    theirs = target("pboc_inclusive_line_limit", RURAL, date(2022, 1, 1))
    assert ours is not None
    assert theirs is not None
    assert ours.is_met(1_000_000_000) is True
    assert theirs.is_met(1_000_000_000) is False


def test_the_base_of_a_leap_day_is_the_28th() -> None:
    assert Base.SAME_DATE_LAST_YEAR.date_for(date(2024, 2, 29)) == date(2023, 2, 28)
    assert Base.YEAR_START.date_for(date(2024, 9, 30)) == date(2023, 12, 31)
    assert Base.PREVIOUS_QUARTER.date_for(date(2024, 1, 31)) == date(2023, 12, 31)
    assert Base.NONE.date_for(date(2024, 1, 31)) is None


# Targets that come as events

SUCCESSOR = TargetSet(
    key="large_bank_inclusive_growth",
    value="growth(ALL)",
    valid_from=date(2024, 1, 1),
    scope=Scope(kinds=frozenset({"large_state"})),
)
EXEMPTION = TargetSet(
    key="two_increase_household",
    value="0",
    valid_from=date(2024, 1, 1),
    valid_to=date(2024, 12, 31),
    scope=Scope(institution=VILLAGE[0]),
    exempt=True,
    ground="上年完成两增",
    consent_document="监管同意函（演示）",
)


def test_a_successor_holds_from_its_first_day_and_the_past_keeps_its_own() -> None:
    after = register().with_target(SUCCESSOR)
    before = target("large_bank_inclusive_growth", LARGE, date(2023, 12, 31), after)
    now = target("large_bank_inclusive_growth", LARGE, date(2024, 1, 1), after)
    assert before is not None
    assert now is not None
    assert before.limit() == Fraction(3, 10)
    assert now.limit({"ALL": Fraction(1, 10)}) == Fraction(1, 10)
    assert now.limit({}) is None
    assert now.is_met(Fraction(19, 100), {"ALL": Decimal("0.10")}) is True
    assert (now.clause, now.indicator, now.base) == ("C4.3", "I35", Base.YEAR_START)
    assert len(after.targets("I35", date(2024, 6, 30))) == len(register().targets("I35", date(2024, 6, 30)))


def test_adding_a_target_leaves_the_register_it_came_from_alone() -> None:
    before = register().all_targets
    register().with_target(SUCCESSOR)
    assert register().all_targets == before


def test_a_target_of_one_institution_comes_before_one_of_its_kind() -> None:
    after = register().with_target(EXEMPTION)
    own = target("two_increase_household", VILLAGE, date(2024, 12, 31), after)
    other = target("two_increase_household", RURAL, date(2024, 12, 31), after)
    growth = target("two_increase_growth", VILLAGE, date(2024, 12, 31), after)
    assert own is not None
    assert other is not None
    assert growth is not None
    assert own.exempt
    assert own.consent_document == "监管同意函（演示）"
    assert not other.exempt
    assert not growth.exempt


def test_an_institution_falls_back_to_its_kind_when_its_own_target_is_over() -> None:
    after = register().with_target(EXEMPTION)
    found = target("two_increase_household", VILLAGE, date(2025, 1, 1), after)
    assert found is not None
    assert not found.exempt


def test_a_targets_own_scope_stays_visible_beside_the_kinds() -> None:
    after = register().with_target(EXEMPTION)
    assert len(after.targets("I37", date(2024, 6, 30))) == 2
    assert len(after.targets("I37", date(2025, 6, 30))) == 1


def test_the_order_in_which_two_targets_arrive_does_not_matter() -> None:
    later = TargetSet(
        key=SUCCESSOR.key,
        value="12",
        valid_from=date(2025, 1, 1),
        valid_to=date(2025, 12, 31),
        scope=SUCCESSOR.scope,
    )
    one = register().with_target(SUCCESSOR).with_target(later)
    other = register().with_target(later).with_target(SUCCESSOR)
    for on in (date(2023, 12, 31), date(2024, 7, 1), date(2025, 7, 1), date(2026, 7, 1)):
        found = [target(SUCCESSOR.key, LARGE, on, each) for each in (one, other)]
        assert str(found[0] and found[0].value) == str(found[1] and found[1].value)
    assert target(SUCCESSOR.key, LARGE, date(2026, 7, 1), one) is None


def test_of_two_targets_with_one_first_day_the_later_event_holds() -> None:
    again = TargetSet(key=SUCCESSOR.key, value="11", valid_from=SUCCESSOR.valid_from, scope=SUCCESSOR.scope)
    found = target(
        SUCCESSOR.key, LARGE, date(2024, 5, 1), register().with_target(SUCCESSOR).with_target(again)
    )
    assert found is not None
    assert found.limit() == Fraction(11, 100)


def test_a_target_for_one_kind_leaves_the_other_kinds_theirs() -> None:
    for_village = TargetSet(
        key="two_increase_growth",
        value="1",
        valid_from=date(2024, 1, 1),
        scope=Scope(kinds=frozenset({"village_bank"})),
    )
    after = register().with_target(for_village)
    village = target("two_increase_growth", VILLAGE, date(2024, 6, 30), after)
    rural = target("two_increase_growth", RURAL, date(2024, 6, 30), after)
    assert village is not None
    assert rural is not None
    assert village.limit() == Fraction(1, 100)
    assert rural.limit() == 0


def test_an_event_comes_before_a_later_row_of_the_files() -> None:
    open_end = TargetSet(
        key="two_increase_growth",
        value="2",
        valid_from=date(2023, 6, 1),
        scope=Scope(local_legal_person=True),
    )
    after = register().with_target(open_end)
    before, later = (
        target("two_increase_growth", RURAL, on, after) for on in (date(2023, 5, 31), date(2026, 6, 30))
    )
    assert before is not None
    assert later is not None
    assert (before.limit(), later.limit()) == (Fraction(0), Fraction(2, 100))
    in_2024 = target("two_increase_growth", RURAL, date(2024, 6, 30), after)
    assert in_2024 is not None
    assert in_2024.limit() == Fraction(2, 100)


def test_a_target_for_one_kind_stands_beside_the_one_for_everybody() -> None:
    for_village = TargetSet(
        key="unsecured_borrower_count",
        value="5",
        valid_from=date(2024, 1, 1),
        scope=Scope(kinds=frozenset({"village_bank"})),
    )
    assert len(register().with_target(for_village).targets("I12", date(2024, 6, 30))) == 2


def test_a_new_key_needs_to_say_what_it_measures() -> None:
    new = TargetSet(key="new_target", value="1", valid_from=date(2025, 1, 1))
    with pytest.raises(UnknownKey):
        register().with_target(new)
    known = TargetSet(
        key="new_target",
        value="1",
        unit="percent",
        indicator="I15",
        comparator=Comparator.ABOVE,
        valid_from=date(2025, 1, 1),
    )
    found = target("new_target", LARGE, date(2025, 1, 1), register().with_target(known))
    assert found is not None
    assert found.comparator is Comparator.ABOVE


def test_a_value_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(ExpressionError):
        register().with_target(TargetSet(key=SUCCESSOR.key, value="thirty", valid_from=date(2024, 1, 1)))


# Values


def test_a_value_is_a_number_or_a_growth() -> None:
    assert parse("30") == Number(Decimal(30))
    assert parse(" growth(ALL) ") == Growth("ALL")


@pytest.mark.parametrize(
    "text", ["", "3e1", "30%", "growth()", "growth(ALL)+1", "__import__('os')", "NaN", "１２"]
)
def test_nothing_else_is_a_value(text: str) -> None:
    with pytest.raises(ExpressionError):
        parse(text)


def test_a_growth_that_is_not_known_is_null_and_not_zero() -> None:
    assert evaluate(parse("growth(ALL)"), {}) is None
    assert evaluate(parse("growth(ALL)"), {"ALL": None}) is None
    assert evaluate(parse("growth(ALL)"), {"ALL": Decimal(0)}) == 0


@given(st.decimals(min_value=-(10**6), max_value=10**6, places=4))
def test_a_number_is_read_exactly(value: Decimal) -> None:
    assert evaluate(parse(format(value, "f")), {}) == Fraction(value)
