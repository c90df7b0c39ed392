"""Working days by the published notices, and days of years whose notice nobody can know yet."""

from datetime import date

import pytest

from puhui.calendar import Calendar, PublishedYear, seed


def to_2026() -> Calendar:
    """The seed cut at 2026: a later chinesecalendar may know more."""
    return Calendar({year: published for year, published in seed().years.items() if year <= 2026})


def test_a_day_of_a_year_without_a_notice_is_unknown() -> None:
    assert to_2026().is_working_day(date(2026, 12, 31)) is True
    assert to_2026().is_working_day(date(2027, 1, 1)) is None
    assert to_2026().is_working_day(date(2027, 1, 2)) is None


def test_spring_festival_rests_and_its_make_up_sunday_works() -> None:
    assert to_2026().is_working_day(date(2024, 2, 12)) is False
    assert to_2026().is_working_day(date(2024, 2, 18)) is True


def test_the_week_of_the_national_day_rests_and_a_saturday_after_it_works() -> None:
    days = [date(2024, 9, 30), *(date(2024, 10, n) for n in range(1, 14))]
    assert [d.day for d in days if to_2026().is_working_day(d)] == [30, 8, 9, 10, 11, 12]


def test_a_notice_cannot_contradict_itself_or_name_another_year() -> None:
    with pytest.raises(ValueError, match="both"):
        PublishedYear(2027, frozenset({date(2027, 1, 2)}), frozenset({date(2027, 1, 2)}))
    with pytest.raises(ValueError, match="only"):
        PublishedYear(2027, frozenset({date(2026, 12, 31)}))


def test_the_seed_has_every_year_since_2018() -> None:
    assert set(range(2018, 2027)) <= set(seed().years)
