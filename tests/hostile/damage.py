"""Damage to an event's fields, to its bytes and to its headers. All of it is drawn from the dice that are given."""

import json
from collections.abc import Callable
from random import Random
from typing import Any, Final

from puhui.contract.catalogue import TYPES
from tests.desk import BANK, OTHER_BANK, SHOP
from tests.events import Event

Headers = list[tuple[str, bytes | None]]

PERSONS: Final = ("张三", "13812345678", "142625198001010016", "6222020200112233446")
"""Invented persons: a name, the numbers of a telephone, an identity card and a bank card."""
STRANGE: Final[list[Any]] = [
    None, True, False, 0, -1, 1, 10**15, 10**15 + 1, 2**31, 2**63 - 1, 2**63, 2**64, -(2**63), 10**40, 0.5, 1e300, "",
    " ", "A", "0", "x" * 101, "x" * 501, "x" * 5000, "\0", "\u2028", "\u202e", "e\u0301", "\U0001f4b0", "０", "1.5",
    "-1", "1e5", "０００１", "0001-01-01", "1969-12-31", "1970-01-01", "2149-06-06", "2149-06-07", "9999-12-31",
    "2024-02-30", "2024-06-18", "2024-06-18T00:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00",
    "2024Q1", "2024-06", "micro", "normal", "by_renewal", "renewal", "bridge", "no_principal", "error", "policy",
    "principal_fen", "business_date", "999999", "p1:x", BANK, OTHER_BANK, SHOP, "registry:0", "alerts", "unknown",
    "urn:puhui:inst:", "urn:puhui:gov:", "99999999999999999999", "../..", "' OR 1=1 --", "{value}", "%s", [], [None],
    ["A", "A"], ["A"] * 1001, {}, {"a": 1}, [[]], *PERSONS, "联系人：" + PERSONS[0],
]  # fmt: skip
"""Values that may stand where another is expected."""
_TYPES: Final = tuple(TYPES)
_JSON: Final[list[bytes]] = [
    b"NaN", b"-Infinity", b"1e400", b"-0", b"01", b"+1", b"0x10", b"1" + b"0" * 400, b"1.0", b"1E2", b"\"\\ud800\"",
    b"\"\xed\xa0\x80\"", b"\"\\u0000\"", b"\"\0\"", b"\"\\x\"", b"\"\xff\"", b"nul", b"'a'", b"[" * 50 + b"]" * 50,
    b"[" * 2_000 + b"]" * 2_000, b"[" * 5_000, b"{\"a\":" * 1_500 + b"1" + b"}" * 1_500, b"", b"/**/1",
]  # fmt: skip
"""What may stand as a value in a text that wants to be JSON."""


# an event's fields


def strange_value(dice: Random, event: Event) -> None:
    """A value that nobody expects, in one field of the data."""
    if event["data"]:
        event["data"][dice.choice(list(event["data"]))] = dice.choice(STRANGE)


def strange_attribute(dice: Random, event: Event) -> None:
    """A value that nobody expects, in one attribute of the envelope."""
    event[dice.choice([name for name in event if name != "data"])] = dice.choice(STRANGE)


def dropped(dice: Random, event: Event) -> None:
    """A field is missing."""
    within = event["data"] if event["data"] and dice.random() < 0.8 else event
    name = dice.choice(list(within))
    if name != "data":
        del within[name]


def swapped(dice: Random, event: Event) -> None:
    """Two fields have each other's value."""
    data = event["data"]
    if data:
        one, other = dice.choice(list(data)), dice.choice(list(data))
        data[one], data[other] = data[other], data[one]


def another_type(dice: Random, event: Event) -> None:
    """The data of one type under the name of another."""
    event["type"] = dice.choice(_TYPES)


def another_amount(dice: Random, event: Event) -> None:
    """Another amount, mostly one that may be."""
    amounts = [name for name in event["data"] if name.endswith("_fen")]
    if amounts:
        event["data"][dice.choice(amounts)] = int(10 ** dice.uniform(0, 15.3))


def another_day(dice: Random, event: Event) -> None:
    """Another date, mostly one that may be."""
    days = [
        name for name in event["data"] if name.endswith(("_on", "_date", "_from", "_of", "_since", "_to"))
    ]
    if days:
        day = f"{dice.choice((1969, 1970, 2022, 2023, 2024, 2024, 2024, 2025, 2149, 9999))}"
        event["data"][dice.choice(days)] = f"{day}-{dice.randint(1, 12):02d}-{dice.randint(1, 30):02d}"


