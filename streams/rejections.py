"""Tell a sender what was refused: a message for `rejected-events`, and never the content where it is not safe."""

import base64
import re
from hashlib import blake2b
from typing import Any, Final

import msgspec

from aggregates.messages import told
from aggregates.outcomes import Refused
from aggregates.store.transaction import Outgoing
from puhui.contract.catalogue import REJECTED_EVENTS
from puhui.contract.rules import RULES
from puhui.privacy import find_personal

TYPE: Final = "cn.puhui.event.rejected.v1"
LONGEST_VALUE: Final = 300
_WORDS: Final = re.compile(r"[\s'\"`:,，：]+")
_NOT_HAN: Final = re.compile(r"[^\u4e00-\u9fff]+")
_TEXT: Final = re.compile(r'"(?:[^"\\]|\\.)*"')
"""A text in JSON, with its quotation marks."""
_ESCAPED: Final = re.compile(r"\\u([0-9a-fA-F]{4})")
LARGEST_ORIGINAL: Final = 600_000
"""Bytes of an original that are still sent back: in base64, with the reason, they stay below the topic's 1 MiB."""


def rejection(
    refused: Refused, *, event: int, content: int, institution: str | None, topic: str, partition: int, offset: int,
    value: bytes, rejected_at: str,
) -> Outgoing:  # fmt: skip
    """The message; its id is made of the event's hashes, so that a repeat has the same one."""
    rule, values = RULES[refused.rule], _values(refused)
    safe = _is_safe(refused, value)
    identity = f"{event:016x}-{content:08x}"
    data: dict[str, Any] = {
        "digest": blake2b(value, digest_size=16).hexdigest(),
        "topic": topic,
        "partition": partition,
        "offset": offset,
        "rule": refused.rule,
        "rule_name": rule.name,
        "case": refused.case,
        "field": refused.field,
        "reason": {lang: rule.reason(lang, refused.case, **values) for lang in ("zh", "en")},
        "what_to_do": {lang: rule.what_to_do(lang, refused.case, **values) for lang in ("zh", "en")},
        "original_base64": base64.b64encode(value).decode() if safe else None,
    }
    place = f"{topic}/{partition}/{offset}"
    return told(REJECTED_EVENTS, TYPE, identity, institution, time=rejected_at, subject=place, data=data)


def said(refused: Refused) -> str:
    """Case and values as the answer names them, for the store."""
    values = {name: str(value) for name, value in _values(refused).items()}
    return msgspec.json.encode([refused.case, values]).decode()


def _values(refused: Refused) -> dict[str, object]:
    values: dict[str, object] = {"field": refused.field}
    if refused.rule != "V42":
        values |= {name: _shown(value) for name, value in refused.values.items()}
    return values


def _shown(value: object) -> object:
    """A value as the answer may repeat it: nothing that looks like a person, and not at any length.

    Stricter than V42, which judges in favour of the sender: whatever stands between two words of Chinese parts them.
    """
    if not isinstance(value, str):
        return value
    if any(find_personal(part) is not None for part in (value, *_WORDS.split(value), *_NOT_HAN.split(value))):
        return "***"
    return value[:LONGEST_VALUE]


def _is_safe(refused: Refused, value: bytes) -> bool:
    """May the original be sent back: not above the topic's size, and nothing in it that looks like a person."""
    if refused.rule == "V42" or len(value) > LARGEST_ORIGINAL:
        return False
    try:
        return not any(find_personal(text) for text in _texts(value))
    except UnicodeDecodeError:
        return False  # in another encoding a name could not be found


def _texts(value: bytes) -> list[str]:
    """Every text in the bytes: names, and what a second one of the same name hides, too. Of what is no JSON all of it."""
    text = value.decode()
    try:
        msgspec.json.decode(value)
        return [msgspec.json.decode(found) for found in _TEXT.findall(text)]
    except (msgspec.DecodeError, RecursionError):
        plain = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)
        return [plain, *plain.split('"')]
