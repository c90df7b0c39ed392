"""Unpack what Kafka delivers: a batch that no client can read takes only its own records with it.

A broker looks at a batch's checksum and not into all of it: a sender can store names of headers that are no UTF-8,
records of a wrong length or with offsets of others' records, compressed bytes that one library takes and another does
not, or gigabytes packed into kilobytes. Kafka's client raises at each attempt to read such a batch, and would never get
past it, or goes where nobody is. And one fetch holds many batches: it is handed over in portions, so that no more of it
lies unpacked than a worker has memory for.
"""

import gzip
import io
import sys
from collections.abc import Callable, Iterator
from typing import Any, Final

import cramjam
import numpy as np
from aiokafka.codec import snappy_decode
from aiokafka.consumer.fetcher import FetchResult
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.record.util import decode_varint
from aiokafka.structs import ConsumerRecord, TopicPartition
from kafka.record.default_records import DefaultRecordBatch as DefaultRecordBatchOfKafkaPython

from streams.arrival import StandIn
from streams.topics import MAX_MESSAGE_BYTES

LARGEST_BATCH: Final = 64 * 1024 * 1024
"""Bytes to which a batch may unpack: a broker limits only its packed size."""
LARGEST_VALUE: Final = MAX_MESSAGE_BYTES
"""Bytes of one event, unpacked."""
PORTION: Final = 2 * 1024 * 1024
"""Bytes of unpacked records after which no more of a fetch are handed over at once."""
MOST_HEADERS: Final = 1 << 16
"""Headers of one record of a batch that unpacks to more than a PORTION: an empty one is two bytes, and takes a hundred of memory."""
MOST_RECORDS: Final = LARGEST_BATCH // 256
"""Records of such a batch."""
_RECORD: Final = 256
"""About what a record takes of memory beside its bytes."""
_HEADER: Final = 64
"""The same of a header."""
_USUAL: Final = 16
"""Hardly anything of ours is packed to less than this part."""


def bound_unpacking() -> None:
    """Let both of Kafka's clients unpack every codec, nothing beyond LARGEST_BATCH, and hand over a PORTION at a time.

    They have no setting for that, and the one that only looks at timestamps knows gzip alone.
    """
    fetch: Any = FetchResult
    fetch.getall = _portion
    client: Any = sys.modules[DefaultRecordBatch.__module__]
    client.gzip_decode = lambda packed: sparing(_gunzip(packed))
    client.snappy_decode = lambda packed: sparing(snappy_decode(packed))
    client.lz4_decode = lambda packed: sparing(_unpack(cramjam.lz4.decompress_into, packed))
    client.zstd_decode = lambda packed: sparing(_unpack(cramjam.zstd.decompress_into, packed))
    other: Any = sys.modules[DefaultRecordBatchOfKafkaPython.__module__]
    for codec in ("gzip", "snappy", "lz4", "zstd"):
        setattr(other, f"{codec}_decode", getattr(client, f"{codec}_decode"))
        setattr(other.codecs, f"has_{codec}", lambda: True)


def _portion(fetch: Any, most: int | None = None) -> list[Any]:
    """The next records of a fetch (FetchResult.getall): at least one where there is one, then up to PORTION or `most`.

    What is left comes with the next call; the fetch position is behind what was handed over.
    """
    if not fetch.check_assignment(fetch._topic_partition) or not fetch.has_more():
        return []
    found: list[Any] = []
    size = 0
    for record in fetch._partition_records:
        found.append(record)
        size += _RECORD + len(record.key or b"") + len(record.value or b"")
        for name, content in record.headers:
            size += _HEADER + len(name) + len(content or b"")
        if size >= PORTION or len(found) == most:
            fetch._update_position()
            return found
    fetch._update_position()
    fetch._partition_records = None
    return found


def _gunzip(packed: Any) -> bytes:
    with gzip.GzipFile(fileobj=io.BytesIO(packed)) as file:
        plain = file.read(LARGEST_BATCH)
        if file.read(1):
            raise CorruptRecordException(f"more than {LARGEST_BATCH} bytes")
    return plain


def _unpack(decompress_into: Callable[[Any, Any], int], packed: Any) -> bytes:
    """What is packed; DecompressionError where it does not fit, too. A small space is tried first: it is much faster."""
    small = len(packed) * _USUAL
    if small < LARGEST_BATCH:
        try:
            return _within(small, decompress_into, packed)
        except cramjam.DecompressionError:
            pass
    return _within(LARGEST_BATCH, decompress_into, packed)


