"""Official figures 正式数: a closed period keeps the view of its closing until a restatement of it is approved."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final, Literal

from aggregates.codes import day_number
from aggregates.store.transaction import RestatementRow
from projections.figure import COUNTY, Figure, Unit
from projections.indicators import INDICATORS
from projections.views import Figures, View
from puhui.policy.periods import Period, date_at, parse

State = Literal["provisional", "pinned", "restated", "history"]
"""provisional 暂定: not closed. pinned: as known at the closing. restated: as known at the latest approval.
history: over before the institution's data began to come, so what was known at its closing is nothing."""

PERIOD_FIGURES: Final = ("I10", "I11", "I12", "I16", "I21", "I22", "I23", "I24", "I26",
                         "I34", "I35", "I36", "I37", "I38", "I39")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Official:
    """The view under which a period's figures stand; both ends of a bridge are of this one view."""

    institution: str
    period: Period
    state: State
    view: View
    restatements: tuple[RestatementRow, ...] = ()
    """Those that are open: they change nothing until they are approved."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One row of a difference table: the official value, the current one, and current − official."""

    number: str
    part: str
    unit: Unit
    official: Figure
    current: Figure

    @property
    def difference(self) -> int | Fraction | None:
        """Current − official; None where either has no value."""
        if self.official.value is None or self.current.value is None:
            return None
        return self.current.value - self.official.value


def official(figures: Figures, institution: str, period: Period | str, now: int | None = None) -> Official:
    """The official view of a period (2024Q3, 2024-07) of an institution or of the county, at an instant.

    `now` (µs; the latest knowledge by default) decides what is closed and approved; the dated rule closes, a quarter
    after 18 days, a month after 6, or an office by hand. A pinned figure is made from the versions that the closing
    pinned. The county's period closes with its last bank's; each bank stands as its own restatements leave it.
    """
    found = parse(period) if isinstance(period, str) else period
    instant = figures.latest_instant() if now is None else now
    live = View(day_number(found.last_day), instant)
    closing = figures.closing(institution, found, instant)
    if institution != COUNTY:
        return _of_one(figures, institution, found, live)
    parts = [_of_one(figures, bank, found, live) for bank in figures.banks(live)]
    if closing > instant:
        return Official(COUNTY, found, "provisional", live)
    versions = {part.institution: figures.version(part.institution, part.view) for part in parts}
    states = {part.state for part in parts}
    state: State = "restated" if "restated" in states else "pinned" if "pinned" in states else "history"
    known = (
        instant
        if state == "history"
        else max([closing, *(part.view.known_at or 0 for part in parts if part.state == "restated")])
    )
    open_ = tuple(row for part in parts for row in part.restatements)
    return Official(COUNTY, found, state, View(live.as_of, known, versions), open_)


def _of_one(figures: Figures, institution: str, period: Period, live: View) -> Official:
    instant = live.known_at or 0
    closing = figures.closing(institution, period, instant)
    if closing > instant:
        return Official(institution, period, "provisional", live)
    rows = [
        row
        for row in figures.restatements(institution)
        if row.period == str(period) and row.opened_at <= instant
    ]
    approved = [at for row in rows if (at := row.approved_at) is not None and at <= instant]
    open_ = tuple(row for row in rows if row.approved_at is None or row.approved_at > instant)
    began = figures.live_from(institution)
    if began is None or day_number(date_at(began)) > live.as_of:
        return Official(institution, period, "history", live, open_)
    return _standing(figures, Official(institution, period, "pinned", live, open_), closing, approved)


def _standing(figures: Figures, found: Official, closing: int, approved: list[int]) -> Official:
    """The view of the latest approval, or the one that was pinned at the closing."""
    if approved:
        return replace(found, state="restated", view=replace(found.view, known_at=max(closing, *approved)))
    return replace(found, view=closing_view(figures, found))


def closing_view(figures: Figures, found: Official) -> View:
    """The view of a closed period at its closing, whatever was approved since."""
    closing = figures.closing(found.institution, found.period, found.view.known_at)
    pinned = figures.pins.versions(str(found.period), found.institution, closing)
    return View(found.view.as_of, closing, pinned)


def differences(
    figures: Figures, found: Official, now: int | None = None, numbers: Iterable[str] = PERIOD_FIGURES
) -> list[Difference]:
    """What the official figures and those of today's knowledge differ in; 其中 and variants too."""
    current = View(found.view.as_of, now)
    table = []
    for number in numbers:
        old = dict(flattened(INDICATORS[number].of(figures, found.institution, found.view)))
        new = dict(flattened(INDICATORS[number].of(figures, found.institution, current)))
        for part, figure in new.items():
            before = old.get(part, Figure(None, figure.unit, figure.reason))
            if before.value != figure.value:
                table.append(Difference(number, part, figure.unit, before, figure))
    return table


def flattened(figure: Figure, name: str = "") -> Iterator[tuple[str, Figure]]:
    """A figure and its parts, by name; the figure itself has the empty name."""
    yield name, figure
    for part, inner in figure.parts.items():
        yield from flattened(inner, f"{name}.{part}" if name else part)
