"""Batches of records as bytes on the wire of Kafka: every codec, and damage that no client library would send.

The layout is that of magic 2 in Kafka's protocol. The checksum is made after the damage: a broker looks at what is
compressed, not at a wrong sum.
"""

import gzip
import struct
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Final

import cramjam
from aiokafka.codec import lz4_encode, snappy_encode
from aiokafka.record.util import calc_crc32c

from tests.hostile.damage import cut, flipped
from tests.hostile.messages import Wire

CODECS: Final[dict[str, tuple[int, Callable[[bytes], bytes]]]] = {
    "none": (0, bytes),
    "gzip": (1, lambda plain: gzip.compress(plain, 1)),
    "snappy": (2, snappy_encode),
    "lz4": (3, lz4_encode),
    "zstd": (4, lambda plain: bytes(cramjam.zstd.compress(plain, 1))),
}
"""Kafka's number of each codec, and how it compresses."""
_HEADER: Final = struct.Struct(">hiqqqhii")


def batch(records: Sequence[Wire], codec: str, *, at: int, dice: Random | None = None) -> bytes:
    """The records as one batch of this codec with the timestamp `at` (ms); with dice, damaged in some way."""
    number, compress = CODECS[codec]
    plain = b"".join(_record(place, wire, dice) for place, wire in enumerate(records))
    packed = compress(plain)
    last, count, first_at = len(records) - 1, len(records), at
    if dice is not None:
        match dice.randrange(8):
            case 0 | 1 | 2 if packed:
                packed = flipped(dice, packed)
            case 3 if packed:
                packed = cut(dice, packed)
            case 4:
                packed = compress(flipped(dice, plain))
            case 5:
                last, count = last + dice.randint(-1, 2), count + dice.randint(-1, 2)
            case 6:
                first_at = dice.choice((-1, 0, 1, at - 10**12, at + 1_800_000, 2**62))
            case _:
                number = dice.randrange(8)
    body = _HEADER.pack(number, last, first_at, first_at, -1, -1, -1, count) + packed
    return struct.pack(">qiibI", 0, len(body) + 9, -1, 2, calc_crc32c(body)) + body


def _record(place: int, wire: Wire, dice: Random | None) -> bytes:
    headers = _varint(len(wire.headers)) + b"".join(
        _bytes(_name(name, dice)) + _bytes(content) for name, content in wire.headers
    )
    body = b"\0" + _varint(0) + _varint(place) + _bytes(wire.key) + _bytes(wire.value) + headers
    return _varint(len(body)) + body


def _name(name: str, dice: Random | None) -> bytes:
    """A header's name, which need not be UTF-8 on the wire."""
    broken = dice is not None and dice.random() < 0.01
    return b"\xff" if broken else name.encode("utf-8", "surrogateescape")


def _bytes(content: Any) -> bytes:
    return _varint(-1) if content is None else _varint(len(content)) + content


def _varint(number: int) -> bytes:
    """Zigzag, seven bits a byte."""
    left, made = (number << 1) ^ (number >> 63), bytearray()
    while left > 0x7F:
        made.append(left & 0x7F | 0x80)
        left >>= 7
    made.append(left)
    return bytes(made)
