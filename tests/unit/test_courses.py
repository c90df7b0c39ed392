"""Courses of balances are kept for who asks again; however far apart their days lie, they take little memory."""

from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections import courses
from projections.courses import Course, joined
from projections.ledger import Ledger
from projections.views import Figures, View
from tests.desk import BANK, SHOP, Desk
from tests.events import yuan


def test_courses_over_many_years_are_dropped_before_they_fill_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, kept = Desk(tmp_path), list[int]()
    monkeypatch.setattr(courses, "DAYS_KEPT", 30_000)
    figures = Figures(desk.store)
    view = View(19_900)
    for number, day in enumerate(("2010-01-02", "2024-03-01", "2024-03-02", "2024-03-04", "2024-03-05")):
        desk.given(desk.bank.issued(f"L{number}", SHOP, day, yuan(100)))
        figures.follow()
        for population in ("ALL1", "PH", "NPR"):
            figures.balance(BANK, population, view.as_of, view)
            kept.append(sum(len(course.sums) for course in figures._courses._kept.values()))
    assert max(kept) <= 30_000
    assert max(kept) > 10_000, "no course is long"
    assert figures.balance(BANK, "ALL1", view.as_of, view).value == yuan(500)


SUMS = st.lists(st.integers(-9, 9), max_size=5).map(lambda sums: np.array(sums, dtype=np.int64))
COURSES = st.builds(Course, st.integers(0, 12), SUMS)


@given(COURSES, COURSES)
def test_on_each_day_a_joined_course_is_the_sum_of_both(one: Course, other: Course) -> None:
    whole = joined(one, other)
    assert [whole.at(day) for day in range(20)] == [one.at(day) + other.at(day) for day in range(20)]


def test_a_course_goes_on_from_an_earlier_one_and_is_that_of_all_that_is_known(tmp_path: Path) -> None:
    desk, dice = Desk(tmp_path), Random(1)
    figures, days = Figures(desk.store), [19_700, 19_800, 19_900]
    for number in range(12):
        day = f"2024-{dice.randint(1, 6):02d}-{dice.randint(1, 28):02d}"
        desk.given(desk.bank.issued(f"L{number}", SHOP, day, yuan(number + 1)))
        if number % 3 == 2:
            figures.follow()
            for version in {dice.randint(1, number), figures.ledger.books[BANK].last}:
                course = figures._courses.of(BANK, "ALL1", version)
                anew = Ledger(desk.store)
                anew.follow()
                assert [course.at(day) for day in days] == anew.balances(BANK, "ALL1", days, version)
                assert figures.ledger.latest_day(BANK, version) == anew.latest_day(BANK, version)
