"""How a fetch is cut: chunks take a while at most, whatever a record costs, and each keeps to one day of the record clock."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from streams.chunking import CHUNK, FIRST, WHILE, Cutter
from tests.worker import FakeRecord

NOON = datetime(2024, 3, 1, 4, tzinfo=UTC)


def records(*days: int) -> list[Any]:
    """Records of noon in Beijing, so many days on."""
    stamps = (int((NOON + timedelta(days=day)).timestamp() * 1000) for day in days)
    return [FakeRecord(offset, stamp, b"", b"") for offset, stamp in enumerate(stamps)]


def sizes(cutter: Cutter, number: int, seconds_each: float) -> list[int]:
    """The sizes of the chunks of a fetch whose records take so long."""
    found = []
    for chunk in cutter.chunks(records(*[0] * number)):
        cutter.learn(len(chunk), len(chunk) * seconds_each)
        found.append(len(chunk))
    return found


def test_of_quick_records_chunks_are_soon_as_large_as_may_be() -> None:
    assert sizes(Cutter(by_record_clock=False), 4_000, 0.0001) == [FIRST, 200, 400, 800, CHUNK, CHUNK, 500]


def test_records_that_take_a_tenth_of_a_second_each_never_take_a_worker_longer_than_ten() -> None:
    cutter = Cutter(by_record_clock=False)
    assert sizes(cutter, 120, 0.1) == [FIRST, 10, 10]
    assert sizes(cutter, 25, 0.1) == [10, 10, 5]


def test_what_was_slow_once_is_cut_large_again_when_it_is_quick() -> None:
    cutter = Cutter(by_record_clock=False)
    cutter.learn(FIRST, 1_000 * WHILE)
    assert cutter.most == 1
    assert sizes(cutter, 2_000, 0.0001)[:4] == [1, 2, 4, 8]
    assert cutter.most == CHUNK


def test_a_small_fetch_that_is_quick_says_nothing_of_large_ones() -> None:
    cutter = Cutter(by_record_clock=False)
    cutter.learn(FIRST - 1, 0.0)
    assert cutter.most == FIRST


@given(st.lists(st.integers(0, 3), max_size=30), st.integers(1, 5), st.booleans())
def test_chunks_are_the_fetch_again_each_of_one_day_where_records_carry_the_clock(
    days: list[int], most: int, clocked: bool
) -> None:
    fetch, cutter = records(*days), Cutter(by_record_clock=clocked)
    cutter.most = most
    found = list(cutter.chunks(fetch))
    assert [record for chunk in found for record in chunk] == fetch
    assert all(0 < len(chunk) <= most for chunk in found)
    assert not clocked or all(len({record.timestamp for record in chunk}) == 1 for chunk in found)
