"""Reported positions 余额报送, bitemporal: what institutions said of themselves, as known at a version of their book."""

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable
from datetime import date
from functools import lru_cache
from typing import Final

from aggregates.codes import date_of, day_number
from aggregates.store.transaction import ReportedRow
from puhui.policy.periods import Quarter, closes_on

BASES: Final = frozenset(("base", "total"))
"""Kinds of report that may stand for a figure of our own; `tie_out` only ever stands beside one."""
ANY: Final = frozenset(("base", "total", "tie_out"))
_NONE: Final[dict[int, list[ReportedRow]]] = {}


class Positions:
    """The reports of one institution.

    Of several for one (key, measure, day) the latest recorded wins. One whose unit is suspected (V49) is not used,
    unless the same amount was reported again, which confirms it.
    """

    def __init__(self, rows: Iterable[ReportedRow] = ()) -> None:
        self._all: list[ReportedRow] = []
        self._versions: list[int] = []
        self._rows: dict[tuple[str, str], dict[int, list[ReportedRow]]] = {}
        self.add(rows)

    def add(self, rows: Iterable[ReportedRow]) -> None:
        """Take in further reports, of versions behind the last one."""
        for row in sorted(rows, key=lambda r: (r.version, r.nth)):
            self._all.append(row)
            self._versions.append(row.version)
            self._rows.setdefault((row.key, row.measure), {}).setdefault(row.as_of, []).append(row)

    @property
    def last(self) -> int:
        """The version of the last report."""
        return self._versions[-1] if self._versions else 0

    def at(
        self, key: str, measure: str, day: int, version: int, kinds: Collection[str] = BASES
    ) -> ReportedRow | None:
        """The report for exactly that day, as known at a version of the book."""
        known = self._known(key, measure, day, version, kinds)
        usable = [row for at, row in enumerate(known) if not row.suspect or _confirmed(row, known[:at])]
        return usable[-1] if usable else None

    def suspected(
        self, key: str, measure: str, day: int, version: int, kinds: Collection[str] = ANY
    ) -> ReportedRow | None:
        """The report of that day whose unit is suspected, where none that can be used has followed."""
        usable = self.at(key, measure, day, version, kinds)
        return None if usable is not None else self.last_of(key, measure, day, version, kinds)

    @property
    def subjects(self) -> list[tuple[str, str]]:
        """What was ever reported: keys and measures."""
        return sorted(self._rows)

    def last_of(
        self, key: str, measure: str, day: int, version: int, kinds: Collection[str]
    ) -> ReportedRow | None:
        """What was said last of that day, usable or not, as known at a version of the book."""
        known = self._known(key, measure, day, version, kinds)
        return known[-1] if known else None

    def before(self, key: str, measure: str, day: int, version: int) -> ReportedRow | None:
        """The last report of an earlier day, as known, whose unit is not suspected: what the next one is held against."""
        rows = (row for row in self.rows(version) if (row.key, row.measure) == (key, measure))
        earlier = [row for row in rows if row.as_of < day and not row.suspect]
        return max(enumerate(earlier), key=lambda at: (at[1].as_of, at[0]))[1] if earlier else None

    def _known(
        self, key: str, measure: str, day: int, version: int, kinds: Collection[str]
    ) -> list[ReportedRow]:
        rows = self._rows.get((key, measure), _NONE).get(day, ())
        return [row for row in rows if row.version <= version and row.kind in kinds]

    def days(self, key: str, measure: str, version: int, kinds: Collection[str] = BASES) -> list[int]:
        """The days for which a report can be used, ascending."""
        found = self._rows.get((key, measure), _NONE)
        return sorted(d for d in found if self.at(key, measure, d, version, kinds) is not None)

    def reported(self, key: str, measure: str, version: int, kinds: Collection[str]) -> list[int]:
        """The days for which there is a report, usable or not, ascending."""
        days = self._rows.get((key, measure), _NONE).items()
        return sorted(d for d, rows in days if any(r.version <= version and r.kind in kinds for r in rows))

    def latest_day(
        self, key: str, measure: str, day: int, version: int, kinds: Collection[str] = BASES
    ) -> int | None:
        """The latest day up to `day` whose report still stands on it.

        A total stands until the close of the quarter after its own. On the last day of a quarter only the report of
        that very day counts: a verdict never rests on an older one.
        """
        return latest(lambda d: self.at(key, measure, d, version, kinds) is not None,
                      self.days(key, measure, version, kinds), day)  # fmt: skip

    def rows(self, version: int, after: int = 0) -> list[ReportedRow]:
        """All reports known at a version, but for those that were known at an earlier one."""
        return self._all[bisect_right(self._versions, after) : bisect_right(self._versions, version)]


def latest(usable: Callable[[int], bool], days: Iterable[int], day: int) -> int | None:
    """The latest of these days that still stands on `day` and is usable."""
    if is_quarter_end(day):
        return day if usable(day) else None
    for found in sorted((d for d in days if d <= day), reverse=True):
        return found if day <= stands_until(found) and usable(found) else None
    return None


@lru_cache(maxsize=4096)
def is_quarter_end(day: int) -> bool:
    """Is this the last day of a quarter?"""
    return Quarter.of(date_of(day)).last_day == date_of(day)


@lru_cache(maxsize=4096)
def stands_until(day: int) -> int:
    """The last day on which a total of that day may still be shown: the close of the next quarter."""
    following: date = closes_on(Quarter.of(date_of(day)).next)
    return day_number(following)


def _confirmed(row: ReportedRow, before: Iterable[ReportedRow]) -> bool:
    return any(earlier.amount == row.amount for earlier in before)
