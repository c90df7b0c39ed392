"""What may leave on `rejected-events`: its form, its words, and nobody's name in it."""

import base64
import json
import re
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from puhui.contract.rules import RULES
from tests.hostile.damage import PERSONS

_Words = Annotated[str, Meta(min_length=6, max_length=4_000)]
_ESCAPE: Final = re.compile(r"\\u([0-9a-fA-F]{4})")

_UNPACKED: Final = re.compile(rb"offsets ([0-9]+) to ([0-9]+) cannot be unpacked")


class InBothLanguages(Struct, forbid_unknown_fields=True):
    """A sentence in Chinese and in English."""

    zh: _Words
    en: _Words


class Told(Struct, forbid_unknown_fields=True):
    """Why an event was refused, and what its sender may do."""

    digest: Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]
    topic: Literal["loan-events", "registry-events"]
    partition: Annotated[int, Meta(ge=0)]
    offset: Annotated[int, Meta(ge=0)]
    rule: str
    rule_name: str
    case: str
    field: str
    reason: InBothLanguages
    what_to_do: InBothLanguages
    original_base64: str | None


class Advised(Struct, forbid_unknown_fields=True):
    """That events lay in wrong partitions on some day."""

    topic: Literal["loan-events"]
    day: Annotated[str, Meta(pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
    rule: Literal["partition"]
    reason: InBothLanguages
    what_to_do: InBothLanguages


class _Answer(Struct, forbid_unknown_fields=True, tag_field="type", kw_only=True):
    """What any answer has, as a CloudEvent."""

    specversion: Literal["1.0"]
    id: str
    source: Literal["urn:puhui:system"]
    time: str
    subject: str
    partitionkey: str | None


class Rejection(_Answer, tag="cn.puhui.event.rejected.v1", kw_only=True):
    """An event was refused."""

    id: Annotated[str, Meta(pattern="^[0-9a-f]{16}-[0-9a-f]{8}$")]
    data: Told


class Misrouted(_Answer, tag="cn.puhui.event.misrouted.v1", kw_only=True):
    """Events were forwarded."""

    data: Advised


_decode: Final = msgspec.json.Decoder(Rejection | Misrouted, strict=True).decode


def check_answer(message: bytes) -> str:
    """Assert that an answer is what it may be; the rule that it names."""
    answer: Rejection | Misrouted = _decode(message)
    if isinstance(answer, Misrouted):
        return answer.data.rule
    told = answer.data
    rule = RULES[told.rule]
    assert told.rule_name == rule.name
    original = base64.b64decode(told.original_base64, validate=True) if told.original_base64 else b""
    assert told.rule != "V42" or told.original_base64 is None
    words = (told.reason.zh, told.reason.en, told.what_to_do.zh, told.what_to_do.en, told.field)
    for person in PERSONS:
        assert not any(person in text for text in words), (person, told)
        assert not any(text == person for text in _texts(original)), (person, original)
    return told.rule


def speaks_for(message: bytes) -> int:
    """How many offsets an answer is about: one, or all of a batch that could not be unpacked."""
    answer: Rejection | Misrouted = _decode(message)
    told = answer.data
    if isinstance(told, Told) and told.original_base64 is not None:
        found = _UNPACKED.search(base64.b64decode(told.original_base64))
        if found is not None:
            return int(found[2]) - int(found[1]) + 1
    return 1


def _texts(original: bytes) -> list[str]:
    """Every text between two quotation marks, whatever stands around it."""
    plain = _ESCAPE.sub(lambda found: chr(int(found[1], 16)), original.decode("utf-8", "ignore"))
    try:
        return list(_within(json.loads(original)))
    except (ValueError, RecursionError):
        return plain.split('"')


def _within(value: Any) -> Any:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _within(part)
