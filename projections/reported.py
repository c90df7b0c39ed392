"""Reported positions 余额报送, bitemporal: what institutions said of themselves, as known at a version of their book."""

from collections.abc import Callable, Collection, Iterable
from datetime import date
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aggregates.codes import date_of, day_number
from aggregates.store.transaction import ReportedRow
from projections.sums import Ints
from puhui.policy.periods import Quarter, closes_on

BASES: Final = frozenset(("base", "total"))
"""Kinds of report that may stand for a figure of our own; `tie_out` only ever stands beside one."""
ANY: Final = frozenset(("base", "total", "tie_out"))

_KINDS: Final = ("base", "total", "tie_out")
_BITS: Final = {kind: 1 << nth for nth, kind in enumerate(_KINDS)}
_CLEAR: Final = 1 << len(_KINDS)
"""The bit of a report whose unit is not suspected."""
_COLUMNS: Final = np.dtype(
    [
        ("as_of", "<i4"), ("quantum", "<i4"), ("amount", "<i8"), ("version", "<i8"), ("recorded_at", "<i8"),
        ("event", "<i8"), ("subject", "u1"), ("kind", "u1"), ("stands", "u1"),
    ],
    align=True,
)  # fmt: skip
"""`kind`: its bit; `stands`: the bits of the kinds among which it is usable, and whether it is clear."""
_SUBJECT: Final = 32
"""By so many bits the number of a key and measure stands before the day."""


class Report(NamedTuple):
    """One report: of which key, measure and day, in fen, 户 or 笔, and since which version of the book it is known."""

    key: str
    measure: str
    kind: str
    as_of: int
    quantum: int
    amount: int
    version: int
    recorded_at: int
    event: int


