"""The documents as data: clauses, dated targets, thresholds, expressions and periods."""

import re
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import projections
from puhui.policy import (
    Base,
    Comparator,
    ExpressionError,
    Month,
    Quarter,
    Register,
    Scope,
    Target,
    TargetSet,
    Thresholds,
    UnknownKey,
    closes_at,
    closes_on,
    final_on,
    register,
)
from puhui.policy.expressions import Growth, Number, evaluate, parse
from puhui.policy.periods import CloseRule, quarters
from puhui.policy.periods import parse as parse_period

CLAUSES = ("C1.2", "C1.3", "C3.8", "C3.9", "C4.3", "C4.4a", "C4.4b", "P8.1a", "P8.1b")
LARGE = ("国建支行", "large_state", False)
RURAL = ("汾源农商行", "rural_commercial", True)
VILLAGE = ("槐乡村镇银行", "village_bank", True)


DOCUMENTS = Path(__file__).parents[1] / "documents"
"""The two documents 原文, as they were published."""
FULL_WIDTH = str.maketrans(",;:!?()", "，；：！？（）")


def normalised(text: str) -> str:
    """What two texts are compared by: no white space, no bold marks, full-width punctuation.

    The sources break inside sentences and mix the two widths; this is what is left of a text after that.
    """
    return re.sub(r"\s+", "", text.replace("**", "")).translate(FULL_WIDTH)


def target(key: str, who: tuple[str, str, bool], on: date, of: Register | None = None) -> Target | None:
    return (of or register()).target_for(key, *who, on)


# Clauses


def test_the_register_holds_the_nine_clauses() -> None:
    assert set(register().clauses) == set(CLAUSES)


@pytest.mark.parametrize("clause_id", CLAUSES)
def test_an_original_stands_word_for_word_in_its_document(clause_id: str) -> None:
    clause = register().clause(clause_id)
    text = (DOCUMENTS / clause.document.source).read_text(encoding="utf-8")
    assert normalised(clause.original) in normalised(text)


def test_a_changed_word_is_not_found_in_the_document() -> None:
    text = (DOCUMENTS / "county-2022.md").read_text(encoding="utf-8")
    changed = register().clause("C3.8").original.replace("按季度", "按月度")
    assert normalised(changed) not in normalised(text)


def test_texts_are_compared_without_breaks_and_in_full_width() -> None:
    assert normalised("**户数\n\n增加**,(一)") == "户数增加，（一）"


def test_the_first_unit_of_a_clause_is_its_lead() -> None:
    assert register().clause("C3.8").units == ("FO", "CB", "RB")
    assert register().clause("C4.3").units[0] == "CB"
    assert register().clause("C1.2").units[0] == "RB"


def test_every_unit_of_a_clause_has_a_name_on_the_documents_day() -> None:
    for clause in register().clauses.values():
        names = register().responsible(clause.id, clause.document.issued_on)
        assert names != clause.units
        assert not set(names) & set(clause.units)


def test_a_unit_is_called_as_on_the_day() -> None:
    assert register().responsible("C4.3", date(2022, 5, 16)) == (
        "临汾银保监分局洪洞监管组",
        "人行洪洞县支行",
        "县金融办",
    )
    assert "临汾银保监分局洪洞监管组" in register().responsible("C4.3", date(2023, 6, 30))
    assert "临汾银保监分局洪洞监管组" not in register().responsible("C4.3", date(2023, 7, 1))
    assert "人行洪洞县支行" not in register().responsible("C4.3", date(2025, 1, 1))


def test_a_later_name_that_nobody_verified_says_so() -> None:
    name = register().unit_name("CB", date(2025, 1, 1))
    assert name is not None
    assert not name.verified


def test_a_unit_without_a_name_for_the_day_stands_with_its_id() -> None:
    assert register().responsible("C3.8", date(1999, 1, 1)) == ("FO", "CB", "RB")


def test_every_target_points_to_a_clause_that_exists() -> None:
    assert {t.clause for t in register().all_targets} - {""} <= set(CLAUSES)


def test_every_indicator_of_a_clause_but_the_stock_figures_has_a_number_to_meet() -> None:
    with_target = {t.indicator for t in register().all_targets}
    asked = {i for clause in register().clauses.values() for i in clause.indicators}
    assert asked - with_target == {"I21", "I23"}


# Targets


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


# Thresholds


def test_the_thresholds_are_those_of_the_notes_and_marked_as_ours() -> None:
    limits = register().thresholds(date(2024, 9, 30))
    assert limits.npr_swing_relative == Fraction(30, 100)
    assert limits.npr_swing_absolute_fen == 500_000_000
    assert limits.ratio_alert_customers == 30
    assert (limits.npr_seasonal_share, limits.npr_seasonal_years) == (Fraction(7, 10), 2)
    assert limits.large_bank_pace == Fraction(8, 10)
    assert (limits.reject_spike_share, limits.reject_spike_events) == (Fraction(2, 100), 20)
    assert limits.county_profile == (Fraction(45, 100), Fraction(72, 100), Fraction(88, 100), Fraction(1))
    assert all(t.ours for t in register().all_targets if t.key.startswith(("npr_", "reject_", "county_")))


@pytest.mark.parametrize("limit", [field.name for field in fields(Thresholds)])
def test_every_threshold_has_a_reader(limit: str) -> None:
    sources = Path(str(projections.__file__)).parent.glob("**/*.py")
    assert any(f".{limit}" in source.read_text("utf-8") for source in sources)


