"""Rules judged at the end of a quarter: targets, pace, the bridge, and swings (`projections.rules.swings`)."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Final, NamedTuple

from projections import growth, renewal
from projections.alerts import Finding, Reading
from projections.figure import Figure, Unit, null
from projections.figure import Reason as Why
from projections.rules.catalogue import P3, P4, breach, finding, percent
from projections.rules.swings import swing_finding
from projections.views import Figures, View
from puhui.money import points
from puhui.policy import Quarter, Target
from puhui.policy.expressions import Number

IN_YEAR: Final = ("LargeBankBehindPace", "TwoIncreaseGrowthMissed", "TwoIncreaseHouseholdMissed")
"""Rules that speak at the ends of quarters about a target of the whole year."""


class _Increase(NamedTuple):
    """One of the rules of 两增, with the key of its target and its indicator."""

    rule: str
    target: str
    compute: Callable[[Figures, str, View], Figure]
    unit: Unit


_INCREASES: Final = (
    _Increase("TwoIncreaseGrowthMissed", "two_increase_growth", growth.two_increase_growth, "pp"),
    _Increase(
        "TwoIncreaseHouseholdMissed", "two_increase_household", growth.two_increase_households, "households"
    ),
)


def quarter_findings(
    figures: Figures, institution: str, quarter: Quarter, view: View, *, closed: bool
) -> Iterator[Finding]:
    """All that the rules say of an institution at the end of a quarter, under one view.

    Each rule speaks, where it does not apply too: what was said while it did is taken back by that. None applies to who
    has closed by then: what is handed over or settled for that is neither a swing nor a target missed.
    """
    if quarter.number == 4 and closed:
        yield from _on_the_way(figures, institution, quarter.year, view)
    known = figures.institutions(view).get(institution)
    if known is not None and known.closed_on is not None and known.closed_on <= view.as_of:
        yield from _of_closed(figures, institution, quarter, view, closed)
        return
    yield swing_finding(figures, institution, quarter, view, closed=closed)
    yield from _residual(figures, institution, quarter, view, closed)
    yield from _large_bank(figures, institution, quarter, view, closed)
    yield from _two_increases(figures, institution, quarter, view, closed)


def _on_the_way(figures: Figures, institution: str, year: int, view: View) -> Iterator[Finding]:
    """What was said of targets in the year is over once its verdict is there; progress is information until then."""
    figure = null("ratio", Why.NOT_APPLICABLE)
    for rule in IN_YEAR:
        for number in (1, 2, 3):
            quarter = str(Quarter(year, number))
            yield finding(rule, institution, quarter, Reading.OVER, figure, view, figures)


def _in_year(figures: Figures, institution: str, quarter: Quarter, view: View, reading: Reading) -> Reading:
    """A reading in the year: over, where a past quarter is judged anew behind the year's verdict."""
    end = Quarter(quarter.year, 4)
    known = figures.latest_instant() if view.known_at is None else view.known_at
    return Reading.OVER if figures.is_closed(institution, end, known) else reading


def _groundless(
    rule: str, f: Figures, institution: str, quarter: Quarter, view: View, figure: Figure
) -> Finding:
    """The rule does not apply, or its figure has no value; what a verdict has closed stays closed."""
    why, period, reading = figure.reason or Why.NOT_APPLICABLE, str(quarter.year), Reading.CALM
    if quarter.number < 4:
        period, reading = str(quarter), _in_year(f, institution, quarter, view, reading)
    return finding(rule, institution, period, reading, null(figure.unit, why), view, f, notes=(why.text,))


def _of_closed(f: Figures, institution: str, quarter: Quarter, view: View, closed: bool) -> Iterator[Finding]:
    """What is said of an institution that has closed by the end of the quarter: that nothing is."""
    gone = null("ratio", Why.CLOSED)
    for rule in ("NprSwing", "BridgeResidual"):
        yield finding(rule, institution, str(quarter), Reading.CALM, gone, view, f, notes=(Why.CLOSED.text,))
    verdict = quarter.number == 4
    if closed or not verdict:
        rule = "LargeBankGrowthMissed" if verdict else "LargeBankBehindPace"
        yield _groundless(rule, f, institution, quarter, view, gone)
    for rule, _, _, unit in _INCREASES:
        yield _groundless(rule, f, institution, quarter, view, null(unit, Why.CLOSED))


def _residual(f: Figures, institution: str, quarter: Quarter, view: View, closed: bool) -> Iterator[Finding]:
    """BridgeResidual: the bridge does not add up, which only a programming error can cause."""
    figure = renewal.bridge_figure(f, institution, view)
    residual = figure.parts.get("residual")
    odd = residual is not None and bool(residual.value)
    if odd and residual is not None:
        yield finding(
            "BridgeResidual", institution, str(quarter), breach(closed), figure, view, f,
            headline=f"余额变动分解不平 {int(residual.value or 0) / 100:,.2f} 元", threshold="0",
        )  # fmt: skip
    else:
        yield finding(
            "BridgeResidual", institution, str(quarter), Reading.CALM, figure, view, f, threshold="0"
        )


