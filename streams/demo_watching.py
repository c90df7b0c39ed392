"""What the demo sees of its worker: the store, read only, and a line that says how far everything is."""

import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, TextIO

from aggregates.registry import Registry, read_registry
from aggregates.store import Store, StoreFailed, open_store
from projections.alerts import Alert, read_alerts
from projections.judging import JUDGED

_BAR: Final = 28
_REDRAW: Final = 0.1
_STEP: Final = 0.1
"""Where nobody looks on at a terminal, one line each tenth of the way."""


class Watched:
    """The store of the worker, opened as soon as it is there."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._store: Store | None = None
        self.first_seen: float | None = None
        """When the first event was seen to be taken in (monotonic seconds)."""

    def _opened(self) -> Store | None:
        if self._store is None:
            with suppress(StoreFailed):
                self._store = open_store(self.url, read_only=True)
        return self._store

    def taken_in(self) -> int:
        """How many records are taken in."""
        store = self._opened()
        count = sum(store.positions().values()) if store else 0
        if count and self.first_seen is None:
            self.first_seen = time.monotonic()
        return count

    def judged(self) -> int:
        """Up to which instant (µs) all is judged; 0 before the first day."""
        store = self._opened()
        return (store.mark(JUDGED) or 0) if store else 0

    def alerts(self) -> dict[tuple[str, str, str], Alert]:
        """Every alert as it stands."""
        store = self._opened()
        return read_alerts(store) if store else {}

    def registry(self) -> Registry:
        """What the offices published."""
        store = self._opened()
        return read_registry(store) if store else Registry()

    def close(self) -> None:
        """Close the store."""
        if self._store is not None:
            self._store.close()


class ProgressLine:
    """One line on a terminal that is written again and again; elsewhere a line now and then."""

    def __init__(self, out: TextIO = sys.stderr) -> None:
        self._out, self._live = out, out.isatty()
        self._drawn_at = float("-inf")
        self._told = -1.0

    def show(self, share: float, text: Callable[[], str]) -> None:
        """How much is done, and what; the text is only asked for when it is written."""
        now = time.monotonic()
        if self._live and now - self._drawn_at >= _REDRAW:
            self._drawn_at = now
            full = round(share * _BAR)
            self._out.write(f"\r\x1b[K▕{'█' * full}{'░' * (_BAR - full)}▏{share:4.0%} {text()}")
            self._out.flush()
        elif not self._live and (share >= self._told + _STEP or (share >= 1 > self._told)):
            self._told = share
            self.say(f"{share:4.0%} {text()}")

    def say(self, text: str) -> None:
        """One whole line."""
        self._out.write(f"\r\x1b[K{text}\n" if self._live else f"{text}\n")
        self._out.flush()

    def again(self) -> None:
        """Begin another way."""
        self._told = -1.0

    def end(self) -> None:
        """Leave the line."""
        if self._live:
            self._out.write("\r\x1b[K")
            self._out.flush()
