"""What has tables of its own beside register and ledger: segments, reported positions, restatements, alerts."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from aggregates.codes import date_of
from aggregates.replay import Replay
from aggregates.segments import attributes, encode_segment
from aggregates.store import Store
from projections.rebuilding.findings import Findings


class Segments:
    """The segments that a store holds, read for many books at once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._stored: dict[int, bytes] = {}

    def among(self, wanted: AbstractSet[int]) -> Mapping[int, bytes]:
        """All that are stored; read again where one is not among them, for a worker may have written it since."""
        if not wanted <= self._stored.keys():
            self._stored = dict(self._store.segments())
        return self._stored


def compare_models(store: Store, stored: Segments, replay: Replay, last: int, findings: Findings) -> None:
    """Compare what has tables of its own: segments, reported positions, restatements, alerts."""
    segments = stored.among(replay.segments)
    for identity in replay.segments:
        known = attributes(identity)
        if known is None or segments.get(identity) != encode_segment(known):
            findings.add(f"segment {identity:016x}", "its attributes are not stored as they are")
    reported = {row.event: row for row in store.reported(replay.book) if row.version <= last}
    for event in reported.keys() | replay.reported.keys():
        one, other = reported.get(event), replay.reported.get(event)
        named = one or other
        assert named is not None
        subject = f"position {named.key} {named.measure} of {date_of(named.as_of)}"
        findings.unlike(subject, f"report {event:016x}", one, other)
    restated = {
        (r.period, r.opened_version) for r in store.restatements(replay.book) if r.opened_version <= last
    }
    for period, version in sorted(restated ^ replay.restated.keys()):
        there = "is stored, but was never opened" if (period, version) in restated else "is not stored"
        findings.add(f"restatement of {period} opened at version {version}", there)
    if replay.alerts:
        _compare_alerts(store, replay, last, findings)


def _compare_alerts(store: Store, replay: Replay, last: int, findings: Findings) -> None:
    stored = {(row.rule, row.subject, row.period): row for row in store.alerts()}
    if store.book(replay.book) != (0, last, replay.recorded_at):
        return  # a worker has gone on: what stands there now is newer than the replay
    for key, fact in replay.alerts.items():
        row = stored.get(key)
        told = None if row is None else bytes(row.body).decode()
        findings.unlike(f"alert {'/'.join(key)}", "alert", told, fact.alert)
