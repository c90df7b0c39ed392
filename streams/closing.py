"""Which periods of an institution are closed on a day, and which of them a fact of a day changes."""

from datetime import date
from functools import lru_cache
from typing import Final

from aggregates.closing import closing_of
from aggregates.codes import day_number
from aggregates.registry import Registry
from puhui.policy.periods import Month, Period, Quarter, closes_on, microseconds, start_of

_HISTORY: Final = 400
"""How many closed months back a late fact still opens restatements: more than any county keeps."""


def closed_until(registry: Registry, institution: str, today: date) -> int:
    """The last day, as a day number, that lies in any closed period of an institution on a date."""
    if not registry.closed_by_hand:
        return _by_rule(today)
    latest = (
        _latest(registry, institution, period, today) for period in (Month.of(today), Quarter.of(today))
    )
    return max(day_number(period.last_day) for period in latest)


@lru_cache(maxsize=64)
def _by_rule(today: date) -> int:
    month = Month.of(today)
    while closes_on(month) > today:
        month = month.previous
    return day_number(month.last_day)


def _latest(registry: Registry, institution: str, period: Period, today: date) -> Period:
    while not _is_closed(registry, institution, period, today):
        period = period.previous
    return period


def _is_closed(registry: Registry, institution: str, period: Period, today: date) -> bool:
    """Was it closed at the start of the day? What is said on a day closes nothing on that day."""
    now = microseconds(start_of(today))
    return closing_of(registry, period, institution, now) <= now


def closed_periods_from(registry: Registry, institution: str, day: date, today: date) -> list[str]:
    """The labels of all closed periods that a fact of that day changes: its own and every later one."""
    found: list[str] = []
    for first in (Month.of(day), Quarter.of(day)):
        period: Period = first
        while period.last_day < today and len(found) < _HISTORY:
            if _is_closed(registry, institution, period, today):
                found.append(str(period))
            period = period.next
    return found
