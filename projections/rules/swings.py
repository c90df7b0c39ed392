"""NprSwing (C3.8): 无还本续贷余额异常波动, judged without 口径变动 and against the bank's own season."""

from fractions import Fraction
from typing import Final, NamedTuple

from projections import renewal
from projections.alerts import Finding, Reading
from projections.figure import Figure, Reason
from projections.rules.catalogue import P1, breach, finding, percent
from projections.scope import base_day
from projections.views import Figures, View
from puhui.money import amount, change
from puhui.policy import Base, Quarter, Thresholds

_BREAK: Final = "按口径变动记录，不预警"


class _Change(NamedTuple):
    """A change of the balance in share and in fen; None where it is not known."""

    share: Fraction | None
    delta: int | None

    def is_large(self, limits: Thresholds) -> bool:
        """Is it large in share and in yuan?"""
        if self.share is None or self.delta is None:
            return False
        return (
            abs(self.share) >= limits.npr_swing_relative and abs(self.delta) >= limits.npr_swing_absolute_fen
        )

    def __str__(self) -> str:
        """As a headline says it."""
        return f"{change(self.share or 0)}（Δ {_ten_thousands(self.delta or 0)}）"


def swing_finding(f: Figures, institution: str, quarter: Quarter, view: View, *, closed: bool) -> Finding:
    """What the rule says of one quarter: a change large in share and in yuan warns, but for seasons and 口径变动.

    Behind a known balance of nothing there is no share: it warns by its yuan alone, as 首次开办, or 重新开办 where there
    was a balance on any earlier day.
    """
    figure = renewal.quarterly_change(f, institution, view)
    judged, printed, limits = _judged(figure), _printed(figure), f.thresholds(view, institution)
    reading, severity, headline, notes = Reading.CALM, "", "", tuple[str, ...]()
    absolute = limits.npr_swing_absolute_fen // 1_000_000
    threshold = f"|环比| ≥ {percent(limits.npr_swing_relative)} 且 |Δ| ≥ {absolute} 万元（本系统设定）"
    if judged.is_large(limits):
        reading, notes = _reading(f, institution, quarter, view, figure, closed)
        headline = f"无还本续贷余额环比{judged}"
        severity = P1 if abs(Fraction(judged.share or 0)) >= 2 * limits.npr_swing_relative else ""
    elif printed.is_large(limits):
        reading, notes = Reading.POLICY_BREAK, (*_apart(figure), _BREAK)
        headline = f"无还本续贷余额环比{printed}，剔除口径变动后{change(judged.share or 0)}"
    elif figure.parts["base"].value == 0 and max(_added(figure)) >= limits.npr_swing_absolute_fen:
        reading, notes, headline = _begun(f, institution, view, figure, closed)
        threshold = f"基数为零，Δ ≥ {absolute} 万元（本系统设定）"
    return finding(
        "NprSwing", institution, str(quarter), reading, figure, view, f, severity=severity, headline=headline,
        base=figure.parts["base"], notes=notes, threshold=threshold,
    )  # fmt: skip


def _reading(
    f: Figures, institution: str, quarter: Quarter, view: View, figure: Figure, closed: bool
) -> tuple[Reading, tuple[str, ...]]:
    """What a large change comes to, and what is printed beside it."""
    notes, limits = _apart(figure), f.thresholds(view, institution)
    households, base = figure.parts["base_households"].value, figure.parts["base"].value
    if households is not None and households < (few := limits.ratio_alert_customers):
        return Reading.LISTED, (*notes, f"基期 {households} 户，不足 {few} 户，仅列示")
    if base is not None and base < limits.ratio_alert_fen:
        return Reading.LISTED, (*notes, f"基数不足 {amount(limits.ratio_alert_fen)}，仅列示")
    if _seasonal(f, institution, quarter, view, _judged(figure).share or Fraction(0)):
        return Reading.SEASONAL, (*notes, "与前两年同季变动方向一致、幅度相当，按季节性记录")
    return breach(closed), notes


def _printed(figure: Figure) -> _Change:
    """The change as it is printed."""
    share, delta = figure.value, figure.parts["delta"].value
    return _Change(None if share is None else Fraction(share), None if delta is None else int(delta))


def _judged(figure: Figure) -> _Change:
    """The change that is judged; at level A, where no line is known, the printed one."""
    share, delta = figure.parts.get("judged"), figure.parts.get("judged_delta")
    if share is None or share.value is None or delta is None or delta.value is None:
        return _printed(figure)
    return _Change(Fraction(share.value), int(delta.value))


def _begun(
    f: Figures, institution: str, view: View, figure: Figure, closed: bool
) -> tuple[Reading, tuple[str, ...], str]:
    """What a large balance behind a known one of nothing comes to, what is printed beside it, and its headline."""
    printed, left = _added(figure)
    if left < f.thresholds(view, institution).npr_swing_absolute_fen:
        said = f"无还本续贷余额由零至 {_ten_thousands(printed)}，剔除口径变动后 Δ {_ten_thousands(left)}"
        return Reading.POLICY_BREAK, (*_apart(figure), _BREAK), said
    base = base_day(Base.PREVIOUS_QUARTER, view)
    how = "重新开办" if f.ever_had(institution, "NPR", base, view) else "首次开办"
    return breach(closed), _apart(figure), f"{how}无还本续贷，余额 {_ten_thousands(printed)}"


def _added(figure: Figure) -> tuple[int, int]:
    """What a quarter added, in fen, as printed and without 口径变动; at level A, where no line is known, twice the same."""
    printed, judged = figure.parts["delta"].value, figure.parts["judged_delta"].value
    return int(printed or 0), int((printed if judged is None else judged) or 0)


def _ten_thousands(fen: int) -> str:
    return f"{fen / 1_000_000:,.2f} 万元"


def _apart(figure: Figure) -> tuple[str, ...]:
    """What is printed beside a swing: 口径变动, and the change without the largest customer."""
    found = []
    apart, without = figure.parts.get("set_apart"), figure.parts.get("without_largest")
    if apart is not None and apart.value:
        found.append(f"口径变动 {_ten_thousands(int(apart.value))}，已剔除")
    if without is not None and without.value is not None:
        found.append(f"剔除最大一户后环比{change(Fraction(without.value))}")
    if without is not None and without.reason is Reason.NOT_PROVIDED:
        found.append("按总数报送：剔除最大一户后环比、变动分解和逐笔依据未提供")
    return tuple(found)


def _seasonal(f: Figures, institution: str, quarter: Quarter, view: View, share: Fraction) -> bool:
    """Did the same quarter of the earlier years move the same way, at 70 % of the size or more?"""
    limits = f.thresholds(view, institution)
    year = quarter
    for _ in range(limits.npr_seasonal_years):
        year = year.same_last_year
        past = _judged(renewal.quarterly_change(f, institution, view.on(year.last_day))).share
        if past is None or past * share <= 0 or abs(past) < limits.npr_seasonal_share * abs(share):
            return False
    return True
