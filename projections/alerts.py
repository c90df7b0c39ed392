"""Alerts 预警: one a (rule, subject, period), event-sourced: provisional → confirmed | withdrawn → closed.

A reading is what a rule says of one subject and period at one instant; the table says what becomes of the alert.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from aggregates.closing import closing_of
from aggregates.facts import AlertChanged, Record, encode_record
from aggregates.hashing import text_hash
from aggregates.messages import encode_json, told
from aggregates.registry import Registry
from aggregates.store import Store
from aggregates.store.transaction import AlertRow, Commit, Outgoing, Transaction
from puhui.contract.catalogue import ALERTS
from puhui.policy.periods import moment_at, parse

ALERT_BOOK: Final = "alerts"


class State(StrEnum):
    """Where an alert stands; `seasonal`, `listed` and `policy_break` are kept for the record and warn nobody.

    `closed`: it was right, and a verdict has taken its place.
    """

    PROVISIONAL = "provisional"
    CONFIRMED = "confirmed"
    WITHDRAWN = "withdrawn"
    SEASONAL = "seasonal"
    LISTED = "listed"
    POLICY_BREAK = "policy_break"
    CLOSED = "closed"

    @property
    def label(self) -> str:
        """The word for people."""
        return _TITLES[self]


_TITLES: Final = {
    State.PROVISIONAL: "暂定",
    State.CONFIRMED: "已确认",
    State.WITHDRAWN: "已撤回",
    State.SEASONAL: "季节性（记录）",
    State.LISTED: "基数较小（仅列示）",
    State.POLICY_BREAK: "口径变动（记录）",
    State.CLOSED: "已结束",
}
OPEN: Final = frozenset((State.PROVISIONAL, State.CONFIRMED))
"""States in which an alert is shown as open."""
RECORDED: Final = frozenset((State.SEASONAL, State.LISTED, State.POLICY_BREAK))
"""States that are for the record only."""
_SETTLED: Final = OPEN | {State.WITHDRAWN, State.CLOSED}
"""States that say themselves whether they may still change."""


class Reading(StrEnum):
    """What a rule says: nothing odd, a breach that may still change, one that stands, or one for the record only.

    `policy_break`: what is printed looks like a breach, but without 口径变动 nothing of it is left.
    `over`: the year's verdict is there, and takes the place of what was said on the way.
    """

    CALM = "calm"
    BREACH = "breach"
    SETTLED_BREACH = "settled_breach"
    SEASONAL = "seasonal"
    LISTED = "listed"
    POLICY_BREAK = "policy_break"
    OVER = "over"


#: Every state (None: no alert yet) meets every reading; None: no alert is made.
TRANSITIONS: Final[Mapping[tuple[State | None, Reading], State | None]] = {
    (None, Reading.CALM): None,
    (State.PROVISIONAL, Reading.CALM): State.WITHDRAWN,
    (State.CONFIRMED, Reading.CALM): State.WITHDRAWN,
    (State.WITHDRAWN, Reading.CALM): State.WITHDRAWN,
    (State.SEASONAL, Reading.CALM): State.WITHDRAWN,
    (State.LISTED, Reading.CALM): State.WITHDRAWN,
    (State.POLICY_BREAK, Reading.CALM): State.WITHDRAWN,
    (State.CLOSED, Reading.CALM): State.WITHDRAWN,
    **{(before, Reading.BREACH): State.PROVISIONAL for before in (None, *State)},
    **{(before, Reading.SETTLED_BREACH): State.CONFIRMED for before in (None, *State)},
    **{(before, Reading.SEASONAL): State.SEASONAL for before in (None, *State)},
    **{(before, Reading.LISTED): State.LISTED for before in (None, *State)},
    **{(before, Reading.POLICY_BREAK): State.POLICY_BREAK for before in (None, *State)},
    **{(before, Reading.OVER): before for before in (None, *State)},
    **{(before, Reading.OVER): State.CLOSED for before in OPEN},
}


class Evidence(Struct, frozen=True, kw_only=True):
    """What an alert rests on, and what a person must see to judge it; values are exact texts."""

    indicator: str
    unit: str
    value: str | int | None
    base: str | int | None = None
    threshold: str = ""
    clause: str = ""
    sentence: str = ""
    as_of: str = ""
    known_at: str = ""
    versions: dict[str, int] = {}
    notes: tuple[str, ...] = ()
    parts: dict[str, str | int | None] = {}
    facts: tuple[dict[str, Any], ...] | None = ()
    """The single facts; None where loans are not sent singly 未提供."""


class Finding(Struct, frozen=True, kw_only=True):
    """What one rule says of one subject and period."""

    rule: str
    version: int
    subject: str
    period: str
    reading: Reading
    severity: str
    headline: str
    evidence: Evidence


class Alert(Struct, frozen=True, kw_only=True):
    """The current state of one alert, with the instants (µs) of its making and of its last change.

    `opened_at` is when it was last opened, None before that; `closed_at` when it was last closed, None while it is open.
    `changes` is how often it has changed, its making included.
    """

    rule: str
    version: int
    subject: str
    period: str
    state: State
    severity: str
    headline: str
    evidence: Evidence
    raised_at: int
    updated_at: int
    opened_at: int | None = None
    closed_at: int | None = None
    changes: int = 0

    @property
    def key(self) -> tuple[str, str, str]:
        """The identity: rule, subject and period; the rule's version is part of the evidence."""
        return (self.rule, self.subject, self.period)

    @property
    def is_open(self) -> bool:
        """Is it shown among the open ones?"""
        return self.state in OPEN

    def label_at(self, instant: int, registry: Registry) -> str:
        """The state for people; what is only recorded of a quarter is 暂定 until the quarter is closed."""
        settled = (
            self.state in _SETTLED
            or "Q" not in self.period
            or closing_of(registry, parse(self.period), self.subject, instant) <= instant
        )
        return self.state.label if settled else f"{self.state.label}·{State.PROVISIONAL.label}"


