"""A fresh store, made from the log of another one: commit records, ledger, register, and what they make beside."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Final

import msgspec

from aggregates.customer import Customer
from aggregates.facts import encode
from aggregates.loan import Loan
from aggregates.replay import Replay
from aggregates.segments import attributes, encode_segment
from aggregates.store import Store, Transaction
from aggregates.store.chain import HEADS
from aggregates.store.placing import LAST
from aggregates.store.transaction import AlertRow, Commit, Flush, Position
from puhui.contract.catalogue import INTEGRITY

Packed = Callable[[str, Mapping[str, Loan | Customer]], list[tuple[str, bytes]]]
"""The rows of one of the register's tables, packed and sorted by their names."""
_COMMITS: Final = 200
"""Commit records in one transaction."""
_ALL: Final = 1 << 60


def _packed(_table: str, rows: Mapping[str, Loan | Customer]) -> list[tuple[str, bytes]]:
    return sorted((name, encode(row)) for name, row in rows.items())


class FreshBook:
    """Writes one book into a fresh store, commit by commit; `lock` is held while something is written."""

    def __init__(self, store: Store, book: str, lock: AbstractContextManager[object] | None = None) -> None:
        self._store = store
        self._lock = lock or nullcontext()
        self._waiting = Transaction(born=[book])

    def commit(self, commit: Commit) -> None:
        """Write one commit record and its movements, some at a time."""
        self._waiting.commits.append(commit)
        if len(self._waiting.commits) == _COMMITS:
            self._write()

    def end(self, replay: Replay, old: Store, packed: Packed = _packed) -> None:
        """Write the rest: the register, and the tables beside it."""
        t, opened = self._waiting, {(r.period, r.opened_version): r for r in old.restatements(replay.book)}
        t.segments = [
            (i, encode_segment(found)) for i in replay.segments if (found := attributes(i)) is not None
        ]
        t.reported = list(replay.reported.values())
        t.restatements = [opened.get(key, row) for key, row in replay.restated.items()]
        t.alerts = [_alert_row(*key, fact.state, fact.alert.encode()) for key, fact in replay.alerts.items()]
        loans, customers = (
            [(replay.book, *row) for row in packed(table, rows)] for table, rows in replay.tables().items()
        )
        if loans or customers:
            t.flush = Flush(replay.book, 0, replay.version, loans, customers)
        self._write()

    def _write(self) -> None:
        with self._lock:
            self._store.write(self._waiting)
        self._waiting = Transaction()


def _alert_row(rule: str, subject: str, period: str, state: str, body: bytes) -> AlertRow:
    return AlertRow(rule, subject, period, state, msgspec.json.decode(body)["updated_at"], body)


class Beside:
    """What no log holds: positions, what waits, what was refused or has not left, counts and marks.

    The heads of the chains were published of the old store: those of the fresh one all leave anew.
    Read before the books: an event that is taken in meanwhile is read again by whoever takes the fresh store over,
    and known again by its id.
    """

    def __init__(self, store: Store) -> None:
        self.positions = store.positions()
        self.lasts = {key: store.last(key) for key in self.positions}
        self.transaction = Transaction(
            parked=store.parked(),
            refused=store.refused(limit=_ALL),
            outbox=[message for message in store.outbox(limit=_ALL) if message.topic != INTEGRITY],
            counts={
                (book, result, rule, hour): events for book, result, rule, hour, events in store.counted()
            },
            marks={
                name: value for name, value in store.marks().items() if not name.startswith((HEADS, *LAST))
            },
        )
        self.meta = store.remarks()

    def write(self, fresh: Store) -> None:
        """Write it into a fresh store, the positions last: without them a worker begins at the beginning."""
        fresh.write(self.transaction)
        for name, value in self.meta.items():
            fresh.claim(name, value)
        for key, following in self.positions.items():
            fresh.write(Transaction(position=Position(key, 0, following, self.lasts[key])))