def _within(space: int, decompress_into: Callable[[Any, Any], int], packed: Any) -> bytes:
    plain = np.empty(space, np.uint8)
    return plain[: decompress_into(packed, plain)].tobytes()


def sparing(plain: bytes) -> bytes:
    """The records of a batch as they are; CorruptRecordException where to read one of them would take far more memory.

    A record is read as a whole, whatever it says of its own length, and one of 64 MiB may have 32 million headers.
    """
    at, end, records = 0, len(plain) - 2 * MOST_HEADERS, 0
    while len(plain) > PORTION and at < end:
        length, begin = decode_varint(plain, at)
        records += 1
        if records > MOST_RECORDS or _headers(plain, begin, end) > MOST_HEADERS:
            raise CorruptRecordException(f"more than {MOST_RECORDS} records, or than {MOST_HEADERS} headers")
        at = begin + max(length, 0)
    return plain


def _headers(plain: bytes, at: int, end: int) -> int:
    """How many headers a record has; none where it has no room for many, for nothing is read behind `end`."""
    for _ in ("attributes", "time", "offset"):
        _, at = decode_varint(plain, at)
    for _ in ("key", "value"):
        size, at = decode_varint(plain, at)
        at += max(size, 0)
        if at >= end:
            return 0
    return int(decode_varint(plain, at)[0])


class _Watched:
    """The batches of one fetch; `last` is the one that was handed out last, None where its checksum was wrong."""

    def __init__(self, batches: Any) -> None:
        self._batches = batches
        self.has_next = batches.has_next
        self.last: Any = None

    def next_batch(self) -> Any:
        self.last = None
        batch = self._batches.next_batch()
        if not batch.validate_crc():
            raise CorruptRecordException("a batch is not what its checksum says")
        self.last = batch
        return batch


def tolerant(fetched: Any) -> None:
    """Let what one fetch brought of a partition (aiokafka's PartitionRecords) be read whatever is in it."""
    if not isinstance(fetched._records, _Watched):
        fetched._records = _Watched(fetched._records)
        fetched._check_crcs = False  # it is done there, before a batch is unpacked
        fetched._consumer_record = _as_it_lies
        fetched._records_iterator = _records(fetched)


def _as_it_lies(at: TopicPartition, record: Any) -> Any:
    """A record as it was unpacked: the client would make another one of it, with what nobody asks for."""
    return record


def _records(fetched: Any) -> Iterator[Any]:
    """All records; for those of a batch that cannot be read, one that says so in their place."""
    watched: _Watched = fetched._records
    while True:
        following = fetched.next_fetch_offset
        try:
            for record in fetched._unpack_records():  # goes on with the next batch
                if record.offset >= watched.last.next_offset:
                    raise CorruptRecordException("a record lies behind its batch")
                following = record.offset + 1
                yield (
                    record
                    if len(record.value or b"") <= LARGEST_VALUE
                    else _without_value(fetched._tp, record)
                )
            return
        except Exception as error:  # bytes of a stranger: struct, Unicode, memory and every compression fail in their own way
            batch = watched.last
            if batch is None:
                raise  # damaged on its way, or on the broker's disk: not what was sent
            first = max(following, batch.base_offset)
            fetched.next_fetch_offset = max(first + 1, batch.next_offset)
            what = f"offsets {first} to {fetched.next_fetch_offset - 1} cannot be unpacked ({type(error).__name__})"
            yield _instead(fetched._tp, first, batch.max_timestamp, what)


def _without_value(at: TopicPartition, record: Any) -> ConsumerRecord[bytes, bytes]:
    """The same record, too large to be kept while it waits, or forwarded."""
    what = f"offset {record.offset} holds {len(record.value)} bytes, more than {LARGEST_VALUE}"
    return _instead(at, record.offset, record.timestamp, what)


class _Instead(ConsumerRecord[bytes, bytes], StandIn):  # type: ignore[misc]
    """A record that stands in the place of others."""


def _instead(at: TopicPartition, offset: int, timestamp: int, what: str) -> ConsumerRecord[bytes, bytes]:
    """A record that the intake refuses (V03): its value says what was not taken, and where it lies."""
    value = f"{at.topic}/{at.partition}: {what}".encode()
    return _Instead(at.topic, at.partition, offset, timestamp, 0, None, value, None, -1, len(value), ())
