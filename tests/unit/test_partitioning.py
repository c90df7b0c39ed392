"""Where a key belongs is what every Kafka client that partitions like Java's says."""

from hypothesis import given
from hypothesis import strategies as st
from kafka.partitioner.default import murmur2

from aggregates.partitioning import partition_of


@given(st.text(max_size=40), st.integers(1, 64))
def test_a_key_lies_where_kafka_python_puts_it(key: str, partitions: int) -> None:
    assert partition_of(key, partitions) == (murmur2(key.encode()) & 0x7FFFFFFF) % partitions
