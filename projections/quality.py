"""Data quality 数据质量: I101 reporting lag, I103 gap against the reported figure, I104 rejected events."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from aggregates.codes import day_number
from aggregates.decide_positions import looks_like_wrong_unit
from projections.figure import COUNTY, Figure, Reason, Unit, null, quotient
from projections.sums import Ints
from projections.views import Figures, View
from puhui.policy.periods import DAY, HOUR, date_at

_LAG_DAYS: Final = 31
_TIES: Final = frozenset(("tie_out",))
_TIED: Final = (("PH", "balance"), ("NPR", "balance"), ("PH", "customers"), ("NPR", "customers"))


@dataclass(frozen=True, slots=True)
class Gap:
    """One tie-out: 系统数 − 银行报送数 for one key and day; `gap` is None where the unit is suspected."""

    key: str
    measure: str
    as_of: int
    system: int
    reported: int
    gap: int | None
    tolerance: int
    """Half of the reporting unit, in fen: 50元 for 万元 with two decimals; 0 for 元 and for 户数."""
    reason: Reason | None = None

    @property
    def ties(self) -> bool | None:
        """Whether the two agree; None where that cannot be said."""
        return None if self.gap is None else abs(self.gap) <= self.tolerance


def gaps(
    figures: Figures,
    institution: str,
    view: View,
    since: int | None = None,
    days: Collection[int] | None = None,
) -> list[Gap]:
    """Every tie-out of the institution with a day in (since, view's day], or of these days up to the view's.

    For each key the latest alone by default. Nothing at level A: there is nothing to tie to.
    """
    version, positions = figures.version(institution, view), figures.positions(institution)
    found = []
    for key, measure in _TIED:
        there = [day for day in positions.reported(key, measure, version, _TIES) if day <= view.as_of]
        if days is not None:
            wanted = [day for day in there if day in days]
        else:
            wanted = there[-1:] if since is None else [day for day in there if day > since]
        for day in wanted:
            gap = _gap(figures, institution, key, measure, day, view)
            if gap is not None:
                found.append(gap)
    return found


def _gap(figures: Figures, institution: str, key: str, measure: str, day: int, view: View) -> Gap | None:
    if figures.from_ledger(institution, key, day, view):
        return None
    ask = figures.balance if measure == "balance" else figures.households
    system = int(ask(institution, key, day, view).value or 0)
    version, positions = figures.version(institution, view), figures.positions(institution)
    row = positions.at(key, measure, day, version, _TIES)
    suspected = row or positions.suspected(key, measure, day, version, _TIES)
    if suspected is None:
        return None
    amount, tolerance = suspected.amount, suspected.quantum
    ties = abs(system - amount) <= tolerance  # then the odd one was the report before it
    if (row is None and not ties) or (measure == "balance" and looks_like_wrong_unit(amount, system)):
        return Gap(key, measure, day, system, amount, None, tolerance, Reason.UNIT_SUSPECTED)
    return Gap(key, measure, day, system, amount, system - amount, tolerance)


@dataclass(frozen=True, slots=True)
class Total:
    """A report that stands for a figure, of one key and day: what was said last; `suspected` where its unit is."""

    key: str
    measure: str
    as_of: int
    reported: int
    suspected: bool


def totals(figures: Figures, institution: str, view: View, days: Collection[int]) -> list[Total]:
    """The base and totals reported for these days, at level A all reports; what is tied out is among the gaps."""
    version, positions = figures.version(institution, view), figures.positions(institution)
    found = []
    for day in sorted(days):
        kinds = figures.kinds(institution, view, day)
        for key, measure in positions.subjects:
            last = positions.last_of(key, measure, day, version, kinds)
            if last is not None and not _tied(figures, institution, key, measure, day, view):
                odd = positions.suspected(key, measure, day, version, kinds) is not None
                found.append(Total(key, measure, day, last.amount, odd))
    return found


def _tied(figures: Figures, institution: str, key: str, measure: str, day: int, view: View) -> bool:
    """Is a report of that day tied out with the loans?"""
    if (key, measure) not in _TIED or figures.from_ledger(institution, key, day, view):
        return False
    version = figures.version(institution, view)
    return figures.positions(institution).last_of(key, measure, day, version, _TIES) is not None


def reconciliation(figures: Figures, institution: str, view: View) -> Figure:
    """I103 对账差, fen: 系统数 − 银行报送数, for each key on the latest day that was reported for it.

    The value is the gap that is largest beyond its tolerance (all within it: the largest). Parts: by key, with
    `_customers` for 户数, and `_reported` beside each. Ties within half of the reporting unit; 户数 exact.
    """
    if institution == COUNTY:
        return null("fen", Reason.NOT_APPLICABLE)
    if figures.level(institution, view) == "A":
        return null("fen", Reason.NOT_PROVIDED)
    found = gaps(figures, institution, view)
    parts: dict[str, Figure] = {}
    for gap in found:
        unit: Unit = "fen" if gap.measure == "balance" else "households"
        name = gap.key if gap.measure == "balance" else f"{gap.key}_customers"
        parts[name] = Figure(gap.gap, unit, gap.reason, gap.as_of, notes=_said(gap))
        parts[f"{name}_reported"] = Figure(gap.reported, unit, None, gap.as_of)
    amounts = [gap for gap in found if gap.measure == "balance"]
    judged = [gap for gap in amounts if gap.gap is not None]
    if not judged:
        return null(
            "fen", amounts[0].reason or Reason.NO_DATA if amounts else Reason.NOT_PROVIDED
        ).with_parts(parts)
    worst = max(judged, key=lambda g: (not g.ties, abs(g.gap or 0)))
    return Figure(worst.gap, "fen", None, worst.as_of, parts, _said(worst))


def _said(gap: Gap) -> tuple[str, ...]:
    return () if gap.ties is None else ("相符" if gap.ties else "不符",)


def rejected(figures: Figures, institution: str, view: View, hours: int = 24) -> Figure:
    """I104 拒收率, ratio: refused / received in the last 24 full hours before the view's knowledge.

    Received: accepted, refused and repeated events; one that waits is counted when it is decided. For `now` the hour
    that runs counts too. Parts: refused, received, events; `rule_V03` …: refused by rule.
    """
    last = figures.last_counted() + 1 if view.known_at is None else view.known_at // HOUR
    received, refused, rules = 0, 0, dict[str, int]()
    for book, result, rule, events in figures.counted(last - hours, last - 1):
        if institution not in (COUNTY, book):
            continue
        received += events * (result in ("accepted", "refused", "repeated"))
        if result == "refused":
            refused += events
            rules[rule] = rules.get(rule, 0) + events
    found = quotient(refused, received)
    parts = {"refused": Figure(refused, "events"), "received": Figure(received, "events")}
    return found.with_parts(parts | {f"rule_{r}": Figure(n, "events") for r, n in sorted(rules.items())})


def reporting_lag(figures: Figures, institution: str, view: View) -> Figure:
    """I101 报送时滞, days: record − business date, in calendar days (+08:00), over what was recorded in 31 days.

    The median; part: p95. From the movements, which are in memory (facts that move no balance are not in it, opening
    balances neither); at level A from the reported positions. Nearest rank, so both are whole days that occurred.
    """
    until = view.known_at if view.known_at is not None else figures.latest_instant()
    banks = figures.banks(view) if institution == COUNTY else (institution,)
    found = np.concatenate([np.zeros(0, dtype=np.int64), *(_lags(figures, b, until, view) for b in banks)])
    if not len(found):
        return null("days", Reason.NO_DATA)
    found.sort()
    return Figure(_rank(found, 50), "days", parts={"p95": Figure(_rank(found, 95), "days")})


def _lags(figures: Figures, bank: str, until: int, view: View) -> Ints:
    columns = figures.ledger.books.get(bank)
    after = columns.version_at(until - _LAG_DAYS * DAY) if columns else 0
    if figures.level(bank, view) != "A":
        return figures.ledger.lags(bank, after, figures.version(bank, view))
    rows: Iterable[int] = (
        day_number(date_at(row.recorded_at)) - row.as_of
        for row in figures.positions(bank).rows(figures.version(bank, view), after)
    )
    return np.array(list(rows), dtype=np.int64)


def _rank(ordered: Ints, percent: int) -> int:
    return int(ordered[max(0, -(-len(ordered) * percent // 100) - 1)])
