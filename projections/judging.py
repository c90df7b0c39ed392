"""Judging: rules over the figures as the clock goes on, with a watermark of its own; what changes is stored and sent.

Where records carry the clock (demo, test) quarters are judged at the starts of days, under the view known at that
instant: then every run, whatever its batches and its kills, comes to the same alerts. By the wall clock they are
judged as soon as something is taken in.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from msgspec.structs import replace

from aggregates.codes import day_number
from aggregates.facts import PeriodPinned, Record, encode_record
from aggregates.hashing import text_hash
from aggregates.store import Store
from aggregates.store.transaction import Commit, Transaction
from projections.alerts import ALERT_BOOK, Alert, Finding, Reading, after, changes, read_alerts
from projections.evidence import facts_of
from projections.official import official
from projections.rules import position_findings, quarter_findings, spike_findings
from projections.views import Figures, View
from puhui.policy import Month, Quarter
from puhui.policy.periods import Period, closes_at, date_at, microseconds, start_of

PERIOD_BOOK: Final = "periods"
_OWN_BOOKS: Final = (ALERT_BOOK, PERIOD_BOOK)
_MARK: Final = "judged"
_HOUR: Final = 3_600_000_000


@dataclass
class Judge:
    """Follows a store and keeps its alerts; the one writer of alerts, closings and their marks."""

    store: Store
    by_record_clock: bool
    figures: Figures = field(init=False)
    alerts: dict[tuple[str, str, str], Alert] = field(init=False)
    _judged: int | None = field(init=False)
    _at_version: dict[tuple[str, str], int] = field(default_factory=dict)
    _positions: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.figures = Figures(self.store)
        self.alerts = read_alerts(self.store)
        self._judged = self.store.mark(_MARK)

    # as soon as something is taken in

    def after(self, books: Iterable[str]) -> list[Alert]:
        """Judge what these books have just reported of themselves."""
        self.figures.follow()
        found: list[Finding] = []
        marks: dict[str, int] = {}
        for book in books:
            found += self._reported(book, marks)
        return self._store(found, self._now(), marks) if found or marks else []

    def _now(self) -> int:
        return self.figures.latest_instant()

    def _reported(self, book: str, marks: dict[str, int]) -> list[Finding]:
        """UnitSuspected, and the end of it, for the days that were reported since."""
        mark = f"reported:{book}"
        last = self._positions.get(book)
        if last is None:
            last = self._positions[book] = self.store.mark(mark) or 0
        version = self.figures.version(book, View(0))
        rows = [
            r for r in self.figures.positions(book).rows(version) if r.version > last and r.kind == "tie_out"
        ]
        if not rows:
            return []
        self._positions[book] = marks[mark] = max(r.version for r in rows)
        days = {r.as_of for r in rows}
        view = View(max(days), None)
        found = [
            f for f in position_findings(self.figures, book, view, min(days) - 1)
            if f.rule == "UnitSuspected" or not self.by_record_clock
        ]  # fmt: skip
        wanted = {str(date_at(0) + timedelta(days=day)) for day in days}
        return [f for f in found if f.period[:10] in wanted]

    # as the clock goes on

    def tick(self, clock: int, enough: Callable[[], bool] = lambda: False) -> list[Alert]:
        """Judge what became due up to an instant, day by day; goes on at the next call where `enough` says so."""
        self.figures.follow()
        changed: list[Alert] = []
        for instant in self._instants(clock):
            changed += self._judge(instant)
            if enough():
                return changed
        if not self.by_record_clock:
            changed += self._open_quarters_now(clock)
        return changed

    def _instants(self, clock: int) -> Iterator[int]:
        """The starts of days since the last judged one, up to the clock."""
        last = self._judged
        if last is None:
            began = [i for b in self.figures.ledger.books if (i := self.figures.live_from(b)) is not None]
            if not began:
                return
            last = microseconds(start_of(date_at(min(began))))
        day = date_at(last) + timedelta(days=1)
        while (instant := microseconds(start_of(day))) <= clock:
            yield instant
            day += timedelta(days=1)

    def _judge(self, instant: int) -> list[Alert]:
        today = date_at(instant)
        found: list[Finding] = []
        for quarter, closed in _quarters(today):
            for book in self._books(instant):
                found += self._quarter(book, quarter, instant, closed)
        found += self._restated(instant)
        found += self._tie_outs(instant, today)
        view = View(day_number(today), instant)
        found += spike_findings(self.figures, instant // _HOUR - 24, instant // _HOUR - 1, view)
        self._judged = instant
        return self._store(found, instant, {_MARK: instant}, self._pins(instant, today))

    def _books(self, instant: int) -> list[str]:
        """The institutions that had sent something by then."""
        names = self.figures.institutions(View(0, instant))
        return [n for n in sorted(names) if (b := self.figures.live_from(n)) is not None and b <= instant]

    def _quarter(self, book: str, quarter: Quarter, instant: int, closed: bool) -> Iterator[Finding]:
        began = self.figures.live_from(book)
        if began is None or date_at(began) > quarter.last_day:
            return
        view = View(day_number(quarter.last_day), instant)
        version = self.figures.version(book, view)
        if not closed and self._at_version.get((book, str(quarter))) == version:
            return
        self._at_version[(book, str(quarter))] = version
        yield from quarter_findings(self.figures, book, quarter, view, closed=closed)

    def _restated(self, instant: int) -> list[Finding]:
        """A corrected past quarter is judged anew, once, when its restatement is approved."""
        found: list[Finding] = []
        since = instant - 86_400_000_000
        for row in self.store.restatements():
            if row.approved_at is not None and since < row.approved_at <= instant and "Q" in row.period:
                quarter = Quarter(int(row.period[:4]), int(row.period[5]))
                view = official(self.figures, row.book, quarter, instant).view
                found += quarter_findings(self.figures, row.book, quarter, view, closed=True)
        return found

    def _tie_outs(self, instant: int, today: date) -> list[Finding]:
        """Gaps of the days whose month closes now, and of those that were reported after their month had closed."""
        month = Month(today.year, today.month).previous
        closing = microseconds(closes_at(month)) == instant
        found: list[Finding] = []
        for book in self._books(instant):
            view = View(day_number(today), instant)
            version = self.figures.version(book, view)
            before = self.figures.version(book, View(0, instant - 86_400_000_000))
            fresh = {
                r.as_of
                for r in self.figures.positions(book).rows(version)
                if r.version > before and r.kind == "tie_out"
            }
            if not closing and not fresh:
                continue
            first = min(fresh | {day_number(month.last_day) - 31})
            for one in position_findings(self.figures, book, view, first - 1):
                day = day_number(date.fromisoformat(one.period[:10]))
                if one.rule != "UnitSuspected" and (day in fresh or closing):
                    found.append(one)
        return found

    def _open_quarters_now(self, clock: int) -> list[Alert]:
        found: list[Finding] = []
        today = date_at(clock)
        for quarter, closed in _quarters(today):
            if not closed:
                for book in self._books(clock):
                    found += self._quarter(book, quarter, clock, False)
        return self._store(found, clock, {})

    def _pins(self, instant: int, today: date) -> list[PeriodPinned]:
        """The periods that close at this instant, with the versions of all books."""
        closing: list[Period] = [Month(today.year, today.month).previous, Quarter.of(today).previous]
        versions = {
            book: columns.version_at(instant)
            for book, columns in self.figures.ledger.books.items()
            if book not in _OWN_BOOKS and columns.version_at(instant)
        }
        return [
            PeriodPinned(text_hash(f"period:{period}"), 0, 0, str(period), instant, versions)
            for period in closing
            if microseconds(closes_at(period)) == instant and versions
        ]

    # storing

    def _store(
        self, found: Iterable[Finding], instant: int, marks: dict[str, int], pins: Iterable[PeriodPinned] = ()
    ) -> list[Alert]:
        changed: dict[tuple[str, str, str], Alert] = {}
        for finding in found:
            key = (finding.rule, finding.subject, finding.period)
            before = changed.get(key) or self.alerts.get(key)
            alert = after(before, finding, instant)
            if alert is not None and alert is not before:
                changed[key] = self._with_facts(alert, finding)
        transaction = Transaction(marks=marks)
        changes(self.store, transaction, list(changed.values()), instant)
        self._pin(transaction, list(pins), instant)
        if changed or marks or transaction.commits:
            self.store.write(transaction)
        self.alerts.update(changed)
        return list(changed.values())

    def _with_facts(self, alert: Alert, finding: Finding) -> Alert:
        """The alert with the single facts that its new state rests on."""
        if finding.reading is Reading.CALM:
            return alert
        facts = facts_of(self.store, self.figures, finding)
        return replace(alert, evidence=replace(alert.evidence, facts=facts))

    def _pin(self, transaction: Transaction, pins: list[PeriodPinned], instant: int) -> None:
        if not pins:
            return
        found = self.store.book(PERIOD_BOOK)
        _, last, recorded_at = found or (0, 0, 0)
        recorded_at = max(recorded_at + 1, instant)
        state = encode_record(Record(recorded_at, list(pins)))
        transaction.commits.append(Commit(PERIOD_BOOK, last + 1, recorded_at, state, b"", 0))
        if found is None:
            transaction.born.append(PERIOD_BOOK)


def _quarters(today: date) -> list[tuple[Quarter, bool]]:
    """The quarters to be judged at the start of a day: ended and not closed, or closing just now."""
    quarter = Quarter.of(today).previous
    closing = microseconds(closes_at(quarter))
    now = microseconds(start_of(today))
    return [(quarter, closing == now)] if now <= closing else []
