"""What a page is asked for: the view (as of a date, known at an instant) in its query, understood or refused."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Final
from urllib.parse import urlencode

from puhui.policy.periods import BEIJING, FIRST, LAST, date_at, microseconds, moment_at

LONGEST: Final = 200
"""Characters of one parameter."""
_LOST_PLUS: Final = re.compile(r"(?<=\d) (\d{2}:?\d{2})$")


class WrongQuestion(ValueError):
    """A parameter cannot be understood; the message is Chinese, for the page, and repeats nothing."""


@dataclass(frozen=True, slots=True)
class Question:
    """The view asked for: a business date (None: the latest complete one) and an instant in µs (None: now)."""

    as_of: date | None = None
    known_at: int | None = None

    @classmethod
    def read(cls, query: Mapping[str, str]) -> "Question":
        """From the parameters `as_of` and `known_at`; empty ones count as not given."""
        as_of, known_at = given(query, "as_of"), given(query, "known_at")
        return cls(_day(as_of) if as_of else None, _instant(known_at) if known_at else None)

    def query(self, **changed: date | None) -> str:
        """The same question as the query of a link, with another date."""
        as_of = changed.get("as_of", self.as_of)
        found = {
            "as_of": as_of.isoformat() if as_of else "",
            "known_at": moment_at(self.known_at).isoformat() if self.known_at is not None else "",
        }
        text = urlencode({name: value for name, value in found.items() if value})
        return f"?{text}" if text else ""

    @property
    def known_field(self) -> str:
        """The instant as the field of the form shows it; the end of a day as the day alone."""
        if self.known_at is None:
            return ""
        moment = moment_at(self.known_at).replace(tzinfo=None)
        if moment.time() == time.max:
            return moment.date().isoformat()
        return moment.isoformat(" ", "auto" if moment.second or moment.microsecond else "minutes")


def given(query: Mapping[str, str], name: str) -> str:
    """One parameter without the space around it; too long a one is refused."""
    found = query.get(name, "").strip()
    if len(found) > LONGEST:
        raise WrongQuestion(f"参数 {name} 过长，最多 {LONGEST} 个字符。")
    return found


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise WrongQuestion("截至日期无法识别，请写成 2024-09-30。") from None
    return _within(day, "截至日期")


def _instant(text: str) -> int:
    """A date alone means its end; without an offset it is +08:00; a `+` that the address lost is put back."""
    try:
        if len(text) == len("2024-10-20"):
            moment = datetime.combine(date.fromisoformat(text), time.max, BEIJING)
        else:
            moment = datetime.fromisoformat(_LOST_PLUS.sub(r"+\1", text) if "T" in text else text)
            moment = moment if moment.tzinfo else moment.replace(tzinfo=BEIJING)
        instant = microseconds(moment)
        _within(date_at(instant), "已知至时点")
    except WrongQuestion:
        raise
    except (ValueError, OverflowError):
        raise WrongQuestion("已知至时点无法识别，请写成 2024-10-20T00:00:00+08:00 或 2024-10-20。") from None
    return instant


def _within(day: date, what: str) -> date:
    if not FIRST <= day <= LAST:
        raise WrongQuestion(f"{what}须在{FIRST.year}年至{LAST.year}年之间。")
    return day