def after(before: Alert | None, finding: Finding, instant: int) -> Alert | None:
    """The alert after a reading; None where there is none, the same object where nothing has changed.

    A reading of an instant before the alert's last change says nothing new.
    """
    if before is not None and instant < before.updated_at:
        return before
    state = TRANSITIONS[(before.state if before else None, finding.reading)]
    if state is None:
        return None
    if before is not None and finding.reading is Reading.OVER:
        return before if state is before.state else _closed(before, instant)
    headline = before.headline if before is not None and finding.reading is Reading.CALM else finding.headline
    said = Alert(
        rule=finding.rule, version=finding.version, subject=finding.subject, period=finding.period, state=state,
        severity=finding.severity, headline=headline, evidence=finding.evidence,
        raised_at=before.raised_at if before else instant, updated_at=instant,
        opened_at=_opened_at(before, state, instant), closed_at=_closed_at(before, state, instant),
        changes=before.changes + 1 if before else 1,
    )  # fmt: skip
    return before if before is not None and _told(before) == _told(said) else said


def _told(alert: Alert) -> tuple[object, ...]:
    """What a reader is told; versions, instants and parts go on with every event, and are no news by themselves."""
    kept = alert.evidence
    return (alert.state, alert.severity, alert.headline, kept.value, kept.base, kept.threshold, kept.notes)


def _closed(before: Alert, instant: int) -> Alert:
    """The alert as it stood, closed."""
    return replace(
        before, state=State.CLOSED, updated_at=instant, closed_at=instant, changes=before.changes + 1
    )


def _opened_at(before: Alert | None, state: State, instant: int) -> int | None:
    if state in OPEN and not (before and before.is_open):
        return instant
    return before.opened_at if before else None


def _closed_at(before: Alert | None, state: State, instant: int) -> int | None:
    if state in OPEN or before is None:
        return None
    return instant if before.is_open else before.closed_at


_decode_alert = msgspec.json.Decoder(Alert).decode


def read_alerts(store: Store) -> dict[tuple[str, str, str], Alert]:
    """Every alert as it stands in the store."""
    return {alert.key: alert for row in store.alerts() for alert in (_decode_alert(row.body),)}


def message(alert: Alert) -> Outgoing:
    """The CloudEvent on the topic `alerts`, byte-identical on every attempt.

    One id a change of an alert: what comes back to a former value is told again.
    """
    value = "" if alert.evidence.value is None else str(alert.evidence.value)
    identity = f"{alert.rule}:{alert.subject}:{alert.period}:{alert.changes}:{alert.state}:{value}"
    action = "raised" if alert.state is State.PROVISIONAL else str(alert.state)
    return told(
        ALERTS, f"cn.puhui.alert.{action}.v1", identity, alert.subject, time=moment_at(alert.updated_at).isoformat(),
        subject=f"{alert.rule}/{alert.subject}/{alert.period}", data=alert,
    )  # fmt: skip


def changes(store: Store, transaction: Transaction, changed: list[Alert], instant: int) -> None:
    """Put changed alerts into a transaction: their facts, their rows and their messages."""
    if not changed:
        return
    found = store.book(ALERT_BOOK)
    _, last, recorded_at = found or (0, 0, 0)
    recorded_at = max(recorded_at + 1, instant)
    facts = [
        AlertChanged(
            text_hash(f"{alert.rule}:{alert.subject}:{alert.period}:{last + 1}"), 0, 0, alert.rule, alert.subject,
            alert.period, str(alert.state), encode_json(alert).decode(),
        )
        for alert in changed
    ]  # fmt: skip
    state = encode_record(Record(recorded_at, list(facts)))
    transaction.commits.append(Commit(ALERT_BOOK, last + 1, recorded_at, state, b"", 0))
    if found is None:
        transaction.born.append(ALERT_BOOK)
    transaction.alerts += [
        AlertRow(a.rule, a.subject, a.period, str(a.state), a.updated_at, encode_json(a)) for a in changed
    ]
    transaction.outbox += [message(alert) for alert in changed]
