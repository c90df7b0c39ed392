"""Kafka's default partitioner: an institution belongs to the partition of its key's murmur2 hash."""

from functools import lru_cache
from typing import Final

_SEED: Final = 0x9747B28C
_FACTOR: Final = 0x5BD1E995
_MASK: Final = 0xFFFFFFFF


@lru_cache(maxsize=65536)
def partition_of(key: str, partitions: int) -> int:
    """The partition of a key, as Kafka's own producer computes it."""
    return (_murmur2(key.encode()) & 0x7FFFFFFF) % partitions


def _murmur2(data: bytes) -> int:
    whole = len(data) & ~3
    mixed = _SEED ^ len(data)
    for at in range(0, whole, 4):
        word = int.from_bytes(data[at : at + 4], "little") * _FACTOR & _MASK
        mixed = mixed * _FACTOR & _MASK ^ (word ^ word >> 24) * _FACTOR & _MASK
    if len(data) > whole:
        mixed = (mixed ^ int.from_bytes(data[whole:], "little")) * _FACTOR & _MASK
    mixed = (mixed ^ mixed >> 13) * _FACTOR & _MASK
    return mixed ^ mixed >> 15
