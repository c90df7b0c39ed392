"""A batch that no client can read takes only its own records with it: the others arrive, whatever it holds."""

import asyncio
import struct
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from aiokafka.consumer.fetcher import READ_COMMITTED, FetchResult, PartitionRecords
from aiokafka.consumer.subscription_state import Assignment
from aiokafka.errors import CorruptRecordException
from aiokafka.record.memory_records import MemoryRecords
from faust.types import TP

from streams.topics import MAX_MESSAGE_BYTES
from streams.unpacking import (
    LARGEST_BATCH,
    LARGEST_VALUE,
    MOST_RECORDS,
    PORTION,
    bound_unpacking,
    sparing,
    tolerant,
)
from tests.hostile import batches
from tests.hostile.batches import CODECS, _record, batch
from tests.hostile.messages import Wire

AT = TP("loan-events", 3)
BROKEN_NAME = Wire("", 3, None, b"broken", [("\udcff", b"")])


@pytest.fixture(autouse=True, scope="module")
def bounded() -> None:
    bound_unpacking()


def wires(count: int) -> list[Wire]:
    return [Wire("", 3, b"key", b"value %d " % number * 9, [("name", b"x")]) for number in range(count)]


def stored(*made: tuple[int, bytes]) -> bytes:
    """Batches as a broker keeps them: each with its first offset."""
    return b"".join(struct.pack(">q", offset) + content[8:] for offset, content in made)


def fetched(content: bytes, offset: int = 0) -> Any:
    """What one fetch brought, as the client unpacks it."""
    found = PartitionRecords(AT, MemoryRecords(content), [], offset, None, None, True, READ_COMMITTED)
    tolerant(found)
    return found


def portions(content: bytes, most: int | None = None) -> Iterator[tuple[list[Any], int]]:
    """What one fetch brought, as the client hands it over: each time records, and the fetch position behind them."""

    async def assigned() -> Assignment:
        return Assignment([AT])  # wants a running loop

    assignment = asyncio.run(assigned())
    state = assignment.state_value(AT)
    state.seek(0)
    fetch = FetchResult(AT, assignment=assignment, partition_records=fetched(content), backoff=0)
    while fetch.has_more():
        yield fetch.getall(most), state.position


def sound(codec: str = "none") -> bytes:
    return batch(wires(3), codec, at=1)


def test_a_sound_fetch_arrives_as_it_is() -> None:
    found = fetched(stored(*((3 * at, sound(codec)) for at, codec in enumerate(CODECS))))
    assert [(record.offset, record.key) for record in found] == [(n, b"key") for n in range(3 * len(CODECS))]
    assert found.next_fetch_offset == 3 * len(CODECS)


def test_a_name_of_a_header_that_is_no_text_takes_only_the_rest_of_its_batch_with_it() -> None:
    broken = batch([*wires(2), BROKEN_NAME, *wires(1)], "gzip", at=7)
    found = fetched(stored((0, sound()), (3, broken), (7, sound())))
    records = list(found)
    assert [record.offset for record in records] == [0, 1, 2, 3, 4, 5, 7, 8, 9]
    instead = records[5]
    assert instead.value == b"loan-events/3: offsets 5 to 6 cannot be unpacked (UnicodeDecodeError)"
    assert (instead.key, instead.headers, instead.timestamp) == (None, (), 7)


def test_after_a_start_in_the_middle_of_a_broken_batch_the_same_is_said_of_it() -> None:
    content = stored((0, batch([*wires(2), BROKEN_NAME], "none", at=7)), (3, sound()))
    assert list(fetched(content))[2] == next(iter(fetched(content, 2)))


def test_the_position_is_behind_a_broken_batch_that_is_the_last() -> None:
    found = fetched(stored((0, batch([BROKEN_NAME] * 4, "none", at=7))))
    assert [record.offset for record in found] == [0]
    assert found.next_fetch_offset == 4


