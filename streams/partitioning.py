"""Kafka's default partitioner: an institution belongs to the partition of its key's murmur2 hash."""

from functools import lru_cache

from kafka.partitioner.default import murmur2


@lru_cache(maxsize=65536)
def partition_of(key: str, partitions: int) -> int:
    """The partition of a key, as Kafka's own producer computes it."""
    return int((murmur2(key.encode()) & 0x7FFFFFFF) % partitions)
