"""Hashes by which an event is known again."""

from hashlib import blake2b
from zlib import crc32

import msgspec
from msgspec import Struct

_encode = msgspec.msgpack.Encoder().encode


def event_hash(source: str, event_id: str) -> int:
    """A positive 63-bit hash of source and id; one source's ids never meet another's."""
    return int.from_bytes(blake2b(f"{source}\0{event_id}".encode(), digest_size=8).digest(), "big") >> 1


def content_checksum(data: Struct) -> int:
    """A checksum of the canonical content: known fields in their fixed order, no arrival data (V02).

    32 bits are enough: it is compared only where the 63-bit hash of the id agrees already.
    """
    try:
        return crc32(_encode(data))
    except OverflowError:  # a moment that falls out of the years 1 to 9999 in UTC
        return crc32(msgspec.json.encode(data))


def text_hash(text: str) -> int:
    """A positive 63-bit hash of a reference, as the ledger's customer column holds it."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") >> 1