def test_what_a_document_states_is_not_ours() -> None:
    assert not any(
        t.ours for t in register().all_targets if t.key.startswith(("large_bank_inclusive", "two_increase"))
    )


def test_a_threshold_can_be_replaced_like_any_target() -> None:
    after = register().with_target(
        TargetSet(key="npr_swing_relative", value="25", valid_from=date(2025, 1, 1))
    )
    assert after.thresholds(date(2024, 12, 31)).npr_swing_relative == Fraction(30, 100)
    assert after.thresholds(date(2025, 1, 1)).npr_swing_relative == Fraction(25, 100)


def test_one_institution_can_have_a_threshold_of_its_own() -> None:
    own = TargetSet(
        key="npr_swing_relative", value="50", valid_from=date(2024, 1, 1), scope=Scope(institution=VILLAGE[0])
    )
    after = register().with_target(own)
    assert after.thresholds(date(2024, 9, 30), *VILLAGE).npr_swing_relative == Fraction(1, 2)
    assert after.thresholds(date(2024, 9, 30), *RURAL).npr_swing_relative == Fraction(3, 10)


@pytest.mark.parametrize(
    ("value", "unit"), [("600000000", "fen"), ("6000000", "元"), ("600", "万元"), ("0.06", "亿元")]
)
def test_a_threshold_of_money_may_be_given_in_the_units_of_people(value: str, unit: str) -> None:
    new = TargetSet(key="npr_swing_absolute", value=value, unit=unit, valid_from=date(2024, 1, 1))
    assert register().with_target(new).thresholds(date(2024, 9, 30)).npr_swing_absolute_fen == 600_000_000


@pytest.mark.parametrize(
    ("value", "ends"),
    [
        pytest.param("600000000", date(2024, 6, 30), id="its replacement has ended"),
        pytest.param("600000000.5", None, id="no whole number"),
        pytest.param("growth(ALL)", None, id="no number at all"),
    ],
)
def test_a_threshold_without_a_usable_replacement_is_that_of_the_files(value: str, ends: date | None) -> None:
    new = TargetSet(key="npr_swing_absolute", value=value, valid_from=date(2024, 1, 1), valid_to=ends)
    assert register().with_target(new).thresholds(date(2024, 9, 30)).npr_swing_absolute_fen == 500_000_000


# Expressions


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


# Periods


def test_a_quarter_knows_its_days_and_neighbours() -> None:
    third = Quarter(2024, 3)
    assert third.label == "2024Q3"
    assert (third.first_day, third.last_day) == (date(2024, 7, 1), date(2024, 9, 30))
    assert third.previous == Quarter(2024, 2)
    assert third.same_last_year == Quarter(2023, 3)
    assert third.months == (Month(2024, 7), Month(2024, 8), Month(2024, 9))
    assert Quarter(2024, 1).previous == Quarter(2023, 4)
    assert Quarter(2024, 4).next == Quarter(2025, 1)


def test_a_month_knows_its_days_and_neighbours() -> None:
    february = Month(2024, 2)
    assert (february.label, february.last_day) == ("2024-02", date(2024, 2, 29))
    assert Month(2024, 1).previous == Month(2023, 12)
    assert Month(2024, 12).next == Month(2025, 1)
    assert february.same_last_year.last_day == date(2023, 2, 28)


@given(st.dates(min_value=date(2, 1, 1)))
def test_every_day_lies_in_its_own_period_and_its_label_is_read_back(day: date) -> None:
    for period in (Quarter.of(day), Month.of(day)):
        assert period.first_day <= day <= period.last_day
        assert period.previous.last_day + timedelta(days=1) == period.first_day
        assert parse_period(period.label) == period


@pytest.mark.parametrize("label", ["2024Q5", "2024-13", "2024Q0", "24Q1", "2024-1", "2024q1", "2024Q1 "])
def test_what_is_no_period_is_not_read_as_one(label: str) -> None:
    with pytest.raises(ValueError, match=r"no|neither"):
        parse_period(label)


@pytest.mark.parametrize(
    ("label", "closes"),
    [
        ("2024Q3", date(2024, 10, 18)),
        ("2024Q4", date(2025, 1, 18)),
        ("2024Q2", date(2024, 7, 18)),
        ("2024-05", date(2024, 6, 6)),
        ("2024-12", date(2025, 1, 6)),
    ],
)
def test_a_period_closes_so_many_days_after_its_end(label: str, closes: date) -> None:
    assert closes_on(parse_period(label)) == closes


def test_a_period_is_closed_from_the_start_of_its_day_in_beijing() -> None:
    assert closes_at(Quarter(2024, 3)) == datetime(2024, 10, 17, 16, 0, tzinfo=UTC)


def test_figures_that_look_past_the_due_date_are_final_thirty_days_after_the_quarter() -> None:
    assert final_on(Quarter(2024, 3)) == date(2024, 10, 30)


def test_the_rule_of_closing_is_the_one_of_the_periods_last_day() -> None:
    rules = (CloseRule(date(2018, 1, 1), 18, 6, 30), CloseRule(date(2025, 1, 1), 20, 8, 30))
    assert closes_on(Quarter(2024, 4), rules) == date(2025, 1, 18)
    assert closes_on(Quarter(2025, 1), rules) == date(2025, 4, 20)
    with pytest.raises(ValueError, match="no rule"):
        closes_on(Quarter(2017, 4), rules)


def test_quarters_run_from_the_first_to_the_last() -> None:
    assert [q.label for q in quarters(Quarter(2023, 4), Quarter(2024, 2))] == ["2023Q4", "2024Q1", "2024Q2"]
