"""Screen 3, 预警: the open ones by colour, and apart from them what was withdrawn or only recorded."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, cast
from urllib.parse import quote

import msgspec

from aggregates.facts import AlertChanged, decode_record
from aggregates.store import Store
from console.question import Question
from projections.alerts import ALERT_BOOK, Alert, read_alerts
from projections.rules import RULE_BOOK
from projections.views import Figures, View
from puhui import money
from puhui.policy.periods import Quarter, moment_at

LONGEST: Final = 500
"""Alerts in one table of the page; what is behind them is counted."""
_decode: Final = msgspec.json.Decoder(Alert).decode
_KEYS: Final = {
    "PH": "普惠余额",
    "NPR": "无还本续贷余额",
    "FS": "小微贷款余额",
    "ALL": "各项贷款余额",
    "NPL": "不良贷款余额",
}
_COUNTED: Final = {"PH": "普惠户数", "NPR": "无还本续贷户数"}


@dataclass(frozen=True, slots=True)
class Line:
    """One alert as a line of a table."""

    alert: Alert
    colour: str
    title: str
    institution: str
    period: str
    state: str
    headline: str
    notes: tuple[str, ...]
    updated: str
    path: str


@dataclass(frozen=True, slots=True)
class Alerts:
    """All alerts as they stood at the instant asked for."""

    known: str
    open: tuple[Line, ...]
    recorded: tuple[Line, ...]
    withdrawn: tuple[Line, ...]
    counts: tuple[tuple[str, int], ...]
    """Open ones by colour, 红 first."""
    more: int


def alerts(figures: Figures, question: Question) -> Alerts:
    """The page; alerts made after the instant asked for are not on it, later changes neither."""
    found = sorted(
        alerts_at(figures.store, question.known_at), key=lambda a: (a.severity, -a.updated_at, a.key)
    )
    lines = [line(figures, alert) for alert in found]
    open_ = [one for one in lines if one.alert.is_open]
    withdrawn = [one for one in lines if one.alert.state == "withdrawn"]
    recorded = [one for one in lines if not one.alert.is_open and one.alert.state != "withdrawn"]
    counts = [(colour, sum(one.colour == colour for one in open_)) for colour in "红橙黄蓝"]
    more = sum(max(0, len(part) - LONGEST) for part in (open_, recorded, withdrawn))
    instant = figures.latest_instant() if question.known_at is None else question.known_at
    return Alerts(
        f"{moment_at(instant):%Y-%m-%d %H:%M}", tuple(open_[:LONGEST]), tuple(recorded[:LONGEST]),
        tuple(withdrawn[:LONGEST]), tuple(counts), more,
    )  # fmt: skip


def alerts_at(store: Store, known_at: int | None) -> Iterable[Alert]:
    """Every alert as it stands, or as it stood at an instant, from the alerts' own book."""
    if known_at is None:
        return read_alerts(store).values()
    found: dict[tuple[str, str, str], Alert] = {}
    for _, state in store.records(ALERT_BOOK):
        record = decode_record(state)
        if record.recorded_at > known_at:
            break
        for fact in record.facts:
            if isinstance(fact, AlertChanged):
                alert = _decode(fact.alert)
                found[alert.key] = alert
    return found.values()


def line(figures: Figures, alert: Alert) -> Line:
    """The alert in the words of people."""
    rule = RULE_BOOK.get(alert.rule)
    known = figures.institutions(View(0)).get(alert.subject)
    return Line(
        alert, money.colour(cast(Literal["P1", "P2", "P3", "P4"], alert.severity)),
        rule.title if rule else alert.rule, known.name if known else alert.subject, period_text(alert.period),
        alert.state.label, alert.headline, alert.evidence.notes, f"{moment_at(alert.updated_at):%Y-%m-%d %H:%M}",
        "/alerts/" + quote("/".join(alert.key)),
    )  # fmt: skip


def period_text(period: str) -> str:
    """A period as people write it: 2024年3季度, 2023年, 2024-05-31 普惠余额, 2024-05-31 10时."""
    if found := re.fullmatch(r"(\d{4})Q([1-4])", period):
        return f"{found[1]}年{found[2]}季度"
    if re.fullmatch(r"\d{4}", period):
        return f"{period}年"
    if found := re.fullmatch(r"(\d{4}-\d{2}-\d{2})T(\d{2})", period):
        return f"{found[1]} {found[2]}时"
    day, *rest = period.split("/")
    if len(rest) == 2:
        key, measure = rest
        return f"{day} {(_COUNTED if measure == 'customers' else _KEYS).get(key, key)}"
    return period


def quarter_text(quarter: Quarter) -> str:
    """2024年3季度."""
    return period_text(str(quarter))
