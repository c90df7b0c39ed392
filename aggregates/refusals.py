"""Refused events are known again (V01, V02) out of the store: in memory is a filter of fixed size, however many there are."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from aggregates.store.base import Store

Contents = dict[int, tuple[int, ...]]
"""By an event's hash the checksums of all contents that were refused under it."""

BITS: Final = 1 << 23
"""A mebibyte: with 100,000 refused events the store is asked in vain about one of 2,000 others, with a million about
one of 20."""
READ: Final = 100_000
"""So many refused events are read into the filter; a store that has more is asked about every event."""


class Refusals:
    """The refused events of all books of a store, asked for by one worker.

    The filter (Bloom's, of two places for each event) is never wrong where it says that an event was not refused.
    """

    def __init__(self, store: Store, bits: int = BITS, read: int = READ) -> None:
        """`bits` is a power of two, at least 8."""
        self._store = store
        self._most = read
        self._mask = bits - 1
        self._filter = np.zeros(bits // 8, np.uint8)

    def read(self) -> None:
        """Learn what the store has, also from other workers."""
        events = self._store.refused_events(self._most + 1)
        if len(events) > self._most:
            self._filter[:] = 0xFF
        else:
            for event in events:
                self.note(event)

    def note(self, event: int) -> None:
        """An event is refused; the store has it by the end of the transaction."""
        for place in (event & self._mask, event >> 32 & self._mask):
            self._filter[place >> 3] |= 1 << (place & 7)

    def among(self, book: str, events: Sequence[int]) -> Contents:
        """Those of these events that were refused in a book, and some that the store was asked about in vain."""
        hashes = np.fromiter(events, np.int64, len(events))
        asked: list[int] = hashes[self._noted(hashes) & self._noted(hashes >> 32) == 1].tolist()
        if not asked:
            return {}
        found: Contents = dict.fromkeys(asked, ())
        for event, content in self._store.refused_among(book, asked):
            found[event] = (*found[event], content)
        return found

    def _noted(self, hashes: NDArray[np.int64]) -> NDArray[np.int64]:
        places = hashes & self._mask
        noted: NDArray[np.int64] = self._filter[places >> 3] >> (places & 7) & 1
        return noted
