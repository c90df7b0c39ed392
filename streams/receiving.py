"""Receiving 接收: records are decoded, and what is no event of this installation is refused, whatever any book holds."""

from typing import Any, cast
from zlib import crc32

import msgspec

from aggregates.hashing import content_checksum, event_hash, text_hash
from aggregates.outcomes import Hashes, Refused
from puhui.contract.base import INSTITUTION_SOURCE
from puhui.contract.catalogue import REGISTRY_EVENTS
from puhui.contract.codec import Malformed, sources_named
from puhui.contract.codec import decode as decode_value
from puhui.keys import Keys
from streams.arrival import Arrived, Record, Source, unreadable
from streams.authentic import COUNTED, unauthentic
from streams.knowledge import UNKNOWN
from streams.workbench import Workbench

Read = tuple[Record, Any, int, int]
"""A record, the event that it holds, and the event's hashes: its own, and the checksum of its content."""


class Receiver:
    """Reads the records of one partition in one unit of work."""

    def __init__(self, source: Source, bench: Workbench, *, environment: str, keys: Keys) -> None:
        self._source = source
        self._knowledge, self._work, self._refuser = bench
        self._environment = environment
        self._keys = keys or None
        self._topic = source.topic
        self._origin = f"{source.topic}/{source.partition}"

    def read(self, record: Record) -> Read | None:
        """Decode one record; what is no event of this installation is refused here."""
        value = record.value or b""
        event = decode_value(self._topic, value, record.headers)
        if type(event) is Malformed:
            self._refuse_unreadable(unreadable(event), record, value)
            return None
        event = cast(Any, event)
        read = (record, event, event_hash(event.source, event.id), content_checksum(event.data))
        if self._keys and (fault := self._keys.fault(event.source, value, record.headers)):
            self._refuse_unauthentic(self.arrived(read), fault)
            return None
        if event.environment == self._environment:
            return read
        self._refuse_foreign(self.arrived(read))
        return None

    def arrived(self, read: Read) -> Arrived:
        """An event on its way; from here on the work is at its instant."""
        record, event, key, content = read
        self._work.at(record.timestamp * 1000)
        hashes, at = Hashes(key, content, event.source, event.id, event.time), self._work.instant
        return Arrived(self._origin, record.offset, record.value or b"", record.headers, event, hashes, at)

    def _refuse_unreadable(self, refused: Refused, record: Record, value: bytes) -> None:
        """Refuse bytes that are no event; they are known again by themselves.

        The key says whose they are, but nobody has proven it: not where they name another than the key.
        """
        self._work.at(record.timestamp * 1000)
        key = (record.key or b"").decode("utf-8", "replace")
        offices = self._topic == REGISTRY_EVENTS  # whose keys are those whom they speak of
        own = offices or sources_named(value, record.headers) <= {INSTITUTION_SOURCE + key}
        name = self._knowledge.counted_under(key) if own else UNKNOWN
        place = f"{self._origin}/{record.offset}"
        self._refuser.refuse_bytes(name, refused, text_hash(value.hex()), crc32(value), place, value)

    def _refuse_unauthentic(self, arrived: Arrived, fault: str) -> None:
        self._refuser.refuse(None, *unauthentic(arrived, fault))
        institution = self._knowledge.counted_under(cast(Any, arrived.event).data.institution_id)
        self._work.count(institution, COUNTED, fault)

    def _refuse_foreign(self, arrived: Arrived) -> None:
        """Refuse an event of another environment (V47); it is known again apart from one of this installation."""
        event = cast(Any, arrived.event)
        values = {"environment": event.environment, "installation": self._environment}
        key = event_hash(f"{event.source}\0{event.environment}", event.id)
        apart = msgspec.structs.replace(arrived, hashes=Hashes(key, arrived.hashes.content, ""))
        self._refuser.refuse(None, apart, Refused("V47", "environment", values))
