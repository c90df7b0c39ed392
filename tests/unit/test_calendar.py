"""Working days by the published notices, and deadlines that nobody can know yet."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from puhui.calendar import Calendar, PublishedYear, seed

VECTORS = [
    (date(2022, 5, 16), date(2022, 5, 23)),
    (date(2022, 9, 29), date(2022, 10, 11)),
    (date(2022, 10, 8), date(2022, 10, 13)),
    (date(2024, 2, 8), date(2024, 2, 21)),
    (date(2025, 1, 24), date(2025, 2, 7)),
    (date(2026, 2, 13), date(2026, 2, 27)),
    (date(2026, 2, 14), date(2026, 2, 28)),
    (date(2026, 9, 24), date(2026, 10, 9)),
    (date(2026, 9, 30), date(2026, 10, 13)),
    (date(2026, 10, 1), date(2026, 10, 13)),
    (date(2026, 12, 24), date(2026, 12, 31)),
]
LAST = date(2026, 12, 31)


def to_2026() -> Calendar:
    """The seed cut at 2026: a later chinesecalendar may know more."""
    return Calendar({year: published for year, published in seed().years.items() if year <= 2026})


@pytest.mark.parametrize(("received", "deadline"), VECTORS, ids=lambda day: str(day))
def test_the_fifth_working_day(received: date, deadline: date) -> None:
    assert to_2026().add_working_days(received, 5) == deadline


def test_two_applications_before_the_national_holiday_are_due_on_a_working_saturday() -> None:
    assert to_2026().add_working_days(date(2024, 9, 30), 5) == date(2024, 10, 12)


def test_a_deadline_in_a_year_without_a_notice_is_unknown() -> None:
    assert to_2026().add_working_days(date(2026, 12, 25), 5) is None
    assert to_2026().is_working_day(date(2027, 1, 1)) is None
    assert to_2026().is_working_day(date(2027, 1, 2)) is None
    assert to_2026().next_working_day(LAST) is None


def test_a_year_without_a_notice_is_not_stepped_over() -> None:
    calendar = to_2026().with_year(PublishedYear(2028, "later"))
    assert calendar.add_working_days(date(2026, 12, 25), 5) is None


def test_a_deadline_becomes_known_when_the_notice_is_published() -> None:
    notice = PublishedYear(
        2027, "国办发明电〔2026〕X号", frozenset({date(2027, 1, 1)}), frozenset({date(2027, 1, 3)})
    )
    calendar = to_2026().with_year(notice)
    assert calendar.add_working_days(date(2026, 12, 25), 5) == date(2027, 1, 3)
    assert to_2026().add_working_days(date(2026, 12, 25), 5) is None


def test_spring_festival_rests_and_its_make_up_sunday_works() -> None:
    assert to_2026().is_working_day(date(2024, 2, 12)) is False
    assert to_2026().is_working_day(date(2024, 2, 18)) is True


def test_the_neighbours_of_a_holiday() -> None:
    assert to_2026().next_working_day(date(2024, 9, 30)) == date(2024, 10, 8)
    assert to_2026().previous_working_day(date(2024, 10, 8)) == date(2024, 9, 30)


def test_working_days_between_leave_out_the_first_day() -> None:
    assert to_2026().working_days_between(date(2022, 5, 16), date(2022, 5, 23)) == 5
    assert to_2026().working_days_between(date(2022, 5, 16), date(2022, 5, 16)) == 0
    assert to_2026().working_days_between(date(2026, 12, 30), date(2027, 1, 4)) is None


def test_a_deadline_of_no_days_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        to_2026().add_working_days(date(2024, 1, 2), 0)


def test_a_notice_cannot_contradict_itself_or_name_another_year() -> None:
    with pytest.raises(ValueError, match="both"):
        PublishedYear(2027, "", frozenset({date(2027, 1, 2)}), frozenset({date(2027, 1, 2)}))
    with pytest.raises(ValueError, match="only"):
        PublishedYear(2027, "", frozenset({date(2026, 12, 31)}))


def test_the_seed_says_where_it_comes_from_and_has_every_year_since_2018() -> None:
    assert set(range(2018, 2027)) <= set(seed().years)
    assert seed().years[2024].notice.startswith("chinesecalendar ")


@given(st.dates(date(2018, 1, 1), date(2026, 11, 1)), st.integers(1, 20))
def test_a_deadline_is_a_working_day_and_so_many_of_them_away(day: date, count: int) -> None:
    deadline = to_2026().add_working_days(day, count)
    assert deadline is not None
    assert to_2026().is_working_day(deadline)
    assert to_2026().working_days_between(day, deadline) == count
    assert to_2026().working_days_between(day, deadline - timedelta(days=1)) == count - 1
