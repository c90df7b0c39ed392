"""Months and quarters, and when they close: 18 days after a quarter, 6 days after a month (8.1, proposal).

The figures of 2024Q3 are confirmed on 2024-10-18, those of 2024Q4 on 2025-01-18: a period is closed from the
start of that day, 00:00 +08:00 (Asia/Shanghai, no summer time).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Final

FIRST: Final = date(2000, 1, 1)
LAST: Final = date(2099, 12, 31)
"""Between these days a view may lie: no question walks through centuries."""
BEIJING = timezone(timedelta(hours=8), "+08:00")

HOUR: Final = 3_600_000_000
DAY: Final = 24 * HOUR
"""Microseconds of an hour and of a day: the calendar has no summer time."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def date_at(instant: int) -> date:
    """The business calendar's date (+08:00) of an instant in microseconds since 1970."""
    return (_EPOCH + instant * _MICROSECOND).astimezone(BEIJING).date()


def microseconds(moment: datetime) -> int:
    """A moment with a zone as an instant: microseconds since 1970, exact."""
    return (moment - _EPOCH) // _MICROSECOND


def start_of(day: date) -> datetime:
    """The start of a day, +08:00."""
    return datetime.combine(day, time(), BEIJING)


def moment_at(instant: int) -> datetime:
    """The moment (+08:00) of an instant in microseconds since 1970."""
    return (_EPOCH + instant * _MICROSECOND).astimezone(BEIJING)


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A calendar month, written 2024-07."""

    year: int
    month: int

    def __post_init__(self) -> None:
        if not (1 <= self.year <= 9999 and 1 <= self.month <= 12):
            raise ValueError(f"no month: {self.year}-{self.month}")

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        return f"{self.year:04d}-{self.month:02d}"

    @property
    def first_day(self) -> date:
        return date(self.year, self.month, 1)

    @property
    def last_day(self) -> date:
        return _last_day(self.year, self.month)

    @property
    def previous(self) -> "Month":
        return Month(self.year, self.month - 1) if self.month > 1 else Month(self.year - 1, 12)

    @property
    def next(self) -> "Month":
        return Month(self.year, self.month + 1) if self.month < 12 else Month(self.year + 1, 1)

    @property
    def same_last_year(self) -> "Month":
        return Month(self.year - 1, self.month)

    @classmethod
    def of(cls, day: date) -> "Month":
        return cls(day.year, day.month)


@dataclass(frozen=True, slots=True, order=True)
class Quarter:
    """A calendar quarter, written 2024Q3."""

    year: int
    number: int

    def __post_init__(self) -> None:
        if not (1 <= self.year <= 9999 and 1 <= self.number <= 4):
            raise ValueError(f"no quarter: {self.year}Q{self.number}")

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        return f"{self.year:04d}Q{self.number}"

    @property
    def first_day(self) -> date:
        return date(self.year, 3 * self.number - 2, 1)

    @property
    def last_day(self) -> date:
        return _last_day(self.year, 3 * self.number)

    @property
    def previous(self) -> "Quarter":
        return Quarter(self.year, self.number - 1) if self.number > 1 else Quarter(self.year - 1, 4)

    @property
    def next(self) -> "Quarter":
        return Quarter(self.year, self.number + 1) if self.number < 4 else Quarter(self.year + 1, 1)

    @property
    def same_last_year(self) -> "Quarter":
        return Quarter(self.year - 1, self.number)

    @property
    def months(self) -> tuple[Month, Month, Month]:
        last = 3 * self.number
        return Month(self.year, last - 2), Month(self.year, last - 1), Month(self.year, last)

    @classmethod
    def of(cls, day: date) -> "Quarter":
        return cls(day.year, (day.month + 2) // 3)


Period = Month | Quarter

_QUARTER = re.compile(r"(\d{4})Q([1-4])", re.ASCII)
_MONTH = re.compile(r"(\d{4})-(\d{2})", re.ASCII)


def parse(label: str) -> Period:
    """Read 2024Q3 or 2024-07; anything else is a ValueError."""
    if found := _QUARTER.fullmatch(label):
        return Quarter(int(found.group(1)), int(found.group(2)))
    if found := _MONTH.fullmatch(label):
        return Month(int(found.group(1)), int(found.group(2)))
    raise ValueError(f"neither a quarter (2024Q3) nor a month (2024-07): {label!r}")


def quarters(first: Quarter, last: Quarter) -> Iterator[Quarter]:
    """Every quarter from `first` to `last`, both included."""
    while first <= last:
        yield first
        first = first.next


@dataclass(frozen=True, slots=True)
class CloseRule:
    """After how many calendar days periods close whose last day is `valid_from` or later."""

    valid_from: date
    quarter_days: int
    month_days: int
    final_days: int
    """Figures that look past the due date (I25, I27, I63–I65) are final this long after a quarter (q+30)."""

    def __post_init__(self) -> None:
        if min(self.quarter_days, self.month_days, self.final_days) < 0:
            raise ValueError("a period cannot close before it ends")


CLOSE_RULES = (CloseRule(date(1, 1, 1), quarter_days=18, month_days=6, final_days=30),)
"""Ours: 18 days follow the quarterly batches of 1104 (13th, 18th), 6 days its monthly ones (5.17, 8.1)."""


def closes_on(period: Period, rules: tuple[CloseRule, ...] = CLOSE_RULES) -> date:
    """The day from whose start the period is closed and its figures are official."""
    rule = _rule(period, rules)
    days = rule.quarter_days if isinstance(period, Quarter) else rule.month_days
    return period.last_day + timedelta(days=days)


def closes_at(period: Period, rules: tuple[CloseRule, ...] = CLOSE_RULES) -> datetime:
    """The instant of closing: 00:00 +08:00 of `closes_on`."""
    return datetime.combine(closes_on(period, rules), time(), BEIJING)


def final_on(quarter: Quarter, rules: tuple[CloseRule, ...] = CLOSE_RULES) -> date:
    """The day from which figures that look past the due date are no longer provisional 暂定 (q+30)."""
    return quarter.last_day + timedelta(days=_rule(quarter, rules).final_days)


def _rule(period: Period, rules: tuple[CloseRule, ...]) -> CloseRule:
    """The rule in force on the period's last day; a period before every rule is a ValueError."""
    known = [rule for rule in rules if rule.valid_from <= period.last_day]
    if not known:
        raise ValueError(f"no rule says when {period} closes")
    return max(known, key=lambda rule: rule.valid_from)


def _last_day(year: int, month: int) -> date:
    """The last day of a month, without stepping past the year 9999."""
    if month == 12:
        return date(year, 12, 31)
    return date(year, month + 1, 1) - timedelta(days=1)
