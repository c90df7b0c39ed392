"""Rules judged at the end of a quarter: swings, targets, pace, the bridge."""

from collections.abc import Iterator
from fractions import Fraction

from projections import growth, renewal
from projections.alerts import Finding, Reading
from projections.figure import Figure
from projections.rules.catalogue import P1, P3, P4, breach, finding
from projections.views import Figures, View
from puhui.money import change, points
from puhui.policy import Quarter
from puhui.policy.expressions import Number


def quarter_findings(
    figures: Figures, institution: str, quarter: Quarter, view: View, *, closed: bool
) -> Iterator[Finding]:
    """All that the rules say of an institution at the end of a quarter, under one view."""
    yield from _swing(figures, institution, quarter, view, closed)
    yield from _residual(figures, institution, quarter, view, closed)
    known = figures.institutions(view).get(institution)
    if known is not None and known.kind == "large_state":
        yield from _large_bank(figures, institution, quarter, view, closed)
    if known is not None and known.is_local_legal_person:
        yield from _two_increases(figures, institution, quarter, view, closed)


def _swing(f: Figures, institution: str, quarter: Quarter, view: View, closed: bool) -> Iterator[Finding]:
    """NprSwing (C3.8): the judged change is large in share and in yuan, and not the bank's season."""
    figure = renewal.quarterly_change(f, institution, view)
    judged, delta = _judged(figure)
    limits = f.policy(view).thresholds(view.day)
    relative, absolute = limits.npr_swing_relative, limits.npr_swing_absolute_fen
    threshold = f"|环比| ≥ {_percent(relative)} 且 |Δ| ≥ {absolute // 1_000_000} 万元（本系统设定）"
    if judged is None or delta is None or abs(judged) < relative or abs(delta) < absolute:
        yield finding(
            "NprSwing", institution, str(quarter), Reading.CALM, figure, view, f, threshold=threshold
        )
        return
    reading, notes = breach(closed), _apart(figure)
    households = figure.parts["base_households"].value
    if households is not None and households < limits.ratio_alert_customers:
        reading, notes = (
            Reading.LISTED,
            (*notes, f"基期 {households} 户，不足 {limits.ratio_alert_customers} 户，仅列示"),
        )
    elif _seasonal(f, institution, quarter, view, judged):
        reading, notes = Reading.SEASONAL, (*notes, "与前两年同季变动方向一致、幅度相当，按季节性记录")
    yield finding(
        "NprSwing", institution, str(quarter), reading, figure, view, f,
        severity=P1 if abs(judged) >= 2 * relative else "",
        headline=f"无还本续贷余额环比{change(judged)}（Δ {delta / 1_000_000:,.2f} 万元）",
        base=figure.parts["base"], threshold=threshold, notes=notes,
    )  # fmt: skip


def _judged(figure: Figure) -> tuple[Fraction | None, int | None]:
    """The change that is judged; at level A, where no line is known, the printed one."""
    judged, delta = figure.parts.get("judged"), figure.parts.get("judged_delta")
    if judged is None or judged.value is None or delta is None or delta.value is None:
        printed, moved = figure.value, figure.parts["delta"].value
        return (None if printed is None else Fraction(printed)), (None if moved is None else int(moved))
    return Fraction(judged.value), int(delta.value)


def _apart(figure: Figure) -> tuple[str, ...]:
    """What is printed beside a swing: 口径变动, and the change without the largest customer."""
    found = []
    apart, without = figure.parts.get("set_apart"), figure.parts.get("without_largest")
    if apart is not None and apart.value:
        found.append(f"口径变动 {int(apart.value) / 1_000_000:,.2f} 万元，已剔除")
    if without is not None and without.value is not None:
        found.append(f"剔除最大一户后环比{change(Fraction(without.value))}")
    return tuple(found)


def _seasonal(f: Figures, institution: str, quarter: Quarter, view: View, judged: Fraction) -> bool:
    """Did the same quarter of the earlier years move the same way, at 70 % of the size or more?"""
    limits = f.policy(view).thresholds(view.day)
    year = quarter
    for _ in range(limits.npr_seasonal_years):
        year = year.same_last_year
        past, _delta = _judged(renewal.quarterly_change(f, institution, view.on(year.last_day)))
        if past is None or past * judged <= 0 or abs(past) < limits.npr_seasonal_share * abs(judged):
            return False
    return True


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
    figure = growth.large_bank_growth(f, institution, view)
    target = f.target("large_bank_inclusive_growth", institution, view)
    limit = figure.parts.get("target")
    if target is None or figure.value is None or limit is None or limit.value is None:
        return
    exempt = (growth.EXEMPT,) if target.exempt else ()
    if quarter.number == 4:
        if not closed:
            return
        gap = Fraction(figure.value) - Fraction(limit.value)
        missed = gap < 0
        yield finding(
            "LargeBankGrowthMissed", institution, str(quarter.year),
            Reading.SETTLED_BREACH if missed else Reading.CALM, figure, view, f,
            severity=P4 if target.exempt else "",
            headline=f"普惠型小微企业贷款年增速{_percent(Fraction(figure.value))}，比目标{points(gap)}",
            threshold=f"≥ {_percent(Fraction(limit.value))}", notes=exempt,
        )  # fmt: skip
        return
    pace = figure.parts["pace"]
    if pace.value is None or not isinstance(target.value, Number):
        return
    floor = f.policy(view).thresholds(view.day).large_bank_pace
    behind = Fraction(pace.value) < floor
    yield finding(
        "LargeBankBehindPace", institution, str(quarter), breach(closed) if behind else Reading.CALM, figure, view, f,
        headline=f"进度 {float(pace.value):.2f}，较年初增速{_percent(Fraction(figure.value))}",
        threshold=f"进度 ≥ {float(floor):.2f}（本系统设定）", notes=(*figure.notes, *exempt),
    )  # fmt: skip


def _two_increases(
    f: Figures, institution: str, quarter: Quarter, view: View, closed: bool
) -> Iterator[Finding]:
    """两增 of a local legal person (C4.4): the verdict at the year's end; in the year two quarters running."""
    for rule, key, compute in (
        ("TwoIncreaseGrowthMissed", "two_increase_growth", growth.two_increase_growth),
        ("TwoIncreaseHouseholdMissed", "two_increase_household", growth.two_increase_households),
    ):
        target = f.target(key, institution, view)
        figure = compute(f, institution, view)
        if target is None or figure.value is None:
            continue
        missed = figure.value < 0
        period, severity = str(quarter.year), P4 if target.exempt else ""
        if quarter.number < 4:
            period, severity = str(quarter), P3
            earlier = (
                compute(f, institution, view.on(quarter.previous.last_day)) if quarter.number > 1 else None
            )
            missed = missed and not target.exempt and earlier is not None and (earlier.value or 0) < 0
        gap = points(Fraction(figure.value)) if figure.unit == "pp" else f"{int(figure.value):+d} 户"
        yield finding(
            rule, institution, period, breach(closed) if missed else Reading.CALM, figure, view, f, severity=severity,
            headline=f"{'增速差' if figure.unit == 'pp' else '户数差'} {gap}", threshold="≥ 0", notes=figure.notes,
        )  # fmt: skip


def _percent(ratio: Fraction) -> str:
    return f"{float(ratio * 100):.2f}".rstrip("0").rstrip(".") + "%"
