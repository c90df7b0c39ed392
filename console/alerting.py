"""Screen 3, 预警: the open ones by colour, and apart from them what was closed, withdrawn or only recorded."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

import msgspec

from aggregates.facts import AlertChanged, decode_record
from aggregates.store import Store
from console.question import Question
from projections.alerts import ALERT_BOOK, RECORDED, Alert, read_alerts
from projections.figure import COUNTY
from projections.telling import called, colour, rule_title
from projections.to_come import to_come
from projections.views import Figures, View
from projections.wording import period_text
from puhui.policy.periods import Quarter, moment_at

LONGEST: Final = 500
"""Alerts in one table of the page; what is behind them is counted."""
_decode: Final = msgspec.json.Decoder(Alert).decode


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
    to_come: str
    open: tuple[Line, ...]
    recorded: tuple[Line, ...]
    closed: tuple[Line, ...]
    withdrawn: tuple[Line, ...]
    counts: tuple[tuple[str, int], ...]
    """Open ones by colour, 红 first."""
    more: int


def alerts(figures: Figures, question: Question) -> Alerts:
    """The page; alerts made after the instant asked for are not on it, later changes neither."""
    found = sorted(
        alerts_at(figures.store, question.known_at), key=lambda a: (a.severity, -a.updated_at, a.key)
    )
    instant = figures.latest_instant() if question.known_at is None else question.known_at
    lines = [line(figures, alert, instant) for alert in found]
    open_ = [one for one in lines if one.alert.is_open]
    withdrawn = [one for one in lines if one.alert.state == "withdrawn"]
    closed = [one for one in lines if one.alert.state == "closed"]
    recorded = [one for one in lines if one.alert.state in RECORDED]
    counts = [(level, sum(one.colour == level for one in open_)) for level in "红橙黄蓝"]
    more = sum(max(0, len(part) - LONGEST) for part in (open_, recorded, closed, withdrawn))
    return Alerts(
        f"{moment_at(instant):%Y-%m-%d %H:%M}" if instant else "—", to_come(figures, figures.live(COUNTY, question.known_at)),
        tuple(open_[:LONGEST]), tuple(recorded[:LONGEST]),
        tuple(closed[:LONGEST]), tuple(withdrawn[:LONGEST]), tuple(counts), more,
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


def line(figures: Figures, alert: Alert, instant: int) -> Line:
    """The alert in the words of people, as it stands at an instant; its bank is called as was known then."""
    bank = called(alert, figures.institutions(View(0, instant)))
    return Line(
        alert, colour(alert), rule_title(alert), bank, period_text(alert.period),
        alert.label_at(instant, figures.registry), alert.headline, alert.evidence.notes, f"{moment_at(alert.updated_at):%Y-%m-%d %H:%M}",
        "/alerts/" + quote("/".join(alert.key)),
    )  # fmt: skip


def quarter_text(quarter: Quarter) -> str:
    """2024年3季度."""
    return period_text(str(quarter))
