"""A customer's timeline: what is valid on a day is what began last, until it ends."""

from hypothesis import given
from hypothesis import strategies as st

from aggregates.customer import LAST, Customer, Line, Profile, Timeline

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
