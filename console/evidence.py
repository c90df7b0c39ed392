"""What one alert rests on, so that a person can judge it: figure, base, threshold, clause, view, parts, customers."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

import numpy as np

from console.alerting import Line, alerts_at, line
from console.facts import facts_table
from console.question import Question
from projections.alerts import Alert, Evidence
from projections.evidence import ABOUT_CUSTOMERS, ABOUT_RENEWALS, measured
from projections.figure import Figure
from projections.indicators import INDICATORS
from projections.official import PERIOD_FIGURES
from projections.scope import base_day
from projections.telling import base_text, value_text
from projections.views import Figures, View
from projections.wording import kept_figure, label, written
from puhui import money
from puhui.policy.clauses import Clause
from puhui.policy.periods import moment_at

CUSTOMERS: Final = 5
"""How many of the largest contributing customers are listed."""
FACTS: Final = 200
_FELL: Final = "减少最多的客户"
_TITLES: Final = dict.fromkeys(ABOUT_RENEWALS, "变动最大的客户") | dict.fromkeys(
    ABOUT_CUSTOMERS, "已无余额的客户"
)


@dataclass(frozen=True, slots=True)
class Customer:
    """One customer's part of a change: a short hash, no name and no number; balances in 万元."""

    hash: str
    before: str
    after: str
    change: str


@dataclass(frozen=True, slots=True)
class Page:
    """The page of one alert."""

    line: Line
    rows: tuple[tuple[str, str], ...]
    clause: Clause | None
    sentence: str
    responsible: tuple[str, ...]
    unverified: bool
    parts: tuple[tuple[str, str], ...]
    agrees: bool | None
    """Do today's books give the stored value under the stored view? None where that is not asked."""
    customers_title: str
    customers: tuple[Customer, ...]
    between: tuple[str, str]
    fields: tuple[str, ...]
    facts: tuple[tuple[str, ...], ...]
    more_facts: int
    query: str
    renewal: bool


def evidence(figures: Figures, key: tuple[str, str, str], question: Question) -> Page | None:
    """The page of the alert with this key, as it stood at the instant asked for; None where there is none."""
    alert = next((a for a in alerts_at(figures.store, question.known_at) if a.key == key), None)
    if alert is None:
        return None
    kept = alert.evidence
    instant = figures.latest_instant() if question.known_at is None else question.known_at
    view, day = _view(alert), date.fromisoformat(kept.as_of)
    whole = kept.indicator in PERIOD_FIGURES
    again = INDICATORS[kept.indicator].of(figures, alert.subject, view) if whole else None
    policy = figures.policy(view)
    clause = policy.clauses.get(kept.clause)
    names = [policy.unit_name(unit, day) for unit in clause.units] if clause else []
    fields, facts = facts_table(kept.facts or ())
    customers, between = _customers(figures, alert, view)
    return Page(
        line(figures, alert, instant), tuple(_rows(alert)), clause, kept.sentence or (clause.original if clause else ""),
        policy.responsible(kept.clause, day) if clause else (), any(n is None or not n.verified for n in names),
        tuple(_parts(alert, again)), None if again is None else again.exact == kept.value,
        _TITLES.get(kept.indicator, _FELL), customers, between, fields, facts[:FACTS], max(0, len(facts) - FACTS),
        Question(day, view.known_at).query(), kept.indicator in ABOUT_RENEWALS,
    )  # fmt: skip


def _view(alert: Alert) -> View:
    kept = alert.evidence
    known = datetime.fromisoformat(kept.known_at) if kept.known_at else None
    return View.of(date.fromisoformat(kept.as_of), known, kept.versions)


def _rows(alert: Alert) -> list[tuple[str, str]]:
    kept = alert.evidence
    indicator = INDICATORS.get(kept.indicator)
    number = kept.indicator
    rows = [
        ("指标", f"{number} {indicator.title}" if indicator else number),
        ("数值", value_text(kept)),
        ("基数", base_text(kept)),
        ("阈值", kept.threshold or "—"),
        ("截至日期", kept.as_of),
        ("已知至", _minute(kept.known_at) or "当时最新"),
        ("规则", f"{alert.rule}，第{alert.version}版"),
        ("首次提出", f"{moment_at(alert.raised_at):%Y-%m-%d %H:%M}"),
        ("最近变化", f"{moment_at(alert.updated_at):%Y-%m-%d %H:%M}"),
        ("数据版本", "、".join(f"{book} 第{version}版" for book, version in sorted(kept.versions.items())) or "—"),
    ]  # fmt: skip
    if kept.notes:
        rows.insert(4, ("说明", "；".join(kept.notes)))
    return rows


def _minute(text: str) -> str:
    return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M}" if text else ""


def _parts(alert: Alert, again: Figure | None) -> list[tuple[str, str]]:
    """The parts as kept with the alert; their units are those of the indicator's parts."""
    units = {name: part.unit for name, part in again.parts.items()} if again else {}
    number = alert.evidence.indicator
    return [
        (label(name), written(number, kept_figure(exact, units[name]), name))
        for name, exact in alert.evidence.parts.items()
        if name in units
    ]


def _customers(figures: Figures, alert: Alert, view: View) -> tuple[tuple[Customer, ...], tuple[str, str]]:
    """The customers with the largest part of a change: of a swing in its judged direction, of a growth those that fell most,
    of 户数 those that have no balance any more.
    """
    found, kept = measured(alert.evidence), alert.evidence
    if found is None:
        return (), ("", "")
    (population, rule), bank = found, alert.subject
    base = base_day(rule, view)
    between = (view.on(base).day.isoformat(), view.day.isoformat())
    if figures.singly(bank, population, base, view.as_of, view):
        return (), between
    version = figures.version(bank, view)
    hashes, ends = figures.ledger.customer_balances(bank, population, [base, view.as_of], version)
    steps = ends[:, 1] - ends[:, 0]
    if kept.indicator not in ABOUT_RENEWALS or _judged(kept, int(steps.sum())) < 0:
        steps = -steps
    if kept.indicator in ABOUT_CUSTOMERS:
        steps[(ends[:, 0] <= 0) | (ends[:, 1] > 0)] = 0
    order = np.argsort(-steps, kind="stable")[:CUSTOMERS]
    return tuple(
        Customer(
            f"{int(hashes[at]) & 0xFFFFFFFFFFFFFFFF:016x}"[:8],
            money.wan(int(ends[at, 0])), money.wan(int(ends[at, 1])), money.wan(int(ends[at, 1] - ends[at, 0])),
        )
        for at in order if steps[at] > 0
    ), between  # fmt: skip


def _judged(kept: Evidence, printed: int) -> int:
    """The change by which a swing is judged, in fen; the printed one where no line is known."""
    judged = kept.parts.get("judged_delta")
    return printed if judged is None else int(judged)
