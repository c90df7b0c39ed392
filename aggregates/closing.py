"""Closing 关账: when a period of an institution closes, by the dated rule or by the hand of an office.

A period closes at the start of a day, +08:00, so that what was known at its closing is the same in every run.
"""

from datetime import datetime, timedelta
from functools import lru_cache
from operator import attrgetter

from aggregates.registry import Published, Registry
from puhui.policy.periods import Period, closes_at, date_at, microseconds, moment_at, parse, start_of


def closing_of(registry: Registry, period: Period, institution: str, known_at: int | None = None) -> int:
    """The instant (µs) from which a period of an institution is closed, as known at an instant (None: by now).

    An office may say another one by `period.closed`, for one institution, or for all where `institution_id` is none,
    as long as the period is open: what is closed stays closed. The last word before the closing holds.
    """
    found = _by_rule(period)
    for said in sorted(registry.closed_by_hand.get(str(period), ()), key=_known):
        known = known_at is None or said.recorded_at <= known_at
        mine = said.institution == institution or said.institution not in registry.institutions
        if known and mine and said.recorded_at < found:
            found = _by_hand(said, period)
    return found


_known = attrgetter("recorded_at")


@lru_cache(maxsize=4096)
def _by_rule(period: Period) -> int:
    return microseconds(closes_at(period))


def closed_by_hand(registry: Registry) -> list[Period]:
    """The periods about whose closing an office has said something, in their order."""
    return sorted(map(parse, registry.closed_by_hand), key=lambda period: (period.last_day, str(period)))


def _by_hand(said: Published, period: Period) -> int:
    """The start of the day after the office said it, or of the day it names; never before the period is over."""
    first = start_of(max(date_at(said.recorded_at), period.last_day) + timedelta(days=1))
    wanted = said.data.get("closed_at")
    if wanted is None:
        return microseconds(first)
    named = moment_at(microseconds(datetime.fromisoformat(wanted)))
    day = start_of(named.date())
    return microseconds(max(first, day if day == named else day + timedelta(days=1)))
