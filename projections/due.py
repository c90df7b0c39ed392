"""What is due to be judged of each book, when something was reported or at the start of a day, and what the rules say.

Nothing is judged twice without need: an open quarter only where something has moved it since.
"""

from collections.abc import Iterable, Iterator
from itertools import chain, groupby
from operator import attrgetter
from typing import Any, NamedTuple

from aggregates.closing import closed_by_hand
from aggregates.codes import day_number
from aggregates.registry import Institution
from projections.alerts import Finding
from projections.official import official
from projections.reported import Report
from projections.rules import (
    position_findings,
    quarter_findings,
    spike_findings,
    total_findings,
    unauthentic_findings,
)
from projections.views import Figures, View
from puhui.policy import Month, Quarter
from puhui.policy.periods import DAY, HOUR, Period, date_at, parse


class _Known(NamedTuple):
    """What a quarter of a book was last judged from: a version of the book, so many published facts."""

    version: int
    published: int


class Due:
    """What is due, of all books of a store."""

    def __init__(self, figures: Figures, *, by_record_clock: bool) -> None:
        self._figures = figures
        self._by_record_clock = by_record_clock
        self._judged: dict[tuple[str, Quarter], _Known] = {}

    # when something was reported

    def reported(self, book: str, after: int) -> Iterator[tuple[int, int, list[Finding]]]:
        """What the rules say of each commit behind a version that reports: its version, its instant, the findings.

        Where records carry the clock only a suspected unit is said here, all else at the starts of days.
        """
        figures = self._figures
        rows = figures.positions(book).rows(figures.version(book, View(0)), after)
        for version, those in groupby(rows, key=attrgetter("version")):
            told = list(those)
            instant = figures.ledger.books[book].recorded_at(version) or 0
            found = self._positions(book, View(max(row.as_of for row in told), instant), told)
            only = "UnitSuspected" if self._by_record_clock else ""
            yield version, instant, [one for one in found if one.rule == only or not only]

    # at the start of a day

    def at(self, instant: int) -> Iterator[Finding]:
        """All that the rules say at the start of a day, under what is known then."""
        for quarter in self._quarters(instant):
            for book in self.books(instant):
                closing = self._figures.closing(book, quarter, instant)
                if instant <= closing:
                    yield from self.quarter(book, quarter, instant, closing == instant)
        yield from self._restated(instant)
        yield from self._set_anew(instant)
        yield from self._reports(instant)
        yield from self.hours(instant // HOUR - 24, instant // HOUR, instant)

    def hours(self, first: int, end: int, instant: int) -> Iterator[Finding]:
        """What the rules about hours say of those from `first` on and before `end` (hours since 1970)."""
        view = View(day_number(date_at(instant)), instant)
        yield from spike_findings(self._figures, first, end - 1, view)
        yield from unauthentic_findings(self._figures, first, end - 1, view)

    def ended(self, instant: int) -> list[Period]:
        """The periods that may be open, or closing, at an instant: the last ones, and those closed by hand."""
        today = date_at(instant)
        named = closed_by_hand(self._figures.registry)
        last: list[Period] = [Month.of(today).previous, Quarter.of(today).previous]
        return [period for period in dict.fromkeys([*named, *last]) if period.last_day < today]

    def _quarters(self, instant: int) -> list[Quarter]:
        return [period for period in self.ended(instant) if isinstance(period, Quarter)]

    def open_quarters(self, book: str, instant: int) -> list[Quarter]:
        """The quarters of a book that are over and not closed at an instant."""
        return [q for q in self._quarters(instant) if not self._figures.is_closed(book, q, instant)]

    def books(self, instant: int) -> list[str]:
        """The institutions that had sent something by then."""
        names = self._figures.institutions(View(0, instant))
        return [n for n in sorted(names) if (b := self._figures.live_from(n)) is not None and b <= instant]

    def quarter(self, book: str, quarter: Quarter, instant: int, closed: bool) -> Iterator[Finding]:
        """What the rules say of an ended quarter; nothing where it is open and nothing has moved it since."""
        began = self._figures.live_from(book)
        if began is None or date_at(began) > quarter.last_day:
            return
        view = View(day_number(quarter.last_day), instant)
        now = _Known(self._figures.version(book, view), self._figures.published(view))
        before = self._judged.get((book, quarter))
        self._judged[(book, quarter)] = now
        if closed or before is None or self._moved(book, view.as_of, before, now):
            yield from quarter_findings(self._figures, book, quarter, view, closed=closed)

    def _moved(self, book: str, day: int, before: _Known, now: _Known) -> bool:
        """Has anything become known that may change figures of that day?"""
        if before.published != now.published:
            return True
        if before.version == now.version:
            return False
        moved = self._figures.ledger.earliest_moved(book, before.version, now.version)
        if moved is not None and moved <= day:
            return True
        rows = self._figures.positions(book).rows(now.version, before.version)
        return any(row.as_of <= day for row in rows)

    def _restated(self, instant: int) -> Iterator[Finding]:
        """A corrected past period is judged anew, once, when its restatement is approved: its rules and its tie-outs."""
        for row in self._figures.all_restatements():
            if row.approved_at is not None and instant - DAY < row.approved_at <= instant:
                period = parse(row.period)
                view = official(self._figures, row.book, period, instant).view
                if isinstance(period, Quarter):
                    yield from quarter_findings(self._figures, row.book, period, view, closed=True)
                yield from self._positions(row.book, view, self._tied(row.book, period, view))

    def _set_anew(self, instant: int) -> Iterator[Finding]:
        """Closed quarters are judged anew, once, by what an office has since set for them: their official figures by it."""
        bound = (
            self._bound_by(published.data, instant)
            for published in self._figures.registry.of_kind("policy.target_set", known_at=instant)
            if published.recorded_at > instant - DAY
        )
        told = (self._told_anew(book, instant) for book in self.books(instant))
        for book, quarter in dict.fromkeys(chain(*bound, *told)):
            view = official(self._figures, book, quarter, instant).view
            knowing = View(view.as_of, instant, {book: self._figures.version(book, view)})
            yield from quarter_findings(self._figures, book, quarter, knowing, closed=True)

    def _bound_by(self, target: dict[str, Any], instant: int) -> Iterator[tuple[str, Quarter]]:
        """The closed quarters of books for which a target or limit holds."""
        first, last = target["valid_from"], target.get("valid_to") or "9999-12-31"
        only = (target.get("scope") or {}).get("institution_id")
        for book in (only,) if only else self.books(instant):
            for quarter in self._closed_quarters(book, instant):
                if first <= str(quarter.last_day) <= last:
                    yield book, quarter

    def _told_anew(self, book: str, instant: int) -> Iterator[tuple[str, Quarter]]:
        """The closed quarters at whose end the institution was another than was known the day before."""
        before, now = (self._figures.institutions(View(0, at)).get(book) for at in (instant - DAY, instant))
        if before is None or now is None or before == now:
            return
        for quarter in self._closed_quarters(book, instant):
            day = day_number(quarter.last_day)
            if _judged_as(before, day) != _judged_as(now, day):
                yield book, quarter

    def _closed_quarters(self, book: str, instant: int) -> Iterator[Quarter]:
        """The closed quarters of a book that have been judged, the latest first."""
        quarter = Quarter.of(date_at(instant)).previous
        began = self._figures.live_from(book)
        while began is not None and date_at(began) <= quarter.last_day:
            if self._figures.closing(book, quarter, instant) < instant:
                yield quarter
            quarter = quarter.previous

    def _reports(self, instant: int) -> Iterator[Finding]:
        """Reports of the days whose month or quarter closes now, and those that came since the day before.

        What became known late of a closed period makes and ends no gap: its official figure stays until it is restated.
        """
        ended = self.ended(instant)
        for book in self.books(instant):
            view = View(day_number(date_at(instant)), instant)
            before = self._figures.version(book, View(0, instant - DAY))
            rows = self._figures.positions(book).rows(self._figures.version(book, view), before)
            for period in ended:
                if self._figures.closing(book, period, instant) == instant:
                    rows += self._tied(book, period, view)
            yield from self._positions(book, view, rows)

    def _positions(self, book: str, view: View, rows: Iterable[Report]) -> Iterator[Finding]:
        """What the rules say of the days of these reports: of tie-outs where one is among them, else of totals."""
        ties, rest = set[int](), set[int]()
        for row in rows:
            (ties if row.kind == "tie_out" else rest).add(row.as_of)
        if ties:
            yield from position_findings(self._figures, book, view, ties)
        if ties | rest:
            yield from total_findings(self._figures, book, view, ties | rest)

    def _tied(self, book: str, period: Period, view: View) -> list[Report]:
        """The reports of the days of a month; of a quarter those of its last month.

        A quarter's figures are of its end; its earlier months keep their own until these are restated.
        """
        month = period.months[-1] if isinstance(period, Quarter) else period
        first, last = day_number(month.first_day), day_number(month.last_day)
        version = self._figures.version(book, view)
        return self._figures.positions(book).rows(version, days=range(first, last + 1))


def _judged_as(institution: Institution, day: int) -> tuple[str, bool, bool]:
    """What says which rules hold for an institution on a day: kind, 地方法人, and whether it has closed."""
    then, closed_on = institution.on(day), institution.closed_on
    return then.kind, then.is_local_legal_person, closed_on is not None and closed_on <= day
