"""The columns of one book's ledger, in the order of its versions: what was known at a version is a prefix."""

from array import array
from bisect import bisect_right
from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from projections.numbering import Numbering
from projections.spilling import put_away, spilled
from projections.sums import Ints
from puhui.policy.periods import DAY, HOUR

_LONGER: Final = 4
LONG: Final = 1 << 17
"""Rows from which on a chunk is joined with no other one: 3.7 MB."""
SPILLED: Final = 1 << 11
"""Rows from which on a chunk leaves memory for a file: below it are 70 kB of each book."""
_BEIJING: Final = 8 * HOUR
"""By how much the business calendar is ahead of UTC."""


class Chunk(NamedTuple):
    """Some rows of one book, in the order of versions."""

    segment: NDArray[np.int32]
    customer: NDArray[np.int32]
    day: NDArray[np.uint16]
    kind: NDArray[np.uint8]
    amount: Ints
    loans: NDArray[np.int8]
    version: Ints

    def upto(self, version: int) -> slice:
        """The rows known at a version."""
        return slice(0, int(np.searchsorted(self.version, version, side="right")))


class BookColumns:
    """The columns of one book, and when each of its versions was recorded."""

    def __init__(self) -> None:
        self.chunks: list[Chunk] = []
        self._ends: list[int] = []
        """The last version of each chunk."""
        self.versions = array("q")
        self.recorded = array("q")
        self.customers = Numbering()
        self.latest = (0, -1)
        """The last version that was looked through for the latest business date, and that date's number."""

    @property
    def last(self) -> int:
        """The last version read."""
        return self.versions[-1] if self.versions else 0

    def version_at(self, instant: int | None) -> int:
        """The version known at an instant (µs); the last one for None."""
        if instant is None:
            return self.last
        at = bisect_right(self.recorded, instant)
        return self.versions[at - 1] if at else 0

    def recorded_at(self, version: int) -> int | None:
        """When a version was recorded (µs); None where there is no such version."""
        at = bisect_right(self.versions, version)
        return self.recorded[at - 1] if at else None

    def days_of_record(self) -> Ints:
        """For each version read, the business calendar's day (+08:00) on which it was recorded."""
        return (np.asarray(self.recorded, dtype=np.int64) + _BEIJING) // DAY

    def recorded_days(self, versions: Ints) -> Ints:
        """The days on which these versions were recorded."""
        return self.days_of_record()[np.searchsorted(np.asarray(self.versions), versions)]

    def add(self, chunk: Chunk) -> None:
        """Append rows; chunks are joined until each is long, or much longer than the next: few stay, a row is seldom copied."""
        chunks = self.chunks
        chunks.append(chunk)
        while len(chunks) > 1 and len(chunks[-2].day) < min(LONG, _LONGER * len(chunks[-1].day)):
            last = [chunks.pop(-2), chunks.pop()]
            chunks.append(Chunk(*(np.concatenate(columns) for columns in zip(*last, strict=True))))
        self._ends[len(chunks) - 1 :] = [int(chunks[-1].version[-1])]
        if len(chunks[-1].day) >= SPILLED:
            chunks[-1] = Chunk(*spilled(chunks[-1]))

    def read(self) -> Iterator[Chunk]:
        """The chunks one after the other; what lies in a file is in memory only until the next one is asked for."""
        for chunk in self.chunks:
            yield chunk
            put_away(chunk)

    def between(self, after: int, until: int) -> Iterator[tuple[Chunk, slice]]:
        """The chunks with rows of versions (after, until], and which rows these are; the others are not even looked at."""
        first = bisect_right(self._ends, after)
        for chunk in self.chunks[first:]:
            part = slice(chunk.upto(after).stop, chunk.upto(until).stop)
            if part.start >= part.stop:
                break
            yield chunk, part
            put_away(chunk)
