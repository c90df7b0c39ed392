"""An alert in the words of people: colour, state, bank, period, and what it rests on, as lines of text."""

from collections.abc import Iterator
from typing import Literal, cast

from aggregates.registry import Registry
from projections.alerts import Alert
from projections.rules import RULE_BOOK
from projections.wording import kept_figure, period_text, written
from puhui import money


def in_order(alert: Alert) -> tuple[bool, str, str, str, str]:
    """By what comes first before people: the open ones, 红 first, then by bank, rule and period."""
    return (not alert.is_open, alert.severity, alert.subject, alert.rule, alert.period)


def colour(alert: Alert) -> str:
    """红, 橙, 黄 or 蓝; what is only recorded, or withdrawn, has no colour."""
    return money.colour(cast(Literal["P1", "P2", "P3", "P4"], alert.severity)) if alert.is_open else "—"


def headline(alert: Alert, registry: Registry, instant: int) -> str:
    """The first line: colour, state, bank, period and rule."""
    rule, bank = RULE_BOOK.get(alert.rule), registry.institutions.get(alert.subject)
    title, name = rule.title if rule else alert.rule, bank.name if bank else alert.subject
    return (
        f"{colour(alert)} {alert.label_at(instant, registry)}  {name}  {period_text(alert.period)}  {title}"
    )


def grounds(alert: Alert) -> Iterator[str]:
    """What the alert rests on: what happened, figure, base and threshold, clause, notes."""
    kept, number = alert.evidence, alert.evidence.indicator
    value = written(number, kept_figure(kept.value, kept.unit))
    base_unit = "fen" if kept.unit == "ratio" else kept.unit
    base = "—" if kept.base is None else written(number, kept_figure(kept.base, base_unit), "base")
    if alert.headline:
        yield alert.headline
    yield f"数值 {value}　基数 {base}　阈值 {kept.threshold or '—'}"
    yield f"条款 {kept.clause}「{kept.sentence.rstrip('。')}」" if kept.clause else "条款 —（本系统规则）"
    if kept.notes:
        yield "；".join(kept.notes)
