"""What is stored is packed, and whatever an older program packed is read."""

import zlib

import pytest

from aggregates.facts import Record, decode_record, encode, encode_record
from aggregates.packing import Unreadable, packed, unpacked

TEXT = b"the same again and again " * 40


def test_what_was_packed_comes_back_and_was_shorter() -> None:
    assert unpacked(packed(TEXT)) == TEXT
    assert len(packed(TEXT)) < len(TEXT) / 5


def test_what_an_older_program_packed_comes_back() -> None:
    assert unpacked(zlib.compress(TEXT, 1)) == TEXT
    record = Record(1_700_000_000_000_000, [])
    assert decode_record(zlib.compress(encode(record), 1)) == record


@pytest.mark.parametrize(
    "damaged", [b"", b"\x78", b"no packing", packed(TEXT)[:-9], zlib.compress(TEXT)[:-9]]
)
def test_damaged_bytes_are_told_apart(damaged: bytes) -> None:
    with pytest.raises(Unreadable):
        unpacked(damaged)


def test_a_short_record_is_stored_as_it_is() -> None:
    record = Record(1_700_000_000_000_000, [])
    assert encode_record(record) == encode(record)
    assert decode_record(encode_record(record)) == record
