"""Chunking: a fetch is cut into chunks, each of which becomes one transaction."""

from collections.abc import Iterator, Sequence
from typing import Final

from puhui.policy.periods import DAY, HOUR
from streams.arrival import Record

CHUNK: Final = 1000
"""Records of a chunk at the most."""
_BEIJING: Final = 8 * HOUR


def chunks(records: Sequence[Record], *, by_record_clock: bool) -> Iterator[Sequence[Record]]:
    """At most 1,000 records, and where records carry the clock, of one day only."""
    if not by_record_clock:
        yield from (records[start : start + CHUNK] for start in range(0, len(records), CHUNK))
        return
    start = 0
    for end in range(1, len(records) + 1):
        full = end - start == CHUNK or end == len(records)
        if full or _day(records[end]) != _day(records[start]):
            yield records[start:end]
            start = end


def _day(record: Record) -> int:
    """The business calendar's day (+08:00) of a record."""
    return (record.timestamp * 1000 + _BEIJING) // DAY