class Positions:
    """The reports of one institution, 64 bytes each.

    Of several for one (key, measure, day) the latest recorded wins. One whose unit is suspected (V49) is not used,
    unless the same amount was reported again, which confirms it.
    """

    def __init__(self, rows: Iterable[ReportedRow] = ()) -> None:
        self._subjects: dict[tuple[str, str], int] = {}
        self._rows = np.zeros(0, _COLUMNS)
        self._order: Ints = np.zeros(0, np.int64)
        self._places: Ints = np.zeros(0, np.int64)
        self.add(rows)

    # taking in

    def add(self, rows: Iterable[ReportedRow]) -> None:
        """Take in further reports, of versions behind the last one."""
        fresh = sorted(rows, key=lambda r: (r.version, r.nth))
        if fresh:
            made = np.fromiter(map(self._packed, fresh), _COLUMNS, len(fresh))
            self._rows = np.concatenate((self._rows, made))
            self._sort(made)
            self._confirm(made)

    def _packed(self, row: ReportedRow) -> tuple[int, ...]:
        subject = self._subjects.setdefault((row.key, row.measure), len(self._subjects))
        return (
            row.as_of, row.quantum, row.amount, row.version, row.recorded_at, row.event, subject, _BITS[row.kind],
            0 if row.suspect else 2 * _CLEAR - 1,
        )  # fmt: skip

    def _sort(self, made: NDArray[np.void]) -> None:
        """Rows by subject and day, in order of arrival; nearly all are in order already, which a stable sort uses."""
        places = np.concatenate((self._places, _places(made)))
        sorted_ = np.argsort(places, kind="stable")
        known = len(self._order)
        self._order = np.concatenate((self._order, np.arange(known, known + len(made))))[sorted_]
        self._places = places[sorted_]

    def _confirm(self, made: NDArray[np.void]) -> None:
        """An amount that was reported before for the day is usable, whatever its unit looks like."""
        for place in np.unique(_places(made[made["stands"] & _CLEAR == 0])).tolist():
            numbers, before = self._between(place, place + 1), dict[int, int]()
            rows = self._rows[numbers]
            kinds, stands = rows["kind"].tolist(), rows["stands"].tolist()
            for nth, amount in enumerate(rows["amount"].tolist()):
                stands[nth] |= before.get(amount, 0)
                before[amount] = before.get(amount, 0) | kinds[nth]
            self._rows["stands"][numbers] = stands

    # which rows: their numbers, by day and in order of arrival

    def _between(self, first: int, end: int) -> Ints:
        begins, ends = self._places.searchsorted((first, end))
        return self._order[begins:ends]

    def _of(self, key: str, measure: str, first: int | None = None, end: int | None = None) -> Ints:
        """The reports of the days from `first` up to, not including, `end`; None: of all earlier, or later ones."""
        subject = self._subjects.get((key, measure))
        if subject is None:
            return self._order[:0]
        begins, ends = subject << _SUBJECT, subject + 1 << _SUBJECT
        return self._between(
            begins if first is None else begins + first, ends if end is None else begins + end
        )

    def _known(self, numbers: Ints, version: int, kinds: Collection[str] = ANY) -> Ints:
        rows = self._rows
        told: NDArray[np.bool_] = (rows["version"][numbers] <= version) & _among(rows["kind"][numbers], kinds)
        return numbers[told]

    def _usable(self, numbers: Ints, version: int, kinds: Collection[str]) -> Ints:
        known = self._known(numbers, version, kinds)
        return known[_among(self._rows["stands"][known], kinds)]

    def _days(self, numbers: Ints) -> list[int]:
        days: list[int] = np.unique(self._rows["as_of"][numbers]).tolist()
        return days

    def _reports(self, rows: NDArray[np.void]) -> list[Report]:
        subjects = list(self._subjects)
        return [
            Report._make((*subjects[subject], _KINDS[kind.bit_length() - 1], *said))
            for *said, subject, kind, _ in rows.tolist()
        ]

    def _last(self, numbers: Ints) -> Report | None:
        return self._reports(self._rows[numbers[-1:]])[0] if len(numbers) else None

    # what is asked

    @property
    def last(self) -> int:
        """The version of the last report."""
        return int(self._rows["version"][-1]) if len(self._rows) else 0

    @property
    def subjects(self) -> list[tuple[str, str]]:
        """What was ever reported: keys and measures."""
        return sorted(self._subjects)

    def at(
        self, key: str, measure: str, day: int, version: int, kinds: Collection[str] = BASES
    ) -> Report | None:
        """The report for exactly that day, as known at a version of the book."""
        return self._last(self._usable(self._of(key, measure, day, day + 1), version, kinds))

    def suspected(
        self, key: str, measure: str, day: int, version: int, kinds: Collection[str] = ANY
    ) -> Report | None:
        """The report of that day whose unit is suspected, where none that can be used has followed."""
        usable = self.at(key, measure, day, version, kinds)
        return None if usable is not None else self.last_of(key, measure, day, version, kinds)

    def last_of(
        self, key: str, measure: str, day: int, version: int, kinds: Collection[str]
    ) -> Report | None:
        """What was said last of that day, usable or not, as known at a version of the book."""
        return self._last(self._known(self._of(key, measure, day, day + 1), version, kinds))

    def of_day(self, key: str, measure: str, day: int, version: int) -> list[Report]:
        """All that was said of that day, in order of arrival, as known at a version of the book."""
        return self._reports(self._rows[self._known(self._of(key, measure, day, day + 1), version)])

    def before(self, key: str, measure: str, day: int, version: int) -> Report | None:
        """The last report of an earlier day, as known, whose unit is not suspected: what the next one is held against."""
        known = self._known(self._of(key, measure, end=day), version)
        return self._last(known[self._rows["stands"][known] & _CLEAR != 0])

    def days(self, key: str, measure: str, version: int, kinds: Collection[str] = BASES) -> list[int]:
        """The days for which a report can be used, ascending."""
        return self._days(self._usable(self._of(key, measure), version, kinds))

    def reported(self, key: str, measure: str, version: int, kinds: Collection[str]) -> list[int]:
        """The days for which there is a report, usable or not, ascending."""
        return self._days(self._known(self._of(key, measure), version, kinds))

    def latest_day(
        self, key: str, measure: str, day: int, version: int, kinds: Collection[str] = BASES
    ) -> int | None:
        """The latest day up to `day` whose report still stands on it.

        A total stands until the close of the quarter after its own. On the last day of a quarter only the report of
        that very day counts: a verdict never rests on an older one.
        """
        return latest(lambda d: self.at(key, measure, d, version, kinds) is not None,
                      self.days(key, measure, version, kinds), day)  # fmt: skip

    def last_day(self, version: int) -> int | None:
        """The latest day of which anything was reported, as known at a version."""
        days = self._rows["as_of"][: self._rows["version"].searchsorted(version, side="right")]
        return int(days.max()) if len(days) else None

    def rows(self, version: int, after: int = 0, days: range | None = None) -> list[Report]:
        """All reports known at a version (of these days), but for those that were known at an earlier one."""
        versions = self._rows["version"]
        found = self._rows[slice(*versions.searchsorted((after, version), side="right"))]
        if days is not None:
            found = found[(found["as_of"] >= days.start) & (found["as_of"] < days.stop)]
        return self._reports(found)


def _among(bits: NDArray[np.uint8], kinds: Collection[str]) -> NDArray[np.bool_]:
    """Which have the bit of one of these kinds."""
    found: NDArray[np.bool_] = bits & sum(_BITS[kind] for kind in kinds) != 0
    return found


def _places(rows: NDArray[np.void]) -> Ints:
    """Where rows stand: by subject, then by day."""
    places: Ints = (rows["subject"].astype(np.int64) << _SUBJECT) + rows["as_of"]
    return places


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
