"""The published JSON Schemas: what they allow is what the program decodes."""

import argparse
import itertools
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from puhui.contract.catalogue import TYPES
from puhui.contract.codec import Malformed, decode
from puhui.contract.command import add
from puhui.contract.examples import example
from puhui.contract.schemas import schema, topic_of
from streams.simulation import county

Event = dict[str, Any]
EVERY_TYPE = pytest.mark.parametrize("name", TYPES)
VALIDATORS: dict[str, Any] = {
    name: Draft202012Validator(schema(name), format_checker=FormatChecker()) for name in TYPES
}


def binary(event: Event) -> tuple[bytes, list[tuple[str, bytes | None]]]:
    """The same event with its attributes in headers."""
    headers: list[tuple[str, bytes | None]] = [
        (f"ce_{name}", str(value).encode()) for name, value in event.items() if name != "data"
    ]
    return json.dumps(event["data"]).encode(), [("content-type", b"application/json"), *headers]


def both(event: Event) -> list[object]:
    """What the program makes of an event, in structured and in binary mode."""
    topic = topic_of(event["type"]) if event["type"] in TYPES else "loan-events"
    return [decode(topic, json.dumps(event).encode()), decode(topic, *binary(event))]


@EVERY_TYPE
def test_an_example_is_decoded_in_both_modes(name: str) -> None:
    structured, in_headers = both(example(name))
    assert type(structured) is TYPES[name]
    assert structured == in_headers


@EVERY_TYPE
def test_a_schema_is_a_schema_and_allows_its_example(name: str) -> None:
    made = schema(name)
    Draft202012Validator.check_schema(made)
    assert made["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert made["$id"].endswith(name)
    assert made["title"] == name
    assert any("\u4e00" <= character <= "\u9fff" for character in made["description"])
    assert made["properties"]["type"]["const"] == name
    VALIDATORS[name].validate(example(name))


@EVERY_TYPE
def test_a_schema_allows_no_other_type_and_no_missing_field(name: str) -> None:
    whole = example(name)
    required = [("data", field) for field in VALIDATORS[name].schema["$defs"][_data(name)]["required"]]
    for broken in [
        whole | {"type": "cn.puhui.loan.unheard_of.v1"},
        *({k: v for k, v in whole.items() if k != left} for left in ("id", "source", "environment", "data")),
        *(whole | {"data": {k: v for k, v in whole["data"].items() if k != left}} for _, left in required),
    ]:
        assert not VALIDATORS[name].is_valid(broken)
        topic = topic_of(name)
        assert isinstance(decode(topic, json.dumps(broken).encode()), Malformed)


def _data(name: str) -> str:
    reference: str = VALIDATORS[name].schema["properties"]["data"]["$ref"]
    return reference.rpartition("/")[2]


BROKEN: dict[str, Event] = {
    "negative amount": {"principal_fen": -1},
    "amount as text": {"principal_fen": "100"},
    "amount beyond every size": {"principal_fen": 10**15 + 1},
    "amount beyond 64 bits": {"principal_fen": 2**64},
    "half a fen": {"principal_fen": 0.5},
    "truth for an amount": {"principal_fen": True},
    "no date": {"business_date": "2024-02-30"},
    "date with time": {"business_date": "2024-02-03T00:00:00Z"},
    "unknown kind": {"kind": "给"},
    "empty number": {"loan_no": ""},
    "long number": {"loan_no": "1" * 101},
    "number with U+0000": {"loan_no": "A\0B"},
    "null for a number": {"loan_no": None},
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=list(BROKEN))
def test_what_is_broken_is_refused_by_schema_and_program(data: Event) -> None:
    whole = example("cn.puhui.loan.repaid.v1")
    broken = whole | {"data": whole["data"] | data}
    assert not VALIDATORS[whole["type"]].is_valid(broken)
    assert all(isinstance(answer, Malformed) for answer in both(broken))


@pytest.mark.parametrize("rate", ["4.35\n", "４.35", "4,35", "4.", "", "1e3", "-", "1234567"])
def test_a_rate_is_a_plain_decimal_number(rate: str) -> None:
    whole = example("cn.puhui.loan.issued.v1")
    broken = whole | {"data": whole["data"] | {"rate_pct": rate}}
    assert not VALIDATORS[whole["type"]].is_valid(broken)
    assert all(isinstance(answer, Malformed) for answer in both(broken))


def test_unknown_fields_and_extensions_are_allowed() -> None:
    whole = example("cn.puhui.loan.repaid.v1")
    more = whole | {"dataschema": "urn:x", "comment": "1", "data": whole["data"] | {"later": [1, None]}}
    VALIDATORS[whole["type"]].validate(more)
    assert all(answer == both(whole)[0] for answer in both(more))


def test_the_command_writes_schemas_examples_and_an_index(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parser = argparse.ArgumentParser()
    add(parser.add_subparsers())
    given = parser.parse_args(["contract", "--out", str(tmp_path / "new" / "contract")])
    assert given.run(given) == 0
    folder = tmp_path / "new" / "contract"
    index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    assert [entry["type"] for entry in index] == list(TYPES)
    for entry in index:
        written = json.loads((folder / entry["schema"]).read_text(encoding="utf-8"))
        assert written == schema(entry["type"])
        Draft202012Validator(written).validate(json.loads((folder / entry["example"]).read_text("utf-8")))
    assert "65 files" in capsys.readouterr().out


def test_the_simulated_county_sends_only_what_the_schemas_allow() -> None:
    seen: Counter[str] = Counter()
    for message in itertools.islice(county(1).history(), 60_000):
        event = json.loads(message.value)
        seen[event["type"]] += 1
        if seen[event["type"]] <= 40:
            assert message.topic == topic_of(event["type"])
            VALIDATORS[event["type"]].validate(event)
    assert sum(min(40, count) for count in seen.values()) >= 300
    assert len(seen) >= 12
