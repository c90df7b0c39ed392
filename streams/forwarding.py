"""Forwarding: a record in a wrong partition goes to the right one, with its key and headers.

Where records carry the clock it keeps its timestamp too: it is known at the instant at which it was published.
"""

from typing import Final

import msgspec

from aggregates.store.transaction import Outgoing
from streams.arrival import Arrived, Headers

_PUBLISHED: Final = "puhui-published"
"""Carries the timestamp from the store to the sender, behind all other headers; it never leaves on Kafka."""


def packed_headers(headers: Headers) -> bytes:
    """Headers as they came, for the store."""
    return msgspec.msgpack.encode(list(headers))


def forwarded(arrived: Arrived, institution: str, home: int, *, by_record_clock: bool) -> Outgoing:
    """The same record for another partition of its topic; its id is its place, so that it leaves once."""
    topic, headers = arrived.origin.partition("/")[0], list(arrived.headers)
    if by_record_clock:
        headers.append((_PUBLISHED, str(arrived.at // 1000).encode()))
    packed = packed_headers(headers)
    return Outgoing(topic, f"forward-{arrived.place}", institution, arrived.value, packed, home)


def unpacked(headers: bytes) -> tuple[list[tuple[str, bytes]], int | None]:
    """The headers with which a stored message leaves, and its timestamp (ms); None: that of its leaving."""
    found = [(str(name), value) for name, value in msgspec.msgpack.decode(headers)]
    if not found or found[-1][0] != _PUBLISHED:
        return found, None
    published = int(found.pop()[1])
    return found, published if published >= 0 else None
