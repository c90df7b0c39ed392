"""Working days 工作日 by the State Council's yearly notices, make-up days 调休 included (6.4).

The notice for a year appears in the autumn before it. A day of a year without a notice is neither a working
day nor a rest day: it is unknown, None, and so is every deadline that reaches into such a year.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from importlib.metadata import version

import chinese_calendar.constants

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class PublishedYear:
    """One year's notice 放假安排: the days that differ from the ordinary week."""

    year: int
    notice: str
    holidays: frozenset[date] = frozenset()
    """Rest days; weekend days may stand here too."""
    makeup_workdays: frozenset[date] = frozenset()
    """Saturdays and Sundays that are working days."""

    def __post_init__(self) -> None:
        if any(day.year != self.year for day in self.holidays | self.makeup_workdays):
            raise ValueError(f"a notice for {self.year} holds days of that year only")
        if self.holidays & self.makeup_workdays:
            raise ValueError(f"a day of {self.year} is both a holiday and a make-up working day")

    def is_working_day(self, day: date) -> bool:
        return day in self.makeup_workdays or (day.weekday() < 5 and day not in self.holidays)


@dataclass(frozen=True, slots=True)
class Calendar:
    """The years for which a notice is known; every answer outside them is None."""

    years: Mapping[int, PublishedYear] = field(default_factory=dict)

    def with_year(self, published: PublishedYear) -> "Calendar":
        """The same calendar with one year's notice added, or replaced by a newer one."""
        return Calendar({**self.years, published.year: published})

    def is_working_day(self, day: date) -> bool | None:
        year = self.years.get(day.year)
        return None if year is None else year.is_working_day(day)

    def add_working_days(self, day: date, count: int) -> date | None:
        """The last day of a deadline of `count` ≥ 1 working days (5个工作日: 5).

        The starting day is not counted (民法典 201, 203); the deadline ends at 24:00 of
        that day. None when a day on the way falls into a year without data.
        """
        if count < 1:
            raise ValueError("a deadline is at least one working day")
        for found in self._working_days_after(day, _DAY):
            count -= 1
            if count == 0:
                return found
        return None

    def next_working_day(self, day: date) -> date | None:
        """The first working day after `day`."""
        return next(self._working_days_after(day, _DAY), None)

    def previous_working_day(self, day: date) -> date | None:
        """The last working day before `day`."""
        return next(self._working_days_after(day, -_DAY), None)

    def working_days_between(self, start: date, end: date) -> int | None:
        """Working days after `start`, up to and with `end`; 0 when `end` is not later, None when one is unknown."""
        if any(year not in self.years for year in range(start.year, end.year + 1)):
            return None
        return sum(bool(self.is_working_day(start + n * _DAY)) for n in range(1, (end - start).days + 1))

    def _working_days_after(self, day: date, step: timedelta) -> Iterator[date]:
        """Working days from the neighbour of `day` on; stops at the first day that is unknown."""
        while date.min < day < date.max:
            day += step
            working = self.is_working_day(day)
            if working is None:
                return
            if working:
                yield day


@cache
def seed() -> Calendar:
    """The calendar of the installed chinesecalendar, for the years it has data for."""
    notice = f"chinesecalendar {version('chinesecalendar')}"
    holidays = _by_year(chinese_calendar.constants.holidays)
    makeup = _by_year(chinese_calendar.constants.workdays)
    years = (PublishedYear(y, notice, holidays[y], makeup.get(y, frozenset())) for y in holidays)
    return Calendar({published.year: published for published in years})


def _by_year(days: Iterable[date]) -> dict[int, frozenset[date]]:
    sorted_out: dict[int, set[date]] = {}
    for day in days:
        sorted_out.setdefault(day.year, set()).add(day)
    return {year: frozenset(found) for year, found in sorted_out.items()}
