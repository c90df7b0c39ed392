"""Frozen writers on PostgreSQL: a transaction whose client has fallen silent is ended, for its locks hold up everybody.

The server's own timeout for idle transactions does not see them: in pipeline mode a server that waits for its client
counts as busy.
"""

import threading
import time
from contextlib import suppress
from typing import Any, Final

import psycopg

SILENT: Final = 5.0
"""Seconds without a word in the middle of a writing transaction."""
LOOK_EVERY: Final = 1.0
_WAITING: Final = (
    "SELECT pid, xact_start, query_start FROM pg_stat_activity WHERE datname = current_database() "
    "AND usename = current_user AND backend_xid IS NOT NULL AND wait_event = 'ClientRead'"
)

Silence = tuple[Any, ...]
"""A connection in one place of one transaction."""


class Guard(threading.Thread):
    """Looks after the writers of one database, in a thread of its own: the worker's may wait for a frozen one itself."""

    def __init__(self, url: str) -> None:
        super().__init__(name="frozen writers", daemon=True)
        self._url = url
        self._seen: dict[Silence, float] = {}
        self._stop_asked = threading.Event()

    def stop(self) -> None:
        """End soon."""
        self._stop_asked.set()

    def run(self) -> None:
        """Look again and again; while the database is away there is nothing to look after."""
        while not self._stop_asked.wait(LOOK_EVERY):
            with suppress(psycopg.Error), psycopg.connect(self._url, autocommit=True) as connection:
                while not self._stop_asked.wait(LOOK_EVERY):
                    self._look(connection)

    def _look(self, connection: "psycopg.Connection[Any]") -> None:
        now = time.monotonic()
        found = connection.execute(_WAITING).fetchall()
        self._seen = {silence: self._seen.get(silence, now) for silence in found}
        for silence, since in self._seen.items():
            if now - since >= SILENT:
                connection.execute("SELECT pg_terminate_backend(%s)", silence[:1])