def foreign_field(dice: Random, event: Event) -> None:
    """A field that no contract knows, or a text where one may stand."""
    name = dice.choice(
        ("x", "note", "evidence_ref", "reason", "operator_system", "__class__", "type", "data")
    )
    event["data"][name] = dice.choice(STRANGE)


CHANGES: Final[list[Callable[[Random, Event], None]]] = [
    strange_value, strange_value, strange_attribute, dropped, swapped, another_type, another_amount, another_amount,
    another_day, another_day, foreign_field,
]  # fmt: skip


# its bytes


def flipped(dice: Random, value: bytes) -> bytes:
    """Some bits are the other way round."""
    made = bytearray(value)
    for _ in range(dice.randint(1, 4)):
        made[dice.randrange(len(made))] ^= 1 << dice.randrange(8)
    return bytes(made)


def cut(dice: Random, value: bytes) -> bytes:
    """The end is missing."""
    return value[: dice.randrange(len(value))]


def spliced(dice: Random, value: bytes) -> bytes:
    """A piece stands elsewhere, or twice."""
    at, to = sorted((dice.randrange(len(value)), dice.randrange(len(value))))
    return value[:at] + value[to:] + value[at:to] if dice.random() < 0.5 else value[:to] + value[at:]


def twice(dice: Random, value: bytes) -> bytes:
    """A name stands twice, the second time with a value of another kind."""
    name = dice.choice(
        (b"loan_no", b"principal_fen", b"business_date", b"data", b"id", b"source", b"institution_id")
    )
    again = dice.choice((b"1", b'"A"', b"null", b'"2024-06-18"', b"{}", f'"{BANK}"'.encode()))
    end = value.rfind(b"}", 0, len(value) - dice.randint(0, 1)) if len(value) > 1 else -1
    return value[:end] + b', "' + name + b'": ' + again + value[end:] if end >= 0 else value


def no_json(dice: Random, value: bytes) -> bytes:
    """In place of a value stands what JSON does not know, or hardly."""
    colons = [at for at, byte in enumerate(value) if byte == ord(":")]
    at = dice.choice(colons) + 1 if colons else 0
    ends = [end for end in (value.find(b",", at), value.find(b"}", at)) if end >= 0]
    return value[:at] + dice.choice(_JSON) + value[min(ends, default=len(value)) :]


def recoded(dice: Random, value: bytes) -> bytes:
    """Another encoding, or bytes around the text."""
    text = value.decode("utf-8", "replace")
    return dice.choice(
        (
            b"\xef\xbb\xbf" + value, text.encode("utf-16"), text.encode("gb18030"), value + b"\0", b" \n" + value + b"\t",
            value + value, b"[" + value + b"]", json.dumps(text).encode(), b"\0" * len(value), dice.randbytes(40),
        )
    )  # fmt: skip


DAMAGES: Final[list[Callable[[Random, bytes], bytes]]] = [
    flipped, flipped, cut, spliced, twice, twice, no_json, no_json, recoded,
]  # fmt: skip


# its headers


def disturbed(dice: Random, headers: Headers) -> Headers:
    """Headers that are missing, exchanged, doubled, broken or nobody's."""
    made = list(headers)
    at, other = (dice.randrange(len(made)), dice.randrange(len(made))) if made else (0, 0)
    match dice.randrange(6) if made else 5:
        case 0:
            del made[at]
        case 1:
            made[at], made[other] = (made[at][0], made[other][1]), (made[other][0], made[at][1])
        case 2:
            made.insert(other, made[at])
        case 3:
            made[at] = (
                made[at][0],
                dice.choice((None, b"", b"\xff", b"a\0b", b"x" * 1_000, b"1.0", made[other][1])),
            )
        case 4:
            made[at] = (made[at][0].upper(), made[at][1])
        case _:
            made.insert(at, dice.choice(_FOREIGN))
    return made


_FOREIGN: Final[Headers] = [
    ("", b""), ("cé", None), ("ce_", b"x"), ("ce_unknown", b"\xff"), ("traceparent", b"\xff"), ("ce_id", b"1"),
    ("content-type", b"application/cloudevents+json; charset=UTF-8"), ("content-type", None), ("ce_data", b"{}"),
    ("puhui-published", b"-1"), ("puhui-signature", b"new:\xff"), ("puhui-signature", None),
]  # fmt: skip
