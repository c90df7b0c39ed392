"""How long workers wait for locks of each other in PostgreSQL."""

import threading
from contextlib import closing
from typing import Final, Self

import psycopg

_EVERY: Final = 0.04
_QUESTION: Final = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
    "AND wait_event_type = 'Lock'"
)


class LockWaits(threading.Thread):
    """Counts, 25 times a second, the sessions of one database that wait for a lock."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self._url, self._ended = url, threading.Event()
        self._looks = self._waiting = 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self.join()

    @property
    def looks(self) -> int:
        """How often it has looked."""
        return self._looks

    def share(self, workers: int) -> float:
        """The percentage of the workers' time that was such a wait."""
        return 100 * self._waiting / (self._looks * workers) if self._looks else 0.0

    def run(self) -> None:
        with closing(psycopg.connect(self._url, autocommit=True)) as connection:
            while not self._ended.wait(_EVERY):
                found = connection.execute(_QUESTION).fetchone()
                self._waiting += found[0] if found else 0
                self._looks += 1
