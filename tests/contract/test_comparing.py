"""The record that was taken in last of a partition is known again where it lies, in whichever batch."""

from collections.abc import Sequence

import pytest
from confluent_kafka import Producer
from faust.types import TP

from aggregates.store.transaction import Last
from streams import topics
from streams.arrival import Record, StandIn, last_of
from streams.comparing import others
from tests.worker import FakeRecord


def publish(bootstrap: str, at: TP, records: Sequence[Record], codec: str = "none") -> None:
    """Publish records in one batch."""
    topics.ensure_topics(bootstrap, [topics.Topic(at.topic, 2)])
    producer = Producer({"bootstrap.servers": bootstrap, "compression.type": codec, "linger.ms": 300})
    for record in records:
        producer.produce(at.topic, record.value, record.key, at.partition, timestamp=record.timestamp)
    assert producer.flush(20) == 0


def records(*values: bytes) -> list[FakeRecord]:
    return [
        FakeRecord(offset, 1_700_000_000_000 + offset, b"key", value) for offset, value in enumerate(values)
    ]


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_a_record_is_known_again_in_the_middle_of_a_batch_and_at_its_end(bootstrap: str, codec: str) -> None:
    at, sent = TP(f"comparing-{codec}", 1), records(b"one", b"two", b"three")
    publish(bootstrap, at, sent, codec)
    for taken in (sent[:1], sent[:2], sent):
        last = last_of(taken)
        assert last is not None
        assert others(bootstrap, {at: last}) == []


def test_another_record_under_the_same_offset_or_none_at_all_is_told_with_its_partition(
    bootstrap: str,
) -> None:
    same, other = TP("comparing-others", 0), TP("comparing-others", 1)
    taken = records(b"one", b"two")
    publish(bootstrap, same, taken)
    publish(bootstrap, other, records(b"one", b"another", b"three"))
    last = last_of(taken)
    assert last is not None
    assert others(bootstrap, {same: last, other: last}) == [other]
    assert others(bootstrap, {same: Last(1, last.content + 1)}) == [same]


def test_what_stands_in_the_place_of_others_is_compared_with_nothing() -> None:
    class Instead(FakeRecord, StandIn):
        pass

    first = FakeRecord(3, 7, b"key", b"value")
    instead = Instead(4, 7, None, b"offsets 4 to 6 cannot be unpacked")
    assert last_of([first, instead]) == last_of([first])
    assert last_of([instead]) is None
