"""Rules about what institutions report of themselves: a gap against the system's figure, a unit that looks wrong."""

from collections.abc import Collection, Iterator

from aggregates.codes import date_of
from projections.alerts import Finding, Reading
from projections.figure import Figure, Unit
from projections.quality import Gap, gaps
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


def _period(gap: Gap) -> str:
    return f"{date_of(gap.as_of).isoformat()}/{gap.key}/{gap.measure}"


def _unit(gap: Gap) -> Unit:
    return "households" if gap.measure == "customers" else "fen"


def _suspected(figures: Figures, institution: str, gap: Gap, view: View, closed: bool) -> Finding:
    figure = Figure(gap.reported, _unit(gap))
    on = view.on(gap.as_of)
    if gap.gap is not None:
        return finding("UnitSuspected", institution, _period(gap), Reading.CALM, figure, on, figures)
    return finding(
        "UnitSuspected", institution, _period(gap), breach(closed), figure, on, figures,
        headline=f"报送数 {amount(gap.reported)}，系统数 {amount(gap.system)}，相差约一万倍",
        base=Figure(gap.system, "fen"), threshold="相差 10⁴ 倍（±1%）",
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
