"""Days as ordinals, working days, quarters: the calendar that the simulated county lives by."""

from datetime import date
from functools import lru_cache
from typing import NamedTuple

from puhui.calendar import seed

DAY_US = 86_400_000_000
"""Microseconds of a day: times of recording are microseconds since 0001-01-01, local time."""


def ordinal(year: int, month: int, day: int) -> int:
    """The day's proleptic ordinal."""
    return date(year, month, day).toordinal()


@lru_cache(maxsize=8192)
def iso(day: int) -> str:
    """The day as YYYY-MM-DD."""
    return date.fromordinal(day).isoformat()


@lru_cache(maxsize=8192)
def is_workday(day: int) -> bool:
    """Whether banks work on that day; after the last published notice every weekday counts."""
    found = date.fromordinal(day)
    known = seed().is_working_day(found)
    return found.weekday() < 5 if known is None else known


def workday_before(day: int) -> int:
    """The day itself or the last working day before it."""
    while not is_workday(day):
        day -= 1
    return day


def workday_after(day: int) -> int:
    """The day itself or the first working day after it."""
    while not is_workday(day):
        day += 1
    return day


@lru_cache(maxsize=65536)
def add_months(day: int, months: int) -> int:
    """The same day of a later month; the 29th and later become the 28th."""
    start = date.fromordinal(day)
    month = start.month - 1 + months
    return date(start.year + month // 12, month % 12 + 1, min(start.day, 28)).toordinal()


def month_end(year: int, month: int) -> int:
    """The last day of a month."""
    return date(year + month // 12, month % 12 + 1, 1).toordinal() - 1


class Quarter(NamedTuple):
    """One calendar quarter; `place` 0 is 2022Q1."""

    year: int
    number: int
    start: int
    end: int
    workdays: tuple[int, ...]

    @property
    def place(self) -> int:
        return (self.year - 2022) * 4 + self.number - 1

    @property
    def month_ends(self) -> tuple[int, ...]:
        return tuple(month_end(self.year, self.number * 3 - left) for left in (2, 1, 0))


def quarter(year: int, number: int) -> Quarter:
    """One quarter with its working days."""
    start, end = ordinal(year, number * 3 - 2, 1), month_end(year, number * 3)
    return Quarter(year, number, start, end, tuple(d for d in range(start, end + 1) if is_workday(d)))


OPENING = ordinal(2021, 12, 31)
QUARTERS = tuple(quarter(2022 + n // 4, n % 4 + 1) for n in range(14))
"""2022Q1 to 2024Q4 are history, the two quarters after it are played live."""
