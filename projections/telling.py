"""An alert in the words of people: colour, state, bank, period, and what it rests on, as lines of text."""

from collections.abc import Iterator, Mapping
from datetime import date

from aggregates.codes import day_number
from aggregates.registry import Institution, Registry
from projections.alerts import Alert, Evidence
from projections.rules import RULE_BOOK
from projections.wording import kept_figure, period_text, written
from puhui import money


def in_order(alert: Alert) -> tuple[bool, str, str, str, str]:
    """By what comes first before people: the open ones, 红 first, then by bank, rule and period."""
    return (not alert.is_open, alert.severity, alert.subject, alert.rule, alert.period)


def colour(alert: Alert) -> str:
    """红, 橙, 黄 or 蓝; what is only recorded, or withdrawn, has no colour."""
    return money.colour(alert.severity) if alert.is_open else "—"


def headline(alert: Alert, registry: Registry, instant: int) -> str:
    """The first line: colour, state, bank, period and rule."""
    name, state = called(alert, registry.institutions), alert.label_at(instant, registry)
    return f"{colour(alert)} {state}  {name}  {period_text(alert.period)}  {rule_title(alert)}"


def called(alert: Alert, institutions: Mapping[str, Institution]) -> str:
    """What the alert's institution was called on the business date of its figure; its id where it is not registered."""
    found = institutions.get(alert.subject)
    return found.on(day_number(date.fromisoformat(alert.evidence.as_of))).name if found else alert.subject


def rule_title(alert: Alert) -> str:
    """The rule's Chinese title; its name where this program does not know it any more."""
    rule = RULE_BOOK.get(alert.rule)
    return rule.title if rule else alert.rule


def value_text(kept: Evidence) -> str:
    """The figure 数值."""
    return written(kept.indicator, kept_figure(kept.value, kept.unit))


def base_text(kept: Evidence) -> str:
    """The base 基数; a dash where there is none."""
    unit = "fen" if kept.unit == "ratio" else kept.unit
    return "—" if kept.base is None else written(kept.indicator, kept_figure(kept.base, unit), "base")


def clause_text(kept: Evidence) -> str:
    """The clause 条款 with its words."""
    return f"{kept.clause}「{kept.sentence.rstrip('。')}」" if kept.clause else "—（本系统规则）"


def grounds(alert: Alert) -> Iterator[str]:
    """What the alert rests on: what happened, figure, base and threshold, clause, notes."""
    kept = alert.evidence
    if alert.headline:
        yield alert.headline
    yield f"数值 {value_text(kept)}　基数 {base_text(kept)}　阈值 {kept.threshold or '—'}"
    yield f"条款 {clause_text(kept)}"
    if kept.notes:
        yield "；".join(kept.notes)
