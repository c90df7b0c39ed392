"""Write one transaction beside eventsourcing's commit records and tracking: the same for every database."""

import os
import signal
from collections.abc import Callable, Sequence
from struct import Struct as Packed
from typing import Final

from aggregates.store.chain import LINK_BYTES
from aggregates.store.placing import last_marks
from aggregates.store.sql import Sql
from aggregates.store.transaction import Flush, ParkedRow, ReportedRow, Superseded, Transaction

COMMIT_HEADER: Final = Packed(f"<qqq{LINK_BYTES}s")
"""Version, recorded_at, number of movements and link (`aggregates.store.chain`) of one commit in a ledger block."""
MOVE: Final = Packed("<qqHBqb")
"""One movement in a ledger block: segment, customer, day, kind, amount in fen, loans."""
MOVE_BYTES: Final = MOVE.size

_KILL: Final = os.environ.get("PUHUI_TEST_KILL_IN_FLUSH", "0:").split(":")
"""`<n>:<place>` kills the process in its n-th write-behind, or in the next that comes by that place: only the tests
of recovery set it."""
_flushes = 0


def _die_here(place: str) -> None:
    if place == _KILL[1] and _flushes >= int(_KILL[0]):
        os.kill(os.getpid(), signal.SIGKILL)


def write(sql: Sql, t: Transaction, links: Sequence[bytes]) -> None:
    """Write all that belongs to a transaction, except commit records, tracking and the register; one link a commit."""
    if t.born:
        columns = ("book", "version", "last", "recorded_at")
        sql.insert("watermark", columns, [(book, 0, 0, 0) for book in t.born], "(book) DO NOTHING")
    if t.commits:
        if sql.advance([(c.book, c.version, c.recorded_at) for c in t.commits]) != len(t.commits):
            books = ", ".join(f"{c.book} at {c.version - 1}" for c in t.commits)
            raise Superseded(
                f"one of these books is not where it should be, another worker wrote it: {books}"
            )
        rows = [
            (c.book, c.version, COMMIT_HEADER.pack(c.version, c.recorded_at, c.count, link), c.moves)
            for c, link in zip(t.commits, links, strict=True)
        ]
        sql.upsert("ledger", ("book", "version", "commits", "moves"), 2, rows)
    if t.segments:
        sql.insert("segment", ("id", "attributes"), t.segments, "(id) DO NOTHING")
    _write_queues(sql, t)
    _write_models(sql, t)


def write_rows(sql: Sql, flush: Flush, merge: Callable[[Flush], None]) -> None:
    """Write the register's rows of one book, and the watermark that they reach."""
    global _flushes
    _flushes += 1
    loans = flush.loans
    half = len(loans) // 2
    if half:
        sql.upsert("loan", ("book", "loan_no", "state"), 2, loans[:half])
        _die_here("rows")
    sql.upsert("loan", ("book", "loan_no", "state"), 2, loans[half:])
    sql.upsert("customer", ("book", "ref", "state"), 2, flush.customers)
    _die_here("mark")
    merge(flush)
    changed = sql.execute(
        "UPDATE watermark SET version = ? WHERE book = ? AND version = ?",
        (flush.version, flush.book, flush.expected),
    )
    if changed != 1:
        raise Superseded(f"the watermark of {flush.book} is not {flush.expected}: another worker wrote it")
    _die_here("precommit")


def after_commit(flush: Flush | None) -> None:
    """What happens after COMMIT: nothing, but for a test that kills here."""
    if flush is not None:
        _die_here("postcommit")


def _write_queues(sql: Sql, t: Transaction) -> None:
    if t.unparked:
        sql.many("DELETE FROM parked WHERE book = ? AND event = ?", t.unparked)
    if t.parked:
        _write_parked(sql, t.parked)
    if t.refused:
        sql.insert(
            "refused",
            ("book", "event", "content", "rule", "field", "at", "place", "said"),
            [(r.book, r.event, r.content, r.rule, r.field, r.at, r.place, r.said) for r in t.refused],
            "(book, event, content) DO NOTHING",
        )
    if t.outbox:
        sql.queue([(o.topic, o.id, o.key, o.value, o.headers, o.partition) for o in t.outbox])


def _write_parked(sql: Sql, rows: Sequence[ParkedRow]) -> None:
    columns = (
        "book", "event", "content", "rule", "wait", "since", "until", "topic", "place", "value", "headers", "vals",
    )  # fmt: skip
    values = [
        (
            p.book, p.event, p.content, p.rule, p.wait, p.since, p.until, p.topic, p.place, p.value, p.headers,
            p.values,
        )
        for p in rows
    ]  # fmt: skip
    sql.upsert("parked", columns, 2, values)


def _write_models(sql: Sql, t: Transaction) -> None:
    if t.reported:
        _write_reported(sql, t.reported)
    if t.restatements:
        sql.upsert(
            "restatement",
            ("book", "period", "opened_version", "opened_at", "approved_at"),
            3,
            [(r.book, r.period, r.opened_version, r.opened_at, r.approved_at) for r in t.restatements],
        )
    if t.alerts:
        sql.upsert(
            "alert",
            ("rule", "subject", "period", "state", "updated_at", "body"),
            3,
            [(a.rule, a.subject, a.period, a.state, a.updated_at, a.body) for a in t.alerts],
        )
    if t.counts:
        sql.insert(
            "counted",
            ("book", "result", "rule", "hour", "events"),
            [(*key, events) for key, events in t.counts.items()],
            "(book, result, rule, hour) DO UPDATE SET events = counted.events + excluded.events",
        )
    if marks := t.marks | last_marks(t.position):
        sql.upsert("mark", ("name", "value"), 1, list(marks.items()))


def _write_reported(sql: Sql, rows: Sequence[ReportedRow]) -> None:
    columns = (
        "book", "event", "key", "measure", "as_of", "kind", "version", "recorded_at", "amount", "quantum", "suspect",
        "fact", "nth",
    )  # fmt: skip
    values = [
        (
            r.book, r.event, r.key, r.measure, r.as_of, r.kind, r.version, r.recorded_at, r.amount, r.quantum,
            int(r.suspect), r.fact, r.nth,
        )
        for r in rows
    ]  # fmt: skip
    sql.upsert("reported", columns, 2, values)