def _large_bank(
    f: Figures, institution: str, quarter: Quarter, view: View, closed: bool
) -> Iterator[Finding]:
    """LargeBankGrowthMissed once the year is closed; LargeBankBehindPace at the quarter ends before (C4.3)."""
    if quarter.number == 4 and not closed:
        return
    known = f.institutions(view).get(institution)
    target, figure = None, null("ratio", Why.NO_TARGET)
    if known is not None and known.on(view.as_of).kind == "large_state":
        target = f.target("large_bank_inclusive_growth", institution, view)
        figure = growth.large_bank_growth(f, institution, view)
    if quarter.number == 4:
        yield _growth_missed(f, institution, quarter, view, target, figure)
    else:
        yield _behind_pace(f, institution, quarter, view, closed, target, figure)


def _growth_missed(
    f: Figures, institution: str, quarter: Quarter, view: View, target: Target | None, figure: Figure
) -> Finding:
    """The verdict of a closed year."""
    limit = figure.parts.get("target", figure)
    if target is None or figure.value is None or limit.value is None:
        return _groundless("LargeBankGrowthMissed", f, institution, quarter, view, limit)
    gap = Fraction(figure.value) - Fraction(limit.value)
    missed = gap < 0
    return finding(
        "LargeBankGrowthMissed", institution, str(quarter.year),
        Reading.SETTLED_BREACH if missed else Reading.CALM, figure, view, f,
        severity=P4 if target.exempt else "",
        headline=f"普惠型小微企业贷款年增速{percent(Fraction(figure.value))}，比目标{points(gap)}",
        base=figure.parts["base"],
        threshold=f"≥ {percent(Fraction(limit.value))}", notes=_exempt(target),
    )  # fmt: skip


def _behind_pace(
    f: Figures, institution: str, quarter: Quarter, view: View, closed: bool,
    target: Target | None, figure: Figure,
) -> Finding:  # fmt: skip
    """The pace on the way, where the target is a number."""
    pace = figure.parts.get("pace", figure)
    if target is None or not isinstance(target.value, Number) or figure.value is None or pace.value is None:
        return _groundless("LargeBankBehindPace", f, institution, quarter, view, pace)
    floor = f.thresholds(view, institution).large_bank_pace
    behind = Fraction(pace.value) < floor
    return finding(
        "LargeBankBehindPace", institution, str(quarter),
        _in_year(f, institution, quarter, view, breach(closed)) if behind else Reading.CALM, figure, view, f,
        headline=f"进度 {float(pace.value):.2f}，较年初增速{percent(Fraction(figure.value))}",
        base=figure.parts["base"],
        threshold=f"进度 ≥ {float(floor):.2f}（本系统设定）", notes=(*figure.notes, *_exempt(target)),
    )  # fmt: skip


def _exempt(target: Target) -> tuple[str, ...]:
    return (growth.EXEMPT,) if target.exempt else ()


def _two_increases(
    f: Figures, institution: str, quarter: Quarter, view: View, closed: bool
) -> Iterator[Finding]:
    """两增 of a local legal person (C4.4): the verdict at the year's end; in the year two quarters running.

    The gap is held against the bank's own target, which is 0 for who has none of its own.
    """
    known = f.institutions(view).get(institution)
    bound = known is not None and known.on(view.as_of).is_local_legal_person
    for increase in _INCREASES:
        target = f.target(increase.target, institution, view) if bound else None
        yield _increase(f, institution, quarter, view, closed, increase, target)


def _increase(
    f: Figures, institution: str, quarter: Quarter, view: View, closed: bool,
    increase: _Increase, target: Target | None,
) -> Finding:  # fmt: skip
    rule, _, compute, unit = increase
    figure = null(unit, Why.NO_TARGET) if target is None else compute(f, institution, view)
    limit = None if target is None else target.limit()
    if target is None or limit is None or figure.value is None:
        return _groundless(rule, f, institution, quarter, view, figure)
    missed = target.is_met(figure.value) is False
    period, severity, reading = str(quarter.year), P4 if target.exempt else "", breach(closed)
    if quarter.number < 4:
        period, severity = str(quarter), P3
        reading = _in_year(f, institution, quarter, view, reading)
        earlier = compute(f, institution, view.on(quarter.previous.last_day)) if quarter.number > 1 else None
        running = earlier is not None and target.is_met(earlier.value) is False
        missed = missed and not target.exempt and running
    gap = points(Fraction(figure.value)) if figure.unit == "pp" else f"{int(figure.value):+d} 户"
    return finding(
        rule, institution, period, reading if missed else Reading.CALM, figure, view, f, severity=severity,
        headline=f"{'增速差' if figure.unit == 'pp' else '户数差'} {gap}", base=figure.parts.get("base"),
        threshold=_at_least(limit, unit), notes=figure.notes,
    )  # fmt: skip


def _at_least(limit: Fraction, unit: Unit) -> str:
    """The least gap that is allowed, as a threshold names it: ≥ 0, ≥ -10 户."""
    if not limit:
        return "≥ 0"
    return f"≥ {float(limit * 100):.2f}个百分点" if unit == "pp" else f"≥ {float(limit):g} 户"
