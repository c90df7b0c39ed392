"""Comparing a log with what was taken in of it: the record that came last must still lie where it lay.

A Kafka that was set back to an older state, and has grown since, has the offsets that a store asks for, and other
records under them: what came between is lost, and no offset says so.
"""

import time
from collections.abc import Mapping
from typing import Any, Final

from faust.types import TP
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import OffsetOutOfRangeError

from aggregates.store.transaction import Last
from streams.arrival import content_of
from streams.asking import asking
from streams.connecting import Kafka, prompt_options
from streams.unpacking import bound_unpacking

PATIENCE: Final = 10.0
"""Seconds in which Kafka hands one record out."""

_SETTINGS: Final[Mapping[str, Any]] = {
    "enable_auto_commit": False,
    "auto_offset_reset": "none",
    "isolation_level": "read_committed",
    "check_crcs": False,  # slow there, and the record is compared anyway
    "fetch_max_wait_ms": 1,  # it asks for what follows too, and the next partition would wait for that as long
}


def others(kafka: Kafka, lasts: Mapping[TP, Last]) -> list[TP]:
    """The partitions in which another record lies, or none, where that one was taken in.

    What Kafka has dropped meanwhile, and what no client can read, says nothing. TimeoutError where nothing comes; blocks.
    """
    if not lasts:
        return []
    bound_unpacking()
    with asking(KafkaConsumer, **prompt_options(kafka), **_SETTINGS) as consumer:
        return [at for at, last in lasts.items() if not _is_there(consumer, TopicPartition(*at), last)]


def _is_there(consumer: Any, at: TopicPartition, last: Last) -> bool:
    consumer.assign([at])
    consumer.seek(at, last.offset)
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            found = consumer.poll(timeout_ms=200, max_records=1).get(at)
        except OffsetOutOfRangeError:
            return True  # it went a moment ago: whoever reads on is told what else went
        except Exception:  # bytes of a stranger in the same batch fail in their own way
            return True
        if found:
            return bool(found[0].offset == last.offset and content_of(found[0]) == last.content)
        if consumer.position(at) > last.offset:
            return False
    raise TimeoutError(f"no record of {at.topic}, partition {at.partition} in {PATIENCE:g} s")
