"""What has tables of its own beside register and ledger: segments, reported positions, restatements, alerts."""

from aggregates.codes import date_of
from aggregates.replay import Replay
from aggregates.segments import attributes, encode_segment
from aggregates.store import Store
from projections.rebuilding.findings import Findings


def compare_models(store: Store, replay: Replay, last: int, findings: Findings) -> None:
    """Compare what has tables of its own: segments, reported positions, restatements, alerts."""
    segments = dict(store.segments())
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
