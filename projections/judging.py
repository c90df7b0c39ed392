"""Judging: rules over the figures as the clock goes on, with a watermark of its own; what changes is stored and sent.

Where records carry the clock (demo, test) quarters are judged at the starts of days, under the view known at that
instant: then every run, whatever its batches and its kills, comes to the same alerts. By the wall clock they are
judged as soon as something is taken in.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import InitVar, dataclass, field
from datetime import timedelta
from typing import Final

from msgspec.structs import replace

from aggregates.facts import PeriodPinned, Record, encode_record
from aggregates.hashing import text_hash
from aggregates.store import Store
from aggregates.store.transaction import Commit, Position, Transaction
from projections.alerts import Alert, Finding, Reading, after, changes, read_alerts
from projections.due import Due
from projections.evidence import facts_of
from projections.pins import PERIOD_BOOK
from projections.views import Figures, View
from puhui.policy.periods import HOUR, Period, date_at, microseconds, start_of

JUDGED: Final = "judged"
"""The mark of the last instant (µs) up to which all is judged."""
SETTLED: Final = 10_000_000
"""Microseconds after which the past is settled by the wall clock: what workers have decided by then is in the store."""


@dataclass
class Judge:
    """Follows a store and keeps its alerts; the one writer of alerts, closings and their marks.

    `guard` says what each write compares, and raises Superseded once another judge has taken over; it is asked at each
    finding too. `read` are figures of this store that were read before, which may be many.
    """

    store: Store
    by_record_clock: bool
    guard: Callable[[], Position | None] = lambda: None
    read: InitVar[Figures | None] = None
    figures: Figures = field(init=False)
    alerts: dict[tuple[str, str, str], Alert] = field(init=False)
    _due: Due = field(init=False)
    _judged: int | None = field(init=False)
    _reported: dict[str, int] = field(init=False)
    _marks: dict[str, int] = field(init=False)
    """Marks to be stored with the next change, or at the end of a tick: what lies behind them has changed nothing."""
    _hour: int | None = None
    """Up to which hour (since 1970) those of today are judged, by the wall clock."""

    def __post_init__(self, read: Figures | None) -> None:
        self.figures = read or Figures(self.store)
        self._due = Due(self.figures, by_record_clock=self.by_record_clock)
        self.alerts = read_alerts(self.store)
        self._judged = self.store.mark(JUDGED)
        self._reported, self._marks = {}, {}

    # as soon as something is taken in

    def after(self, books: Iterable[str]) -> list[Alert]:
        """Judge what these books have just reported of themselves, commit by commit."""
        wanted = sorted(books)
        self.figures.follow(wanted)
        changed: list[Alert] = []
        for book in wanted:
            mark = f"reported:{book}"
            if book not in self._reported:
                self._reported[book] = self.store.mark(mark) or 0
            for version, instant, found in self._due.reported(book, self._reported[book]):
                self._reported[book] = self._marks[mark] = version
                changed += self._store(found, instant, ())
        return changed

    # as the clock goes on

    def tick(self, clock: int) -> list[Alert]:
        """Judge what became due up to an instant, all at once; the alerts that changed."""
        return [alert for changed in self.steps(clock) for alert in changed]

    def steps(self, clock: int) -> Iterator[list[Alert]]:
        """Judge what became due up to an instant, day by day, what other workers took in meanwhile too.

        A step is a finding, which changes nothing yet, or what was stored of many: the alerts that changed. Between two
        steps `after` may be asked. Who has begun goes on to the end, or judges with another Judge.
        """
        yield self.after(self.figures.follow() & self.figures.institutions(View(0)).keys())
        for instant in self._instants(clock):
            yield from self._stored(self._due.at(instant), instant, self._pins(instant), day=True)
        if not self.by_record_clock:
            yield from self._hours_of_today(clock)
            for book in self._due.books(clock):
                for quarter in self._due.open_quarters(book, clock):
                    yield from self._stored(self._due.quarter(book, quarter, clock, False), clock)
        if self._marks:
            self._write(Transaction())

    def _instants(self, clock: int) -> Iterator[int]:
        """The starts of days since the last judged one, up to the clock."""
        last = self._judged
        if last is None:
            began = [i for b in self.figures.ledger.books if (i := self.figures.live_from(b)) is not None]
            if not began:
                return
            last = microseconds(start_of(date_at(min(began))))
        day = date_at(last) + timedelta(days=1)
        settled = clock if self.by_record_clock else clock - SETTLED
        while (instant := microseconds(start_of(day))) <= settled:
            yield instant
            day += timedelta(days=1)

    def _hours_of_today(self, clock: int) -> Iterator[list[Alert]]:
        """Judge each hour when it is over; the start of the next day looks at all of them once more."""
        now = (clock - SETTLED) // HOUR
        first, self._hour = self._hour, now
        if first is not None and first < now:
            yield from self._stored(self._due.hours(first, now, clock), clock)

    def _pins(self, instant: int) -> list[PeriodPinned]:
        """The periods that close at this instant, each with the versions of the institutions for which it does."""
        pins = ((period, self._closing(period, instant)) for period in self._due.ended(instant))
        return [
            PeriodPinned(text_hash(f"period:{period}:{instant}"), 0, 0, str(period), instant, versions)
            for period, versions in pins
            if versions
        ]

    def _closing(self, period: Period, instant: int) -> dict[str, int]:
        """The versions, at an instant, of the books of the institutions whose period closes then."""
        view = View(0, instant)
        return {
            book: self.figures.version(book, view)
            for book in self._due.books(instant)
            if self.figures.closing(book, period, instant) == instant
        }

    # storing

    def _stored(
        self, found: Iterable[Finding], instant: int, pins: Iterable[PeriodPinned] = (), *, day: bool = False
    ) -> Iterator[list[Alert]]:
        """A step for each finding, and at last one that stores what they change, and the pins.

        `day`: all up to the instant is judged then.
        """
        findings = []
        for finding in found:
            self.guard()  # a long look keeps the lease
            findings.append(finding)
            yield []
        if day:
            self._judged = self._marks[JUDGED] = instant
        yield self._store(findings, instant, pins)

    def _store(self, findings: Iterable[Finding], instant: int, pins: Iterable[PeriodPinned]) -> list[Alert]:
        changed: dict[tuple[str, str, str], Alert] = {}
        for finding in findings:
            key = (finding.rule, finding.subject, finding.period)
            before = changed.get(key) or self.alerts.get(key)
            alert = after(before, finding, instant)
            if alert is not None and alert is not before:
                changed[key] = self._with_facts(alert, finding)
        transaction = Transaction()
        changes(self.store, transaction, list(changed.values()), instant)
        self._pin(transaction, list(pins), instant)
        if transaction.commits:
            self._write(transaction)
        self.alerts.update(changed)
        return list(changed.values())

    def _write(self, transaction: Transaction) -> None:
        transaction.marks, self._marks = self._marks, {}
        transaction.position = self.guard()
        self.store.write(transaction)

    def _with_facts(self, alert: Alert, finding: Finding) -> Alert:
        """The alert with the single facts that its new state rests on."""
        if finding.reading in (Reading.CALM, Reading.OVER):
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
