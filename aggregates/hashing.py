"""Hashes by which an event is known again."""

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from hashlib import blake2b
from struct import Struct as Packed
from typing import Any, Final
from zlib import crc32

import msgspec
from msgspec import Struct, inspect

_encode = msgspec.msgpack.Encoder().encode
_number: Final[Callable[[bytes], tuple[int]]] = Packed(">Q").unpack


def event_hash(source: str, event_id: str) -> int:
    """A positive 63-bit hash of source and id; one source's ids never meet another's."""
    return _number(blake2b(f"{source}\0{event_id}".encode(), digest_size=8).digest())[0] >> 1


def content_checksum(data: Struct) -> int:
    """A checksum of the canonical content: known fields in their fixed order, no arrival data (V02).

    A field that was added later (`puhui.contract.base.LATER`) counts where it is given, so stored checksums stay good.
    32 bits are enough: it is compared only where the 63-bit hash of the id agrees already.
    """
    content = _as_it_was(data) if _has_later(type(data)) else data
    try:
        return crc32(_encode(content))
    except OverflowError:  # a moment that falls out of the years 1 to 9999 in UTC
        return crc32(msgspec.json.encode(content))


@cache
def _has_later(kind: type[Struct]) -> bool:
    """Was a field added later to data of this kind, or to what they hold?"""
    return any(map(_later, _kinds(inspect.type_info(kind))))


def _kinds(info: inspect.Type) -> Iterator[type[Struct]]:
    match info:
        case inspect.StructType():
            yield info.cls
            parts: Iterable[inspect.Type] = (field.type for field in info.fields)
        case inspect.Metadata():
            parts = (info.type,)
        case inspect.UnionType():
            parts = info.types
        case inspect.CollectionType():
            parts = (info.item_type,)
        case _:
            parts = ()
    for part in parts:
        yield from _kinds(part)


@cache
def _later(kind: type[Struct]) -> frozenset[str]:
    """The fields of a class that were added later."""
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    marked = ((f.name, f.type) for f in info.fields if isinstance(f.type, inspect.Metadata))
    return frozenset(name for name, meta in marked if meta.extra and meta.extra.get("later"))


def _as_it_was(value: Any) -> Any:
    """A value without the later fields that are absent in it."""
    if isinstance(value, Struct):
        later = _later(type(value))
        given = ((name, getattr(value, name)) for name in value.__struct_fields__)
        return {name: _as_it_was(part) for name, part in given if part is not None or name not in later}
    return [_as_it_was(part) for part in value] if isinstance(value, tuple | list) else value


def number_hash(number: str) -> int:
    """A 32-bit hash of a number that a bank gives (repayment_no, draw_no): compared only within one loan (L13)."""
    return crc32(number.encode())


def text_hash(text: str) -> int:
    """A positive 63-bit hash of a reference, as the ledger's customer column holds it."""
    return bytes_hash(text.encode())


def bytes_hash(content: bytes) -> int:
    """A positive 63-bit hash of bytes."""
    return _number(blake2b(content, digest_size=8).digest())[0] >> 1
