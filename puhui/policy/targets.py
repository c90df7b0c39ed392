"""Targets 目标: dated numbers out of a document, for whom they hold, and which of several is in force."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from fractions import Fraction
from typing import Final

from puhui.money import WAN, YI, YUAN
from puhui.policy.expressions import Expression, Growths, evaluate

_SCALE: Final = {
    **dict.fromkeys(("percent", "%", "percentage_point", "pp", "百分点"), Fraction(1, 100)),
    "元": Fraction(YUAN), "万元": Fraction(WAN), "亿元": Fraction(YI),
}  # fmt: skip


class Comparator(StrEnum):
    """How a figure must stand to its target; 以上/以下/不低于 include the number, 低于/超过 do not (5.15)."""

    AT_LEAST = ">="
    ABOVE = ">"
    AT_MOST = "<="
    BELOW = "<"
    RISES = "rises"
    """提高, 扩大 without a number: the figure's change since its base is looked at, never a breach (13.1)."""


class Base(StrEnum):
    """What a growth is measured from (5.1)."""

    YEAR_START = "year_start"
    SAME_DATE_LAST_YEAR = "same_date_last_year"
    PREVIOUS_QUARTER = "previous_quarter"
    NONE = "none"

    def date_for(self, day: date) -> date | None:
        """The day of the base for a figure as of `day`: 年初 is 12-31 of last year, 29 Feb becomes 28 Feb."""
        match self:
            case Base.YEAR_START:
                return date(day.year - 1, 12, 31)
            case Base.SAME_DATE_LAST_YEAR:
                leap = day.month == 2 and day.day == 29
                return day.replace(year=day.year - 1, day=28 if leap else day.day)
            case Base.PREVIOUS_QUARTER:
                return date.fromordinal(date(day.year, 3 * ((day.month - 1) // 3) + 1, 1).toordinal() - 1)
            case Base.NONE:
                return None


@dataclass(frozen=True, slots=True)
class Scope:
    """Whom a target binds; what is left empty asks nothing, and all that is given must hold."""

    kinds: frozenset[str] = frozenset()
    local_legal_person: bool | None = None
    institution: str = ""

    def binds(self, institution: str, kind: str, is_local_legal_person: bool) -> bool:
        return (
            (not self.institution or self.institution == institution)
            and (not self.kinds or kind in self.kinds)
            and (self.local_legal_person is None or self.local_legal_person is is_local_legal_person)
        )

    def covers(self, other: "Scope") -> bool:
        """Whether every institution that `other` binds is bound here too."""
        return (
            (not self.institution or self.institution == other.institution)
            and (not self.kinds or (bool(other.kinds) and other.kinds <= self.kinds))
            and (self.local_legal_person is None or self.local_legal_person is other.local_legal_person)
        )


EVERYONE = Scope()


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One number that an indicator is compared with, from `valid_from` to `valid_to`, both included."""

    key: str
    indicator: str
    comparator: Comparator
    value: Expression
    unit: str
    valid_from: date
    scope: Scope = EVERYONE
    valid_to: date | None = None
    clause: str = ""
    base: Base = Base.NONE
    soft: bool = False
    """力争: missing it is worded 未达力争目标, never a breach."""
    ours: bool = False
    """No document states it."""
    verified: bool = True
    """The text of its source was seen."""
    exempt: bool = False
    """差异化考核: shown with that note, never as a breach."""
    ground: str = ""
    consent_document: str = ""
    document: str = ""
    sentence: str = ""
    order: int = 0
    """0 for what stands in the register's files, then one more for each target that came as an event."""

    def limit(self, growths: Growths | None = None) -> Fraction | None:
        """The number to compare with: a ratio for per cents and percentage points (30 % is 3/10), money in fen, else as is.

        None when the value is a growth that is not known.
        """
        return evaluate(self.value, growths or {}, _SCALE.get(self.unit, Fraction(1)))

    def is_met(self, figure: Fraction | int | None, growths: Growths | None = None) -> bool | None:
        """Whether the figure (its change, for `rises`) meets the target; None when either is not known."""
        limit = self.limit(growths)
        if figure is None or limit is None:
            return None
        match self.comparator:
            case Comparator.AT_LEAST:
                return figure >= limit
            case Comparator.ABOVE | Comparator.RISES:
                return figure > limit
            case Comparator.AT_MOST:
                return figure <= limit
            case Comparator.BELOW:
                return figure < limit


def in_force(targets: Iterable[Target], on: date) -> Iterator[Target]:
    """Those that hold for somebody on that day, in the order of the register."""
    begun = [target for target in targets if target.valid_from <= on]
    for target in begun:
        rivals = (other for other in begun if other.key == target.key and _same_level(other, target))
        if _lasts(target, on) and not any(_displaces(other, target) for other in rivals):
            yield target


def choose(
    targets: Iterable[Target], institution: str, kind: str, is_local_legal_person: bool, on: date
) -> Target | None:
    """The one that binds this institution on that day; its own comes before those of its kind."""
    begun = [
        target
        for target in targets
        if target.valid_from <= on and target.scope.binds(institution, kind, is_local_legal_person)
    ]
    for own in (True, False):
        level = [target for target in begun if bool(target.scope.institution) is own]
        latest = max(level, key=_rank, default=None)
        if latest is not None and _lasts(latest, on):
            return latest
    return None


def _rank(target: Target) -> tuple[bool, date, int]:
    """An event's target comes before the files' own, then the later start, then the later event."""
    return target.order > 0, target.valid_from, target.order


def _lasts(target: Target, on: date) -> bool:
    return target.valid_to is None or on <= target.valid_to


def _same_level(one: Target, other: Target) -> bool:
    return bool(one.scope.institution) is bool(other.scope.institution)


def _displaces(other: Target, target: Target) -> bool:
    return _rank(other) > _rank(target) and other.scope.covers(target.scope)
