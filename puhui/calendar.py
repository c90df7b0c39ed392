"""Working days 工作日 by the State Council's yearly notices, make-up days 调休 included (6.4).

The notice for a year appears in the autumn before it. A day of a year without a notice is neither a working
day nor a rest day: it is unknown, None.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache

import chinese_calendar.constants


@dataclass(frozen=True, slots=True)
class PublishedYear:
    """One year's notice 放假安排: the days that differ from the ordinary week."""

    year: int
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

    def is_working_day(self, day: date) -> bool | None:
        year = self.years.get(day.year)
        return None if year is None else year.is_working_day(day)


@cache
def seed() -> Calendar:
    """The calendar of the installed chinesecalendar, for the years it has data for."""
    holidays = _by_year(chinese_calendar.constants.holidays)
    makeup = _by_year(chinese_calendar.constants.workdays)
    years = (PublishedYear(y, holidays[y], makeup.get(y, frozenset())) for y in holidays)
    return Calendar({published.year: published for published in years})


def _by_year(days: Iterable[date]) -> dict[int, frozenset[date]]:
    sorted_out: dict[int, set[date]] = {}
    for day in days:
        sorted_out.setdefault(day.year, set()).add(day)
    return {year: frozenset(found) for year, found in sorted_out.items()}
