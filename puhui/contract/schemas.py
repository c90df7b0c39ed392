"""JSON Schemas of the contract, made of the same types by which messages are decoded.

A schema describes a whole CloudEvent in structured mode. What it cannot say, a validation rule does (V01–V49).
"""

import json
from pathlib import Path
from typing import Any, Final

import msgspec

from puhui.contract.base import TYPE_PREFIX
from puhui.contract.catalogue import LOAN_EVENTS, LOAN_TOPIC_TYPES, REGISTRY_EVENTS, TYPES
from puhui.contract.examples import example

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_DATE: Final = r"^(19[7-9][0-9]|20[0-9]{2}|21[0-4][0-9])-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"
_ANY_DATE: Final = r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"
_MOMENT: Final = (
    r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?"
    r"(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])?$"
)
_NO_NUL: Final = r"^[^\u0000]*$"
"""U+0000 stands in no text: not every database can store it."""

Schema = dict[str, Any]


def topic_of(name: str) -> str:
    """The topic on which events of this type come."""
    return LOAN_EVENTS if name in LOAN_TOPIC_TYPES else REGISTRY_EVENTS


def schema(name: str) -> Schema:
    """The JSON Schema of one event type, by its full name."""
    event = TYPES[name]
    (reference,), found = msgspec.json.schema_components([event], ref_template="#/$defs/{name}")
    definitions = {key: _told(part) for key, part in found.items()}
    whole = definitions.pop(reference["$ref"].rpartition("/")[2])
    whole["properties"]["type"] = {"const": name, "description": "事件类型"}
    data = whole["properties"]["data"]["$ref"].rpartition("/")[2]
    made: Schema = {
        "$schema": DIALECT,
        "$id": f"urn:puhui:contract:{name}",
        "title": name,
        "description": f"{_chinese(event.__doc__)}：CloudEvents 1.0 结构化消息，主题 {topic_of(name)}。",
        **{key: part for key, part in whole.items() if key not in ("title", "description")},
    }
    definitions[data]["description"] = f"{_chinese(event.__doc__)}的内容"
    plain: Schema = json.loads(json.dumps(made | {"$defs": definitions}))
    return plain


def _chinese(docstring: str | None) -> str:
    return (docstring or "").partition(";")[0].strip().rstrip(".")


def _told(node: Any, name: str = "") -> Any:
    """The same part of a schema, with what msgspec leaves to formats said as patterns too."""
    if isinstance(node, list):
        return [_told(part, name) for part in node]
    if not isinstance(node, dict):
        return node
    made = {
        key: {field: _told(part, field) for field, part in value.items()}
        if key == "properties"
        else _told(value, name)
        for key, value in node.items()
    }
    if made.get("type") == "string" and "enum" not in made:
        if made.get("format") == "date":
            made["pattern"] = _ANY_DATE if name in ("known_from", "valid_from") else _DATE
        elif made.get("format") == "date-time":
            made["pattern"] = _MOMENT
        else:
            made.setdefault("pattern", _NO_NUL)
    return made


def write(folder: Path) -> list[Path]:
    """Write a schema and an example for each event type, and an index of them; the files written."""
    folder.mkdir(parents=True, exist_ok=True)
    index: list[dict[str, str]] = []
    written: list[Path] = []
    for name, event in TYPES.items():
        short = name.removeprefix(TYPE_PREFIX)
        entry = {
            "type": name,
            "title": _chinese(event.__doc__),
            "topic": topic_of(name),
            "schema": f"{short}.schema.json",
            "example": f"{short}.example.json",
        }
        index.append(entry)
        written.append(_save(folder / entry["schema"], schema(name)))
        written.append(_save(folder / entry["example"], example(name)))
    written.append(_save(folder / "index.json", index))
    return written


def _save(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return path
