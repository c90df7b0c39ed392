"""Views 口径 and figures under them: as of a business date, known at an instant.

An instant maps to one version of each book, so an answer about the past never changes. `Figures` holds the columns
of a store, its registry and its reported positions, and answers from them alone; it writes nothing.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final

from aggregates.closing import closing_of
from aggregates.codes import date_of, day_number
from aggregates.registry import REGISTRY_BOOK, Institution, Registry, read_registry
from aggregates.store import Store
from aggregates.store.placing import OF_THE_COUNTY
from aggregates.store.transaction import RestatementRow
from projections.courses import Courses
from projections.figure import COUNTY, Figure, Reason, Unit, null
from projections.ledger import Ledger
from projections.pins import PERIOD_BOOK, Pins
from projections.published import level_on, register_at
from projections.reported import ANY, BASES, Positions, Report
from puhui.policy import Register, Target, Thresholds
from puhui.policy.periods import Period, date_at, microseconds

BANK_KINDS: Final = frozenset(
    ("large_state", "joint_stock", "policy", "city_commercial", "rural_commercial", "village_bank")
)
"""Whose figures make up the county's: banks. Micro-lenders and guarantors have figures of their own."""

REPORTED_KEYS: Final[Mapping[str, str]] = {"PH": "PH", "FS": "FS", "NPR": "NPR", "ALL": "ALL", "NPL": "NPL"}
"""The key of position.reported that stands for a population."""

_CACHED: Final = 4096
_HOURS_AHEAD: Final = 24 * 60


@dataclass(frozen=True, slots=True)
class View:
    """As of a business date (day number), known at an instant (µs; None: now), or at pinned versions of books."""

    as_of: int
    known_at: int | None = None
    versions: Mapping[str, int] | None = None

    @classmethod
    def of(
        cls,
        as_of: date | int,
        known_at: datetime | int | None = None,
        versions: Mapping[str, int] | None = None,
    ) -> "View":
        """A view from a date and a moment with a zone."""
        day = as_of if isinstance(as_of, int) else day_number(as_of)
        instant = microseconds(known_at) if isinstance(known_at, datetime) else known_at
        return cls(day, instant, versions)

    @property
    def day(self) -> date:
        """The business date."""
        return date_of(self.as_of)

    def on(self, day: int | date) -> "View":
        """The same knowledge as of another business date."""
        return replace(self, as_of=day if isinstance(day, int) else day_number(day))


