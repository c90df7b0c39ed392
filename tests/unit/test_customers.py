"""A customer's timeline: what is valid on a day is what began last, until it ends."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregates.codes import day_number
from aggregates.customer import LAST, Customer, Line, Profile, Timeline
from tests.desk import BANK, SHOP, Desk

DAYS = st.integers(0, 12)
ENDS = st.none() | st.integers(0, 14) | st.just(LAST)
LINES = st.builds(Line, DAYS, st.integers(0, 3), st.integers(), st.just(0), st.integers(1, 9), ENDS)
PROFILES = st.builds(
    Profile, DAYS, st.integers(0, 3), st.integers(), st.just(0), st.integers(1, 3), st.integers(0, 4), ENDS
)


def begun_last(dated: list[Line] | list[Profile], day: int) -> Line | Profile | None:
    """By the definition: the last one that has begun, if it has not ended."""
    last = ([None, *(one for one in dated if one.valid_from <= day)])[-1]
    return last if last is not None and (last.valid_to is None or last.valid_to >= day) else None


def timelines(dated: st.SearchStrategy[Line | Profile]) -> st.SearchStrategy[list[Line | Profile]]:
    """Some of them in their order; no two come of one event."""
    return st.lists(dated, max_size=6, unique_by=lambda one: one.event).map(sorted)


@given(timelines(LINES), timelines(PROFILES))
def test_on_each_day_the_line_and_the_profile_are_those_that_began_last_and_have_not_ended(
    lines: list[Line], profiles: list[Profile]
) -> None:
    timeline = Timeline(Customer(lines=lines, profiles=profiles))
    for day in (*range(16), LAST):
        line = begun_last(lines, day)
        assert timeline.on(day) == (line.total if isinstance(line, Line) else None, begun_last(profiles, day))


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("late", [False, True], ids=["in their order", "the last one first"])
def test_of_several_lines_from_one_day_the_one_that_was_told_last_holds(
    tmp_path: Path, late: bool, number: int
) -> None:
    """By the source's clock, or where it says nothing by the event's time: whichever arrives first."""
    desk = Desk(tmp_path)
    desk.bank._sent += number  # whatever their ids are
    told = [desk.bank.line(SHOP, total, since="2024-06-03") for total in (1_000, 2_000, 3_000)]
    for hour, line in zip(("09", "11", "10"), told, strict=True):
        line["time"] = f"2024-06-03T{hour}:00:00+08:00"
    desk.given(*(reversed(told) if late else told))
    customer = desk.worker.intake.book(BANK).customer(SHOP)
    assert customer is not None
    assert Timeline(customer).on(day_number(date(2024, 6, 3))).line == 2_000
