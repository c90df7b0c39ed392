"""Which periods are closed at an instant, by the dated rule (quarter + 18 days, month + 6)."""

from datetime import date
from functools import lru_cache
from typing import Final

from aggregates.codes import day_number
from puhui.policy.periods import Month, Quarter, closes_on

_HISTORY: Final = 400
"""How many closed months back a late fact still opens restatements: more than any county keeps."""


@lru_cache(maxsize=64)
def closed_until(today: date) -> int:
    """The last day, as a day number, that lies in any closed period on a date."""
    month = Month(today.year, today.month)
    while closes_on(month) > today:
        month = month.previous
    return day_number(month.last_day)


def closed_periods_from(day: date, today: date) -> list[str]:
    """The labels of all closed periods that a fact of that day changes: its own and every later one."""
    found: list[str] = []
    for first in (Month(day.year, day.month), Quarter(day.year, (day.month - 1) // 3 + 1)):
        period: Month | Quarter = first
        while closes_on(period) <= today and len(found) < _HISTORY:
            found.append(str(period))
            period = period.next
    return found