class Figures:
    """What can be asked of a store; `follow` takes in what was committed since."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.ledger = Ledger(store)
        self.registry = Registry()
        self.pins = Pins()
        self._published: list[int] = []
        self._positions: dict[str, Positions] = {}
        self._reported: set[str] = set()
        self._counted: dict[tuple[int, int], list[tuple[str, str, str, int]]] = {}
        self._last_counted: int | None = None
        self._hours: dict[int, list[tuple[str, str, str, int]]] = {}
        self._hours_read = range(0)
        self._restatements: list[RestatementRow] | None = None
        self._courses = Courses(self.ledger)
        self._customers: dict[tuple[str, str, int, int], int] = {}
        self._known: dict[int, dict[str, Institution]] = {}
        self._policies: dict[int, Register] = {}
        self._thresholds: dict[tuple[int, int, str], Thresholds] = {}
        self._levels: dict[tuple[str, int, int], str] = {}
        self.follow()

    def follow(self, books: Iterable[str] | None = None) -> set[str]:
        """Read the tail, of all books or of these and the registry; the names of those that grew.

        All are those of registered institutions and of the county: of who is not registered there are no figures. Few small
        queries where nothing has changed.
        """
        grown = self.ledger.follow(books or (), beside=REGISTRY_BOOK)
        self._counted, self._last_counted = {}, None
        self._restatements, self._hours_read = None, range(0)
        if any(name.startswith(REGISTRY_BOOK) for name in grown):
            self.registry = read_registry(self.store)
            self._published = [published.recorded_at for published in self.registry.published]
            for cache in (self._known, self._policies, self._thresholds, self._levels):
                cache.clear()
        if books is None:
            grown |= self.ledger.follow({*self.registry.institutions, *OF_THE_COUNTY})
        if PERIOD_BOOK in grown:
            self.pins.follow(self.store)
        self._reported |= {name for name in grown if not name.startswith(REGISTRY_BOOK)}
        return grown

    # knowledge

    def version(self, book: str, view: View) -> int:
        """The version of a book that a view knows."""
        if view.versions is not None and book in view.versions:
            return view.versions[book]
        columns = self.ledger.books.get(book)
        return columns.version_at(view.known_at) if columns else 0

    def versions(self, view: View) -> dict[str, int]:
        """The version of every book that a view knows: what an alert or a report stores."""
        return {name: self.version(name, view) for name in self.ledger.books}

    def live_from(self, institution: str) -> int | None:
        """When the first data of an institution were recorded (µs); what was over by then is history."""
        columns = self.ledger.books.get(institution)
        return columns.recorded[0] if columns and columns.recorded else None

    def closing(self, institution: str, period: Period, known_at: int | None = None) -> int:
        """The instant (µs) at which a period closes, as known at an instant; of the county when its last bank does."""
        banks = self.banks(View(day_number(period.last_day), known_at)) if institution == COUNTY else ()
        each = (closing_of(self.registry, period, who, known_at) for who in banks or (institution,))
        return max(each)

    def is_closed(self, institution: str, period: Period, instant: int) -> bool:
        """Was the period closed at an instant (µs)?"""
        return self.closing(institution, period, instant) <= instant

    def restatements(self, institution: str) -> list[RestatementRow]:
        """Restatements of the institution's closed periods, opened and approved."""
        return [row for row in self.all_restatements() if row.book == institution]

    def all_restatements(self) -> list[RestatementRow]:
        """All restatements, read once between two calls of `follow`."""
        if self._restatements is None:
            self._restatements = self.store.restatements()
        return self._restatements

    def latest_instant(self) -> int:
        """The last instant of knowledge (µs), over all books; 0 for an empty store."""
        return max((c.recorded[-1] for c in self.ledger.books.values() if c.recorded), default=0)

    def published(self, view: View) -> int:
        """How many of the published facts the view knows: what of the registry depends on a view depends on this."""
        return len(self._published) if view.known_at is None else bisect_right(self._published, view.known_at)

    def institutions(self, view: View) -> dict[str, Institution]:
        """The institutions by id, as registered when the view's knowledge was."""
        key = self.published(view)
        if key not in self._known:
            self._known[key] = self.registry.institutions_at(view.known_at)
        return self._known[key]

    def banks(self, view: View) -> tuple[str, ...]:
        """The banks of the county on the view's day: founded by then, not closed, in order of their ids."""
        begun = (i for i in self.institutions(view).values() if i.valid_from <= view.as_of)
        open_ = (i for i in begun if i.closed_on is None or view.as_of < i.closed_on)
        return tuple(sorted(i.id for i in open_ if i.on(view.as_of).kind in BANK_KINDS))

    def name(self, institution: str, view: View) -> str:
        """What an institution was called on the view's day, as known; its id where it is not registered."""
        found = self.institutions(view).get(institution)
        return found.on(view.as_of).name if found else institution

    def policy(self, view: View) -> Register:
        """Clauses and targets as known: the files' own, then policy.target_set in the order of knowledge."""
        key = self.published(view)
        if key not in self._policies:
            self._policies[key] = register_at(self.registry, view.known_at)
        return self._policies[key]

    def thresholds(self, view: View, institution: str) -> Thresholds:
        """The limits of the rules on the view's day, as known: those of the institution, else of its kind, else of all."""
        key = (self.published(view), view.as_of, institution)
        if key not in self._thresholds:
            _make_room(self._thresholds)
            found = self.institutions(view).get(institution)
            then = found.on(view.as_of) if found else None
            who = (institution, then.kind, then.is_local_legal_person) if then else ()
            self._thresholds[key] = self.policy(view).thresholds(view.day, *who)
        return self._thresholds[key]

    def target(self, key: str, institution: str, view: View) -> Target | None:
        """The target of that key that binds the institution on the view's day."""
        found = self.institutions(view).get(institution)
        if found is None:
            return None
        then = found.on(view.as_of)
        return self.policy(view).target_for(key, institution, then.kind, then.is_local_legal_person, view.day)

    def level(self, institution: str, view: View, day: int | None = None) -> str:
        """The delivery level A, B or C in force on a day (the view's own by default); C where nothing is set."""
        key = (institution, view.as_of if day is None else day, self.published(view))
        if key not in self._levels:
            _make_room(self._levels)
            self._levels[key] = level_on(self.registry, institution, key[1], known_at=view.known_at)
        return self._levels[key]

    def counted(self, first: int = 0, last: int = 1 << 62) -> list[tuple[str, str, str, int]]:
        """Events by book, result and rule in the hours from `first` to `last`, read once between two calls of `follow`."""
        if (first, last) not in self._counted:
            self._counted[first, last] = self.store.counted_in_all(first, last)
        return self._counted[first, last]

    def last_counted(self) -> int:
        """The last hour in which an event was counted, read once between two calls of `follow`; 0 where none was."""
        if self._last_counted is None:
            self._last_counted = self.store.last_counted()
        return self._last_counted

    def counted_in(self, hour: int) -> list[tuple[str, str, str, int]]:
        """Events by book, result and rule of one hour; read some weeks ahead, once between two calls of `follow`."""
        if hour not in self._hours_read:
            self._hours, self._hours_read = {}, range(hour, hour + _HOURS_AHEAD)
            for book, result, rule, known, events in self.store.counted(hour, self._hours_read[-1]):
                self._hours.setdefault(known, []).append((book, result, rule, events))
        return self._hours.get(hour, [])

    # reported positions

    def positions(self, institution: str) -> Positions:
        """What an institution reported."""
        found = self._positions.get(institution)
        if found is None:
            found = self._positions[institution] = Positions()
        if institution in self._reported:
            self._reported.remove(institution)
            found.add(self.store.reported(institution, found.last))
        return found

    def reported(
        self, institution: str, key: str, measure: str, day: int, view: View, kinds: Iterable[str] = BASES
    ) -> Report | None:
        """The institution's own figure for exactly that day, as the view knows it; suspected units are left out."""
        version = self.version(institution, view)
        return self.positions(institution).at(key, measure, day, version, frozenset(kinds))

    def reports(self, institution: str, key: str, view: View, measure: str = "balance") -> bool:
        """Does the institution report this total at all, as far as the view knows?"""
        return bool(self.positions(institution).days(key, measure, self.version(institution, view)))

    def from_ledger(self, institution: str, population: str, day: int, view: View) -> Reason | None:
        """None where the figure of that day comes from loans sent singly, else why it does not.

        BASE_UNKNOWN: before the opening date. NOT_PROVIDED: at level A, 各项贷款, or 全口径 reported as a total.
        """
        found = self.institutions(view).get(institution)
        if found is None:
            return Reason.NOT_REGISTERED
        if day < found.known_from:
            return Reason.BASE_UNKNOWN
        reported = population in ("ALL", "NPL") or (
            population == "FS" and self.reports(institution, "FS", view)
        )
        return Reason.NOT_PROVIDED if reported or self.level(institution, view, day) == "A" else None

    def effective_day(
        self, institution: str, population: str, view: View, measure: str = "balance"
    ) -> int | None:
        """The view's day, or for a reported total the day of the report that still stands on it; None: not provided."""
        if self.from_ledger(institution, population, view.as_of, view) is not Reason.NOT_PROVIDED:
            return view.as_of
        key, kinds = REPORTED_KEYS.get(population), self.kinds(institution, view, view.as_of)
        if key is None:
            return None
        version = self.version(institution, view)
        return self.positions(institution).latest_day(key, measure, view.as_of, version, kinds)

    def kinds(self, institution: str, view: View, day: int) -> frozenset[str]:
        """Which kinds of report stand for a figure: at level A any."""
        return ANY if self.level(institution, view, day) == "A" else BASES

    # figures of one institution on one day

    def balance(self, institution: str, population: str, day: int, view: View) -> Figure:
        """B(population, day) in fen, from loans or from the report of exactly that day; null with its reason."""
        return self._on(institution, population, day, view, "balance", "fen")

    def ever_had(self, institution: str, population: str, until: int, view: View) -> bool:
        """Is a balance known at the close of any day up to this one, from loans or from a report that stood for them?"""
        key, version = REPORTED_KEYS[population], self.version(institution, view)
        told = (day for day in self.positions(institution).days(key, "balance", version, ANY) if day <= until)
        rows = (
            self.reported(institution, key, "balance", d, view, self.kinds(institution, view, d))
            for d in told
        )
        course = self._courses.of(institution, population, version)
        return bool(course.sums[: max(0, until + 1 - course.first)].any()) or any(
            row is not None and row.amount for row in rows
        )

    def households(self, institution: str, population: str, day: int, view: View) -> Figure:
        """N(population, day) 户: distinct customers with a balance, or their reported number."""
        return self._on(institution, population, day, view, "customers", "households")

    def loans(self, institution: str, population: str, day: int, view: View) -> Figure:
        """Number of 借据 笔 with a balance; never reported as a total."""
        why = self.from_ledger(institution, population, day, view)
        return (
            null("loans", why)
            if why
            else Figure(self._course(institution, population, day, view, "loans"), "loans")
        )

    def _on(
        self, institution: str, population: str, day: int, view: View, measure: str, unit: Unit
    ) -> Figure:
        why = self.from_ledger(institution, population, day, view)
        if why is None and measure == "balance":
            return Figure(self._course(institution, population, day, view, "amount"), unit)
        if why is None:
            return Figure(self._distinct(institution, population, day, view), unit)
        key = REPORTED_KEYS.get(population)
        if why is Reason.NOT_REGISTERED or key is None:
            return null(unit, why)
        row = self.reported(institution, key, measure, day, view, self.kinds(institution, view, day))
        return null(unit, why) if row is None else Figure(row.amount, unit, as_of=row.as_of)

    def flow(
        self, institution: str, population: str, after: int, until: int, view: View, kinds: Iterable[int]
    ) -> Figure:
        """The movements of these kinds with a business date in (after, until], in fen; null where not sent singly."""
        why = self.singly(institution, population, after, until, view)
        if why:
            return null("fen", why)
        version = self.version(institution, view)
        return Figure(self.ledger.flow(institution, population, after, until, version, kinds), "fen")

    def singly(self, institution: str, population: str, after: int, until: int, view: View) -> Reason | None:
        """None where both ends of a window come from loans sent singly, else why not."""
        return self.from_ledger(institution, population, after, view) or self.from_ledger(
            institution, population, until, view
        )

    def _course(self, book: str, population: str, day: int, view: View, column: str) -> int:
        return self._courses.of(book, population, self.version(book, view), column).at(day)

    def _distinct(self, book: str, population: str, day: int, view: View) -> int:
        key = (book, population, self.version(book, view), day)
        if key not in self._customers:
            _make_room(self._customers, 4 * _CACHED)
            self._customers[key] = self.ledger.customers(book, population, [day], key[2])[0]
        return self._customers[key]

    # the day of live figures

    def default_day(self, institution: str, view: View | None = None) -> int | None:
        """The day of live figures: the one before the latest business date; at level A that of the latest report."""
        asked = view or View(0)
        version = self.version(institution, asked)
        latest = self.ledger.latest_day(institution, version)
        if latest is not None:
            return latest - 1
        return self.positions(institution).last_day(version)

    def county_day(self, view: View | None = None) -> int | None:
        """The same for the county: the earliest among its banks, a bank silent for ten days holding nobody back."""
        asked = view or View(0)
        banks = self.institutions(asked).values()
        days = [
            self.default_day(i.id, view) for i in banks if i.kind in BANK_KINDS and i.id in self.ledger.books
        ]
        known = [d for d in days if d is not None]
        return min((d for d in known if d >= max(known) - 10), default=None)

    def live(self, institution: str, known_at: int | None = None) -> View:
        """The live view of an institution or of the county: its latest complete business day."""
        asked = View(0, known_at)
        day = self.county_day(asked) if institution == COUNTY else self.default_day(institution, asked)
        if day is None:
            day = day_number(date_at(known_at if known_at is not None else self.latest_instant()))
        return replace(asked, as_of=day)


def _make_room(cache: dict[Any, Any], most: int = _CACHED) -> None:
    """Empty a cache that has become too large."""
    if len(cache) > most:
        cache.clear()
