"""The table of rules: names, clause, indicator and usual severity; and how a finding is made of a figure."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from projections.alerts import Evidence, Finding, Reading
from projections.figure import Figure
from projections.views import Figures, View
from puhui.policy import register
from puhui.policy.periods import moment_at

P1, P2, P3, P4 = "P1", "P2", "P3", "P4"


@dataclass(frozen=True, slots=True)
class RuleInfo:
    """One rule: name, version, Chinese title, indicator, clause (empty: ours), usual severity."""

    name: str
    version: int
    title: str
    indicator: str
    clause: str
    severity: str


_TABLE: Final = (
    RuleInfo("NprSwing", 1, "无还本续贷余额异常波动", "I22", "C3.8", P2),
    RuleInfo("LargeBankGrowthMissed", 1, "国有大型银行普惠增速未达目标", "I35", "C4.3", P2),
    RuleInfo("LargeBankBehindPace", 1, "国有大型银行普惠增速落后进度", "I35", "C4.3", P4),
    RuleInfo("TwoIncreaseGrowthMissed", 1, "两增（增速）未完成", "I36", "C4.4a", P2),
    RuleInfo("TwoIncreaseHouseholdMissed", 1, "两增（户数）未完成", "I37", "C4.4b", P2),
    RuleInfo("ReconciliationGap", 1, "报送数与系统数不符", "I103", "", P2),
    RuleInfo("UnitSuspected", 1, "疑似单位错误", "I103", "", P3),
    RuleInfo("BridgeResidual", 1, "余额变动分解不平（内部）", "I23", "", P1),
    RuleInfo("RejectSpike", 1, "退回事件激增", "I104", "", P3),
    RuleInfo("UnauthenticEvents", 1, "来源未经证实（签名不符）", "I104", "", P2),
)
RULE_BOOK: Final[Mapping[str, RuleInfo]] = {rule.name: rule for rule in _TABLE}
"""The rules by name."""


def finding(
    rule: str,
    subject: str,
    period: str,
    reading: Reading,
    figure: Figure,
    view: View,
    figures: Figures,
    *,
    severity: str = "",
    headline: str = "",
    base: Figure | None = None,
    threshold: str = "",
    notes: tuple[str, ...] = (),
) -> Finding:
    """What a rule says, with the figure it rests on, its view and its clause."""
    info = RULE_BOOK[rule]
    clause = register().clause(info.clause) if info.clause else None
    evidence = Evidence(
        indicator=info.indicator,
        unit=figure.unit,
        value=figure.exact,
        base=None if base is None else base.exact,
        threshold=threshold,
        clause=info.clause,
        sentence=clause.original if clause else "",
        as_of=view.day.isoformat(),
        known_at="" if view.known_at is None else moment_at(view.known_at).isoformat(),
        versions={subject: figures.version(subject, view)},
        notes=notes,
        parts={name: part.exact for name, part in figure.parts.items()},
    )
    return Finding(
        rule=rule, version=info.version, subject=subject, period=period, reading=reading,
        severity=severity or info.severity, headline=headline, evidence=evidence,
    )  # fmt: skip


def breach(closed: bool) -> Reading:
    """A breach stands once its period is closed; until then it may still change."""
    return Reading.SETTLED_BREACH if closed else Reading.BREACH


def percent(ratio: Fraction) -> str:
    """A ratio as a threshold names it: 30%, 0.8%."""
    return f"{float(ratio * 100):.2f}".rstrip("0").rstrip(".") + "%"
