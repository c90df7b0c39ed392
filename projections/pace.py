"""Pace 进度: which share of the year's net growth a bank has usually reached by a day (I35)."""

from datetime import date
from fractions import Fraction
from typing import Final

from aggregates.codes import day_number
from projections.views import Figures, View
from puhui.policy.periods import Quarter

_YEARS: Final = 3
"""A profile of one's own needs so many years."""
_REACH: Final = 6
"""How many years back they are looked for."""

Profile = tuple[Fraction, ...]


def profile(figures: Figures, institution: str, view: View) -> tuple[Fraction, str]:
    """π(t): the share of the year's net growth expected by the day, and whose profile it is.

    The bank's own: the mean share reached by each quarter end in its last three years that are known and grew;
    otherwise the county's, about 45 / 72 / 88 / 100 %. Linear between quarter ends. Banks grow early (开门红).
    """
    own = own_profile(figures, institution, view)
    shares = own or figures.thresholds(view, institution).county_profile
    return on_day(shares, view.day), "本行进度" if own else "全县进度"


def own_profile(figures: Figures, institution: str, view: View) -> Profile | None:
    """The mean shares at the four quarter ends; None without three known years of growth."""
    years = (_shares(figures, institution, view.day.year - back, view) for back in range(1, _REACH + 1))
    known = [shares for shares in years if shares is not None][:_YEARS]
    if len(known) < _YEARS:
        return None
    return tuple(sum(column, Fraction(0)) / _YEARS for column in zip(*known, strict=True))


def _shares(figures: Figures, institution: str, year: int, view: View) -> Profile | None:
    days = [date(year - 1, 12, 31), *(Quarter(year, number).last_day for number in (1, 2, 3, 4))]
    balances = [figures.balance(institution, "PH", day_number(day), view).value for day in days]
    known = [int(b) for b in balances if b is not None]
    if len(known) < len(days) or known[-1] <= known[0]:
        return None
    return tuple(Fraction(balance - known[0], known[-1] - known[0]) for balance in known[1:])


def on_day(shares: Profile, day: date) -> Fraction:
    """The share on a day, linear between the quarter ends."""
    quarter = Quarter.of(day)
    before = shares[quarter.number - 2] if quarter.number > 1 else Fraction(0)
    days = (quarter.last_day - quarter.first_day).days + 1
    passed = (day - quarter.first_day).days + 1
    return before + (shares[quarter.number - 1] - before) * Fraction(passed, days)
