"""One file of a store of many: whoever has taken it over writes it, and nobody else of those that once had it."""

import sqlite3
from collections.abc import Collection, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from eventsourcing.sqlite import SQLiteCursor

from aggregates.store.database import TAKEN_OVER
from aggregates.store.failures import StoreFailed
from aggregates.store.sqlite import SqliteStore
from aggregates.store.transaction import Superseded
from aggregates.store.turn import is_busy

_MOMENT: Final = 0.1
"""Seconds that taking a file over waits for a write: the loop stands meanwhile."""


class File(SqliteStore):
    """A file of SQLite in which sessions are kept, beside what every store has: those that may write it."""

    def __init__(
        self, path: Path, *, read_only: bool = False, key: bytes = b"", durable: bool = True
    ) -> None:
        super().__init__(path, read_only=read_only, key=key, durable=durable)
        self._session = 0
        if not read_only:
            self._run(None, "CREATE TABLE IF NOT EXISTS session(number INTEGER PRIMARY KEY)", [()])

    def sessions(self) -> set[int]:
        """The sessions that may write it."""
        return {int(number) for (number,) in self.rows("SELECT number FROM session")}

    def seize(self, session: int, ended: Collection[int]) -> bool:
        """Let a session write it from now on, and end others; False where somebody is in the middle of a write."""
        try:
            with closing(sqlite3.connect(self.path, timeout=_MOMENT, isolation_level=None)) as own:
                own.execute("BEGIN IMMEDIATE")
                own.executemany("DELETE FROM session WHERE number = ?", [(number,) for number in ended])
                own.execute("INSERT INTO session VALUES(?)", (session,))
                own.execute("COMMIT")
        except sqlite3.OperationalError as error:
            if is_busy(error):
                return False
            raise StoreFailed(f"the store {self.path} cannot be written: {error}") from error
        self._session = session
        return True

    def release(self) -> None:
        """Write it under no session any more."""
        self._session = 0

    def waiting_among(self, topic: str, ids: Sequence[str]) -> list[str]:
        """Those of these messages that are here."""
        found: list[str] = []
        for start in range(0, len(ids), 500):
            part = ids[start : start + 500]
            statement = f"SELECT id FROM outbox WHERE topic = ? AND id IN ({','.join('?' * len(part))})"
            found += [str(name) for (name,) in self.rows(statement, (topic, *part))]
        return found

    def _check_session(self, cursor: SQLiteCursor) -> None:
        if not self._session:
            return
        cursor.execute("SELECT 1 FROM session WHERE number = ?", (self._session,))
        if cursor.fetchone() is None:
            raise Superseded(TAKEN_OVER)
