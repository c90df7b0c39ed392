"""The lease 租约: what must be done in one place is done by one worker at a time, and who has lost it writes nothing.

A lease is a position in the store that only its holder moves on, and every write under it compares that position. No
two machines' clocks are compared: who wants the lease watches it, and takes it when it has stood still for a term.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from aggregates.hashing import text_hash
from aggregates.store import Store, Superseded, Transaction
from aggregates.store.transaction import Position
from streams.ending import log

TERM: Final = 6.0
"""Seconds after which a lease that was not renewed is taken over."""
RENEW: Final = 2.0
"""Seconds between two renewals."""
_NOBODY: Final = 0


class Lease:
    """One worker's part in one lease; `holder` names it, the same after a restart, so that it goes on at once."""

    def __init__(
        self, store: Store, name: str, holder: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._name = name
        self._key = f"lease:{name}"
        self._holder = text_hash(holder)
        self._clock = clock
        self._token: int | None = None
        self._renewed_at = 0.0
        self._seen: tuple[int, float] | None = None

    @property
    def held(self) -> bool:
        """Is it ours, as far as we know? Not after a term without renewal: who has no partitions does not renew it."""
        return self._token is not None and self._clock() - self._renewed_at < TERM

    def guard(self) -> Position:
        """What every write under the lease compares, so that nothing is written once it is lost; renewed where that is due.

        Superseded where it is lost already.
        """
        if self._token is None or not self.hold():
            raise Superseded(f"the lease {self._name} is another worker's")
        return Position(self._key, self._token, self._token)

    def hold(self) -> bool:
        """Renew it, or take it where nobody renews it; True where it is ours. To be called again and again."""
        now = self._clock()
        if self._token is not None:
            if now - self._renewed_at >= RENEW and not self._move(self._token, now):
                log.warning("the lease %s is another worker's now: it was not renewed in time", self._name)
            return self.held
        token = self._store.position(self._key) or 0
        if self._is_free(token, now) and self._move(token, now):
            log.info("the lease %s is taken", self._name)
        return self.held

    def _is_free(self, token: int, now: float) -> bool:
        """Has nobody it, or nobody any more? At the first look what has our own name is ours: we were started again."""
        first = self._seen is None
        if self._seen is None or self._seen[0] != token:
            self._seen = (token, now)
        holder = self._store.mark(self._key) or _NOBODY
        return holder == _NOBODY or (first and holder == self._holder) or now - self._seen[1] >= TERM

    def _move(self, token: int, now: float, holder: int | None = None) -> bool:
        """Move the position on; False, and lost, where another worker was quicker."""
        mark = self._holder if holder is None else holder
        try:
            self._store.write(
                Transaction(position=Position(self._key, token, token + 1), marks={self._key: mark})
            )
        except Superseded:
            self.lose()
            return False
        self._token, self._renewed_at = token + 1, now
        return True

    def lose(self) -> None:
        """A write under it was refused: it is another worker's, and is watched from now on like any other."""
        self._token, self._seen = None, (-1, self._clock())

    def give_up(self) -> None:
        """Let another worker take it at once."""
        if self._token is not None:
            with suppress(Superseded):
                self._move(self._token, self._clock(), _NOBODY)
            self._token = None
