"""A notice 通知: an alert as Alertmanager takes it. Its labels say which alert it is, its annotations what it says now.

Alertmanager knows an alert by its labels alone: whatever may change while the alert stands is an annotation. Only the
severity is a label although it may change, because routes go by it; an alert of another severity is another notice.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Final, NamedTuple
from urllib.parse import quote

from msgspec import Struct, field

from aggregates.registry import Institution
from projections.alerts import Alert
from projections.figure import COUNTY
from projections.readings import COUNTY_NAME
from projections.telling import base_text, called, clause_text, rule_title, value_text
from projections.wording import period_text
from puhui import money
from puhui.policy.periods import moment_at

SEVERITIES: Final[Mapping[str, str]] = {"P1": "critical", "P2": "warning", "P3": "warning", "P4": "info"}
"""The severities of an alert in the words of routes; the label `colour` tells all four apart."""

Identity = tuple[str, str, str, str]
"""Rule, subject, period and severity: what the labels of one installation are made of."""


class Notice(Struct, frozen=True):
    """What `POST /api/v2/alerts` takes, a list of; moments are RFC 3339."""

    labels: dict[str, str]
    annotations: dict[str, str]
    starts_at: str = field(name="startsAt")
    ends_at: str = field(name="endsAt")
    generator_url: str = field(name="generatorURL")


class Desk(NamedTuple):
    """What the notices of one installation have in common: environment, addresses, and the institutions as known."""

    environment: str
    console_url: str
    runbook_url: str
    institutions: Callable[[], Mapping[str, Institution]]


def identity(alert: Alert) -> Identity:
    """Which notice the alert is."""
    return (*alert.key, alert.severity)


def notice(alert: Alert, desk: Desk, ends_at: int) -> Notice:
    """The notice of an alert that ends at an instant (µs): ahead while it is open, `closed_at` once it is closed."""
    return Notice(
        labels=dict(_labels(alert, desk.environment)),
        annotations={name: text for name, text in _annotations(alert, desk) if text},
        starts_at=_since(alert).isoformat(),
        ends_at=moment_at(ends_at).isoformat(),
        generator_url=f"{desk.console_url.rstrip('/')}/alerts/{quote('/'.join(alert.key))}",
    )


def runbook_entry(page: str, alertname: str) -> str:
    """Where the runbook says what to do; headings are found by their text in small letters."""
    return f"{page}#{alertname.lower()}"


def _since(alert: Alert) -> datetime:
    return moment_at(alert.raised_at if alert.opened_at is None else alert.opened_at)


def _labels(alert: Alert, environment: str) -> Iterator[tuple[str, str]]:
    yield "alertname", alert.rule
    yield "institution", alert.subject
    yield "period", alert.period
    yield "severity", SEVERITIES[alert.severity]
    yield "colour", money.colour(alert.severity)
    yield "environment", environment


def _annotations(alert: Alert, desk: Desk) -> Iterator[tuple[str, str]]:
    kept, title = alert.evidence, rule_title(alert)
    name = COUNTY_NAME if alert.subject == COUNTY else called(alert, desk.institutions())
    yield "summary", f"{name} {period_text(alert.period)} {title}"
    yield "description", alert.headline
    yield "name", name
    yield "title", title
    yield "state", alert.state.label
    yield "figure", value_text(kept)
    yield "base", base_text(kept)
    yield "threshold", kept.threshold or "—"
    yield "clause", clause_text(kept)
    yield "notes", "；".join(kept.notes)
    yield "as_of", kept.as_of
    yield "since", f"{_since(alert):%Y-%m-%d %H:%M}"
    yield "rule_version", str(alert.version)
    yield "runbook_url", runbook_entry(desk.runbook_url, alert.rule)
