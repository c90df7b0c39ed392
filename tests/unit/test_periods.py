"""Months and quarters: their days, their names, and when they close."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from puhui.policy import (
    Month,
    Quarter,
    closes_at,
    closes_on,
    final_on,
)
from puhui.policy.periods import CloseRule, quarters
from puhui.policy.periods import parse as parse_period


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
