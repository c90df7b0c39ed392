"""What Alertmanager must be told, and when: open alerts again and again, closed ones for five minutes. No I/O but the store.

The alerts of the store are followed by the versions of their book. Each Alertmanager has a mark of its own there: up to
it every closing was told for long enough. Nothing else has to survive a kill: what is open is told anew, and an
Alertmanager takes it for the same alert.
"""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

import msgspec

from aggregates.facts import AlertChanged, decode_record
from aggregates.store import Store
from projections.alerts import ALERT_BOOK, Alert, read_alerts
from projections.notice import SEVERITIES, Identity, identity

AGAIN: Final = 60.0
"""Seconds between two tellings of the same: an Alertmanager that was started anew knows it by then."""
CLOSINGS: Final = 300.0
"""Seconds for which a closing is told again, from the first time that it was taken."""
_decode: Final = msgspec.json.Decoder(Alert).decode


class Closing(NamedTuple):
    """A notice that has ended: the alert as it is now, when it ended (µs), and the version that says so."""

    alert: Alert
    at: int
    version: int


class Standing:
    """How the alerts of a store stand: the open ones, and those that were closed after a version of their book."""

    def __init__(self, store: Store, after: int | None = None) -> None:
        self._store = store
        self.version = self._last()
        self._alerts = {key: alert for key, alert in read_alerts(store).items() if alert.is_open}
        self.open = {identity(alert): alert for alert in self._alerts.values()}
        self.closed: dict[Identity, Closing] = {}
        for version, alert in self._changes(self.version if after is None else after):
            self._may_have_closed(version, alert)

    def follow(self) -> None:
        """Take up what has changed."""
        if self._last() != self.version:
            for version, alert in self._changes(self.version):
                self._change(version, alert)
                self.version = version

    def forget(self, version: int) -> None:
        """Drop the closings up to a version: they were told for long enough."""
        self.closed = {name: closing for name, closing in self.closed.items() if closing.version > version}

    def _last(self) -> int:
        found = self._store.book(ALERT_BOOK)
        return found[1] if found else 0

    def _changes(self, after: int) -> Iterator[tuple[int, Alert]]:
        for version, state in self._store.records(ALERT_BOOK, after):
            for fact in decode_record(state).facts:
                if isinstance(fact, AlertChanged):
                    yield version, _decode(fact.alert)

    def _may_have_closed(self, version: int, alert: Alert) -> None:
        """Of a change before this start only the outcome is known: it may have ended a notice of any severity.

        The end of a notice of which an Alertmanager has never heard tells nobody anything.
        """
        for severity in SEVERITIES if alert.opened_at is not None else ():
            ended = msgspec.structs.replace(alert, severity=severity)
            if identity(ended) not in self.open:
                self._close(version, ended)

    def _change(self, version: int, alert: Alert) -> None:
        before = self._alerts.pop(alert.key, None)
        if before is not None:
            del self.open[identity(before)]
            if not alert.is_open or alert.severity != before.severity:
                self._close(version, msgspec.structs.replace(alert, severity=before.severity))
        if alert.is_open:
            self._alerts[alert.key] = self.open[identity(alert)] = alert
            self.closed.pop(identity(alert), None)

    def _close(self, version: int, ended: Alert) -> None:
        at = ended.updated_at if ended.closed_at is None else ended.closed_at
        self.closed[identity(ended)] = Closing(ended, at, version)


class Telling(NamedTuple):
    """One thing to be told: an open alert, or a closing."""

    name: Identity
    alert: Alert
    closing: Closing | None = None


class Delivery:
    """What one Alertmanager must still be told; `mark` is the version up to which every closing was told for long enough."""

    def __init__(self, standing: Standing, mark: int, again: float = AGAIN) -> None:
        self._standing = standing
        self._again = again
        self.mark = mark
        self._told: dict[Identity, tuple[Alert, float]] = {}
        self._since: dict[tuple[Identity, int], float] = {}

    def due(self, now: float) -> Iterator[Telling]:
        """What is to be told now (seconds since 1970): what is new or has changed, and what was told a while ago."""
        for name, alert in self._standing.open.items():
            if self._is_due(name, alert, now):
                yield Telling(name, alert)
        for name, closing in self._standing.closed.items():
            if closing.version > self.mark and self._is_due(name, closing.alert, now):
                yield Telling(name, closing.alert, closing)

    def _is_due(self, name: Identity, alert: Alert, now: float) -> bool:
        told, at = self._told.get(name, (None, now))
        return told is not alert or not 0 <= now - at < self._again  # a clock set back must silence nothing

    def told(self, taken: Iterable[Telling], now: float) -> None:
        """The Alertmanager has taken these."""
        for one in taken:
            self._told[one.name] = (one.alert, now)
            if one.closing is not None:
                self._since.setdefault((one.name, one.closing.version), now)

    def advance(self, now: float) -> None:
        """Move the mark behind the closings that were told for long enough."""
        left = [(name, c) for name, c in self._standing.closed.items() if self._is_left(name, c, now)]
        self.mark = min((closing.version for _, closing in left), default=self._standing.version + 1) - 1
        keys = {(name, closing.version) for name, closing in left}
        self._since = {key: at for key, at in self._since.items() if key in keys}
        known = self._standing.open.keys() | {name for name, _ in left}
        self._told = {name: told for name, told in self._told.items() if name in known}

    def _is_left(self, name: Identity, closing: Closing, now: float) -> bool:
        since = self._since.get((name, closing.version), now)
        return closing.version > self.mark and now - since < CLOSINGS
