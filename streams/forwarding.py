"""Forwarding: a record in a wrong partition goes to the right one, with its key and headers.

Where records carry the clock it keeps its timestamp too: it is known at the instant at which it was published.
An institution that sends so is told once a day.
"""

from collections.abc import Iterator
from datetime import date
from typing import Final

import msgspec

from aggregates.messages import told
from aggregates.store.transaction import Outgoing
from puhui.contract.catalogue import LOAN_EVENTS, REJECTED_EVENTS
from puhui.contract.codec import Headers
from streams.arrival import Arrived

_PUBLISHED: Final = "puhui-published"
"""Carries the timestamp from the store to the sender, behind all other headers; it never leaves on Kafka."""

NOTICE: Final = "cn.puhui.event.misrouted.v1"
_SAID: Final = {
    "reason": {
        "zh": "贵机构当日报送的部分事件不在其统一社会信用代码对应的分区，已由系统转发到正确的分区，没有退回。",
        "en": "Some events of this day lay in another partition than the one of the institution's code. They were "
        "forwarded to the right one; nothing was refused.",
    },
    "what_to_do": {
        "zh": "请以本机构统一社会信用代码作为消息键，并使用murmur2分区方式（librdkafka客户端：partitioner=murmur2_random）。",
        "en": "Use the institution's code as the key, and the murmur2 partitioner (clients built on librdkafka: "
        "partitioner=murmur2_random).",
    },
}


class Notices:
    """Tells institutions that their records lie in wrong partitions: each once a day, in the same words again after a start."""

    def __init__(self) -> None:
        self._told: dict[str, date] = {}

    def due(self, institution: str, day: date) -> Iterator[Outgoing]:
        """The notice to an institution, unless it was told on that day."""
        if self._told.get(institution) == day:
            return
        self._told[institution] = day
        identity = f"misrouted-{institution}-{day}"
        midnight = f"{day}T00:00:00+08:00"
        data = {"topic": LOAN_EVENTS, "day": str(day), "rule": "partition", **_SAID}
        yield told(
            REJECTED_EVENTS, NOTICE, identity, institution, time=midnight, subject=LOAN_EVENTS, data=data
        )


def packed_headers(headers: Headers) -> bytes:
    """Headers as they came, for the store."""
    return msgspec.msgpack.encode(list(headers))


def forwarded(arrived: Arrived, institution: str, home: int, *, by_record_clock: bool) -> Outgoing:
    """The same record for another partition of its topic; its id is its place, so that it leaves once."""
    topic = arrived.origin.partition("/")[0]
    headers = [header for header in arrived.headers if header[0] != _PUBLISHED]  # ours alone to say
    if by_record_clock:
        headers.append((_PUBLISHED, str(arrived.at // 1000).encode()))
    packed = packed_headers(headers)
    return Outgoing(topic, f"forward-{arrived.place}", institution, arrived.value, packed, home)


def unpacked(headers: bytes) -> tuple[list[tuple[str, bytes | None]], int | None]:
    """The headers with which a stored message leaves, and its timestamp (ms); None: that of its leaving."""
    found = [(str(name), value) for name, value in msgspec.msgpack.decode(headers)]
    if not found or found[-1][0] != _PUBLISHED:
        return found, None
    published = int(found.pop()[1])
    return found, published if published >= 0 else None
