"""Rules about what institutions report of themselves: a gap against the system's figure, a unit that looks wrong."""

from collections.abc import Collection, Iterator

from aggregates.codes import date_of
from aggregates.decide_positions import looks_like_wrong_unit
from projections.alerts import Finding, Reading
from projections.figure import Figure, Unit
from projections.quality import Gap, Total, gaps, totals
from projections.rules.catalogue import breach, finding
from projections.views import Figures, View
from puhui.money import amount, households
from puhui.policy import Month


def position_findings(
    figures: Figures, institution: str, view: View, days: Collection[int]
) -> Iterator[Finding]:
    """What the rules say of every tie-out of these days, as known in the view.

    A suspected unit is said at once. A gap is judged when the month of its day is closed: until then late facts are
    still on their way, and would make every report look wrong for some days.
    """
    instant = figures.latest_instant() if view.known_at is None else view.known_at
    for gap in gaps(figures, institution, view, days=days):
        closed = figures.is_closed(institution, Month.of(date_of(gap.as_of)), instant)
        yield _suspected(figures, institution, gap, view, closed)
        if closed or gap.gap is None:
            yield _differs(figures, institution, gap, view)


def total_findings(
    figures: Figures, institution: str, view: View, days: Collection[int]
) -> Iterator[Finding]:
    """What the rules say of every base and total of these days, as known in the view: whether its unit is suspected."""
    instant = figures.latest_instant() if view.known_at is None else view.known_at
    for found in totals(figures, institution, view, days):
        closed = figures.is_closed(institution, Month.of(date_of(found.as_of)), instant)
        yield _unit_finding(figures, institution, found, view, closed if found.suspected else None, None)


def _period(gap: Gap | Total) -> str:
    return f"{date_of(gap.as_of).isoformat()}/{gap.key}/{gap.measure}"


def _unit(gap: Gap | Total) -> Unit:
    return "households" if gap.measure == "customers" else "fen"


def _suspected(figures: Figures, institution: str, gap: Gap, view: View, closed: bool) -> Finding:
    odd = gap.gap is None
    beside = gap.system if looks_like_wrong_unit(gap.reported, gap.system) else None
    return _unit_finding(figures, institution, gap, view, closed if odd else None, beside)


def _unit_finding(
    figures: Figures, institution: str, told: Gap | Total, view: View, closed: bool | None, system: int | None
) -> Finding:
    """UnitSuspected of one report; `closed` None: its unit is not suspected; `system` None: beside the report before it."""
    figure, on = Figure(told.reported, _unit(told)), view.on(told.as_of)
    if closed is None:
        return finding("UnitSuspected", institution, _period(told), Reading.CALM, figure, on, figures)
    version = figures.version(institution, view)
    row = figures.positions(institution).before(told.key, told.measure, told.as_of, version)
    what, beside = ("系统数", system) if system is not None else ("上次报送数", row.amount if row else 0)
    return finding(
        "UnitSuspected", institution, _period(told), breach(closed), figure, on, figures,
        headline=f"报送数 {amount(told.reported)}，{what} {amount(beside)}，相差约一万倍",
        base=Figure(beside, "fen"), threshold="相差 10⁴ 倍（±1%）",
    )  # fmt: skip


def _differs(figures: Figures, institution: str, gap: Gap, view: View) -> Finding:
    on, unit = view.on(gap.as_of), _unit(gap)
    said = households if unit == "households" else amount
    figure = Figure(gap.gap, unit)
    reading = Reading.SETTLED_BREACH if gap.ties is False else Reading.CALM
    return finding(
        "ReconciliationGap", institution, _period(gap), reading, figure, on, figures,
        headline=f"系统数 {said(gap.system)}，报送数 {said(gap.reported)}，差额 {said(gap.gap or 0)}",
        base=Figure(gap.reported, unit),
        threshold=f"±{gap.tolerance / 100:.2f} 元" if unit == "fen" else "0 户",
    )  # fmt: skip