@pytest.mark.parametrize("delta", [3, 100_000])
def test_a_record_with_the_offset_of_anothers_hides_nothing(
    delta: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = _record
    with monkeypatch.context() as patch:
        patch.setattr(batches, "_record", lambda at, *more: made(at if at < 2 else delta, *more))
        broken = batch(wires(3), "none", at=7)
    records = list(fetched(stored((0, broken), (3, sound()))))
    assert [record.offset for record in records] == [0, 1, 2, 3, 4, 5]
    assert b"offsets 2 to 2 cannot be unpacked" in records[2].value


@pytest.mark.parametrize("codec", ["gzip", "lz4", "zstd"])
def test_what_would_unpack_to_more_than_memory_is_for_is_not_unpacked(codec: str) -> None:
    large = [Wire("", 3, None, bytes(LARGEST_VALUE), [])] * 60
    largest = [*large, Wire("", 3, None, bytes(LARGEST_BATCH), [])]
    content = stored((0, batch(large, codec, at=1)), (60, batch(largest, codec, at=1)), (121, sound()))
    records = list(fetched(content))
    assert [record.offset for record in records] == [*range(61), 121, 122, 123]
    assert all(record.value == large[0].value for record in records[:60])
    assert b"offsets 60 to 120 cannot be unpacked" in records[60].value


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_a_record_of_a_million_headers_is_not_read_at_all(codec: str) -> None:
    laden = Wire("", 3, None, b"value", [("", None)] * 1_100_000)
    content = stored((0, batch([*wires(1), laden], codec, at=1)), (2, sound()))
    assert len(batch([laden], codec, at=1)) < MAX_MESSAGE_BYTES, "the broker lets it in"
    found, *others = list(fetched(content))
    assert b"offsets 0 to 1 cannot be unpacked" in found.value
    assert [record.offset for record in others] == [2, 3, 4]


def test_a_record_with_a_false_length_hides_no_headers() -> None:
    laden = _record(0, Wire("", 3, None, b"value", [("", None)] * 1_100_000), None)
    with pytest.raises(CorruptRecordException, match="headers"):
        sparing(b"\x14" + laden[4:])


def test_a_large_batch_of_records_of_nothing_is_not_read() -> None:
    with pytest.raises(CorruptRecordException, match="records"):
        sparing(_record(0, Wire("", 3, None, None, []), None) * (MOST_RECORDS + 100_000))


def test_a_large_batch_of_ordinary_records_is_read() -> None:
    many = [Wire("", 3, b"key", b"{}" * 120, [("name", b"x")] * 10)] * 20_000
    assert len(list(fetched(stored((0, batch(many, "zstd", at=1)))))) == 20_000


HEAVY = {
    "values": Wire("", 3, None, bytes(LARGEST_VALUE), []),
    "keys": Wire("", 3, bytes(LARGEST_VALUE), b"{}", []),
    "headers": Wire("", 3, b"key", None, [("name", bytes(LARGEST_VALUE // 2))] * 2),
    "names of headers": Wire("", 3, b"key", b"{}", [("n" * LARGEST_VALUE, None)]),
}


@pytest.mark.parametrize("heavy", HEAVY.values(), ids=list(HEAVY))
def test_a_fetch_of_many_packed_batches_is_handed_over_a_portion_at_a_time(heavy: Wire) -> None:
    packed = batch([heavy] * 20, "zstd", at=1)
    offsets: list[int] = []
    for records, position in portions(stored(*((20 * at, packed) for at in range(3)), (60, sound()))):
        heavy_ones = [record for record in records if record.offset < 60]
        assert len(heavy_ones) * LARGEST_VALUE <= PORTION
        offsets += [record.offset for record in records]
        assert position == offsets[-1] + 1
    assert offsets == [*range(63)], "each comes once, in order"


def test_records_of_nothing_are_handed_over_a_portion_at_a_time_too() -> None:
    nothing = batch([Wire("", 3, None, None, [])] * 100_000, "zstd", at=1)
    sizes = [len(records) for records, _ in portions(stored((0, nothing)))]
    assert sum(sizes) == 100_000
    assert max(sizes) < 50_000, "a record takes memory, whatever is in it"


def test_an_ordinary_fetch_is_handed_over_at_once() -> None:
    (found,) = portions(stored(*((3 * at, sound(codec)) for at, codec in enumerate(CODECS))))
    assert ([record.offset for record in found[0]], found[1]) == ([*range(15)], 15)


def test_who_asks_for_fewer_records_gets_fewer() -> None:
    found = [
        (len(records), position) for records, position in portions(stored((0, sound()), (3, sound())), 4)
    ]
    assert found == [(4, 4), (2, 6)]


def test_a_portion_that_ends_where_the_fetch_ends_has_it_all() -> None:
    whole = PORTION // LARGEST_VALUE
    content = stored((0, batch([HEAVY["values"]] * whole, "zstd", at=1)))
    found = [(len(records), position) for records, position in portions(content)]
    assert found == [(whole, whole), (0, whole)]


def test_an_event_larger_than_any_may_be_is_not_handed_on() -> None:
    larger = Wire("", 3, b"key", bytes(LARGEST_VALUE + 1), [("name", b"x")])
    records = list(fetched(stored((0, batch([larger, *wires(1)], "zstd", at=7)))))
    assert [record.value for record in records] == [
        b"loan-events/3: offset 0 holds 1048577 bytes, more than 1048576", wires(1)[0].value
    ]  # fmt: skip


def test_what_its_checksum_does_not_fit_is_not_passed_over() -> None:
    content = bytearray(stored((0, sound()), (3, sound())))
    content[-1] ^= 1
    found = fetched(bytes(content))
    with pytest.raises(CorruptRecordException):
        list(found)
    assert found.next_fetch_offset == 3


@pytest.mark.parametrize("codec", CODECS)
def test_whatever_the_bytes_of_a_batch_are_what_follows_arrives(codec: str) -> None:
    dice, broken = Random(1), 0
    for _ in range(300):
        damaged = batch(wires(5), codec, at=1, dice=dice)
        following = 3 + struct.unpack_from(">i", damaged, 23)[0] + 1
        records = list(fetched(stored((0, sound()), (3, damaged), (following, sound("zstd")))))
        assert [record.offset for record in records[:3]] == [0, 1, 2]
        assert [record.offset for record in records[-3:]] == [following, following + 1, following + 2]
        broken += any(b"cannot be unpacked" in (record.value or b"") for record in records)
    assert broken > 20
