"""Decode what came from Kafka: CloudEvents 1.0 in structured and in binary mode, in one pass each."""

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Struct

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

_DECODERS: Final = {
    LOAN_EVENTS: msgspec.json.Decoder(LoanTopicEvent),
    REGISTRY_EVENTS: msgspec.json.Decoder(RegistryTopicEvent),
}
_BINARY_ATTRIBUTES: Final = frozenset(
    {
        "id",
        "source",
        "type",
        "specversion",
        "time",
        "subject",
        "partitionkey",
        "environment",
        "sequence",
        "batchid",
    }
)


class Malformed(Struct, frozen=True):
    """Why bytes are no event: the rule that they break, the field and what was found."""

    rule: str
    field: str
    found: str


def decode(topic: str, value: bytes | None, headers: Headers = ()) -> Event | Malformed:
    """Decode one record's value; never raises on bad bytes (V03, V04)."""
    if not value:
        return Malformed("V03", "value", "empty")
    if headers:
        attributes = _attributes(headers)
        if attributes:
            return _decode_binary(topic, value, attributes)
    try:
        return _DECODERS[topic].decode(value)
    except msgspec.ValidationError as error:
        return _explain(str(error))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Malformed("V03", "value", str(error)[:200])


def _attributes(headers: Headers) -> dict[str, str]:
    """The CloudEvents attributes among the headers (`ce_…`); undecodable ones are kept visibly broken."""
    return {
        name[3:]: (content or b"").decode("utf-8", "replace")
        for name, content in headers
        if name.startswith("ce_")
    }


def _decode_binary(topic: str, value: bytes, attributes: dict[str, str]) -> Event | Malformed:
    kind = attributes.get("type")
    event_class = TYPES.get(kind or "")
    if event_class is None or (kind in LOAN_TOPIC_TYPES) != (topic == LOAN_EVENTS):
        return Malformed("V03", "type", str(kind))
    envelope = {name: text for name, text in attributes.items() if name in _BINARY_ATTRIBUTES}
    try:
        envelope["data"] = msgspec.Raw(value)  # type: ignore[assignment]  # decoded below, with its own type
        whole = msgspec.json.encode(envelope)
        return _DECODERS[topic].decode(whole)
    except msgspec.ValidationError as error:
        return _explain(str(error))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Malformed("V03", "value", str(error)[:200])


def _explain(message: str) -> Malformed:
    """Turn msgspec's sentence (`Expected `int`, got `str` - at `$.data.principal_fen``) into rule and field."""
    found, _, place = message.partition(" - at `")
    field = place.rstrip("`").removeprefix("$").lstrip(".") or "value"
    if found.startswith("Object missing required field"):
        missing = found.split("`")[1]
        return Malformed("V03", f"{field}.{missing}" if field != "value" else missing, "missing")
    if found.startswith("Invalid value") and field in ("type", "value"):
        return Malformed("V03", "type", found.removeprefix("Invalid value ").strip("'"))
    rule = "V04" if found.startswith("Expected `int` >= 0") else "V03"
    return Malformed(rule, field, found)
