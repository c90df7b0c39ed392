"""Chunking: a fetch is cut into chunks, each of which becomes one transaction, as large as takes a while at most.

So whatever an event costs, the worker gets on: one whose events take a tenth of a second each (a loan with thousands of
entries, for which hundreds of events wait) would stand still over a thousand of them, be ended, and begin with them again.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from puhui.policy.periods import DAY, HOUR
from streams.arrival import Record

CHUNK: Final = 1000
"""Records of a chunk at the most."""
FIRST: Final = 100
"""Records of a worker's first chunk at the most: it does not know yet what they cost."""
WHILE: Final = 1.0
"""Seconds that a chunk should take at the most."""
_BEIJING: Final = 8 * HOUR


class Cutter:
    """Cuts fetches, and learns from each chunk how large the next one may be."""

    def __init__(self, *, by_record_clock: bool) -> None:
        self.most = FIRST
        self._clocked = by_record_clock

    def learn(self, records: int, seconds: float) -> None:
        """So many records took so long."""
        if seconds > WHILE:
            self.most = max(1, int(records * WHILE / seconds))
        elif records == self.most and seconds < WHILE / 4:
            self.most = min(CHUNK, 2 * self.most)

    def chunks(self, records: Sequence[Record]) -> Iterator[Sequence[Record]]:
        """As many as the last ones allow, at most 1,000, and where records carry the clock, of one day only."""
        start = 0
        while start < len(records):
            end = min(start + self.most, len(records))
            if self._clocked:
                today = _day(records[start])
                end = next((n for n in range(start, end) if _day(records[n]) != today), end)
            yield records[start:end]
            start = end


def _day(record: Record) -> int:
    """The business calendar's day (+08:00) of a record."""
    return (record.timestamp * 1000 + _BEIJING) // DAY
