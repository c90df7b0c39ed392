"""Decode what came from Kafka: CloudEvents 1.0 in structured and in binary mode.

Whatever the bytes are, the answer is an event or the reason why they are none. Names that stand twice in an object
count as they stand last.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, cast, get_type_hints

import msgspec
from msgspec import Struct

from puhui.contract.base import INSTITUTION_SOURCE, Envelope
from puhui.contract.catalogue import (
    LOAN_EVENTS,
    LOAN_TOPIC_TYPES,
    REGISTRY_EVENTS,
    TYPES,
    Event,
    LoanTopicEvent,
    RegistryTopicEvent,
)

Headers = Sequence[tuple[str, bytes | None]]

_BACKSLASH: Final = 0x5C  # as a number: one byte is found much sooner than a sequence of bytes
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Malformed(Struct, frozen=True):
    """Why bytes are no event: the rule that they break, the field and what was found."""

    rule: str
    field: str
    found: str


class _Attributes(Envelope, kw_only=True, gc=False, tag=False):
    """The attributes alone, as binary mode carries them in headers."""


class _Naming(Struct, gc=False):
    """Where bytes may say whose they are: a whole event, or its data alone."""

    source: Any = None
    institution_id: Any = None
    data: msgspec.Raw = msgspec.Raw(b"{}")


_DECODE: Final[dict[str, Callable[[bytes], Any]]] = {
    LOAN_EVENTS: msgspec.json.Decoder(LoanTopicEvent).decode,
    REGISTRY_EVENTS: msgspec.json.Decoder(RegistryTopicEvent).decode,
}
_DATA: Final[dict[str, msgspec.json.Decoder[Any]]] = {
    name: msgspec.json.Decoder(get_type_hints(event_class)["data"]) for name, event_class in TYPES.items()
}
_NAMING: Final = msgspec.json.Decoder(_Naming)
_ATTRIBUTES: Final = frozenset(get_type_hints(_Attributes))


def decode(topic: str, value: bytes | None, headers: Headers = ()) -> Event | Malformed:
    """Decode one record's value; never raises on bad bytes (V03, V04)."""
    if not value:
        return Malformed("V03", "value", "empty")
    if not value.isascii() and not _is_utf8(value):
        return Malformed("V03", "value", "not UTF-8")
    event: Event | Malformed
    try:
        event = (
            _decode_binary(topic, value, headers)
            if headers and _is_binary(headers)
            else _DECODE[topic](value)
        )
    except msgspec.ValidationError as error:
        return _explain(str(error))
    except _UNREADABLE as error:
        return Malformed("V03", "value", _reason(error))
    if _BACKSLASH in value and b"\\u0000" in value and not isinstance(event, Malformed):
        broken = next(_with_nul(msgspec.to_builtins(event)), None)
        if broken is not None:
            return Malformed("V03", broken, "U+0000")
    return event


def sources_named(value: bytes, headers: Headers) -> frozenset[str]:
    """The sources that a record names which holds no event; an institution of its data counts as its source.

    Of bytes that are no JSON only the headers say something.
    """
    whole = _naming(value)
    institutions = (whole.institution_id, _naming(whole.data).institution_id)
    found = {INSTITUTION_SOURCE + who for who in institutions if isinstance(who, str) and who}
    sources = (whole.source, *(_text(content or b"") for name, content in headers if name == "ce_source"))
    return frozenset(found.union(source for source in sources if isinstance(source, str) and source))


def _naming(value: bytes | msgspec.Raw) -> _Naming:
    try:
        return _NAMING.decode(value)
    except _UNREADABLE:
        return _Naming()


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_binary(headers: Headers) -> bool:
    """Attributes in headers mean binary mode, unless the content type says that the value holds them itself."""
    found = False
    for name, content in headers:
        if name.lower() == "content-type" and (content or b"").lower().startswith(b"application/cloudevents"):
            return False
        found = found or name.startswith("ce_")
    return found


def _decode_binary(topic: str, value: bytes, headers: Headers) -> Event | Malformed:
    attributes: dict[str, str] = {}
    for name, content in headers:
        if name.startswith("ce_") and (name[3:] in _ATTRIBUTES or name == "ce_type"):
            text = None if content is None else _text(content)
            if text is None:
                return Malformed("V03", name[3:], "not UTF-8" if content else "empty")
            attributes[name[3:]] = text
    kind = attributes.pop("type", "")
    if kind not in TYPES or (kind in LOAN_TOPIC_TYPES) != (topic == LOAN_EVENTS):
        return Malformed("V03", "type", kind)
    envelope = msgspec.convert(attributes, _Attributes)
    try:
        data = _DATA[kind].decode(value)
    except msgspec.ValidationError as error:
        return _explain(str(error), "data")
    given = {name: getattr(envelope, name) for name in attributes}
    return cast(Event, TYPES[kind](data=data, **given))


def _text(content: bytes) -> str | None:
    """The text of one header, None where it is none."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def _with_nul(value: object, place: str = "") -> Iterator[str]:
    """The places of texts that hold the character U+0000, which not every database can store."""
    if isinstance(value, str) and "\0" in value:
        yield place
    elif isinstance(value, dict):
        for name, part in value.items():
            yield from _with_nul(part, f"{place}.{name}" if place else str(name))
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from _with_nul(part, f"{place}[{number}]")


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return "not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)[:200]


def _explain(message: str, inside: str = "") -> Malformed:
    """Turn msgspec's sentence (`Expected `int`, got `str` - at `$.data.principal_fen``) into rule and field."""
    found, _, place = message.partition(" - at `")
    field = ".".join(part for part in (inside, place.rstrip("`").removeprefix("$").lstrip(".")) if part)
    if found.startswith("Object missing required field"):
        missing = found.split("`")[1]
        return Malformed("V03", f"{field}.{missing}" if field else missing, "missing")
    if found.startswith("Invalid value") and field in ("type", ""):
        return Malformed("V03", "type", found.removeprefix("Invalid value ").strip("'"))
    if found.startswith("Expected `int` >= 0"):
        return Malformed("V04" if field.endswith("_fen") else "V03", field, "< 0")
    return Malformed("V03", field or "value", found)
