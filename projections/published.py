"""What offices published, as known at an instant: targets in force and delivery levels."""

from datetime import date
from typing import Any, Final

from aggregates.codes import date_of
from aggregates.registry import Registry
from puhui.policy import Base, ExpressionError, Register, Scope, TargetSet, UnknownKey, register

_NOTHING: Final[dict[str, Any]] = {}


def register_at(registry: Registry, known_at: int | None) -> Register:
    """The register of targets: the files' own, then each policy.target_set in the order in which it was known.

    An event whose key nobody knows, or whose value cannot be read, changes nothing.
    """
    found = register()
    for published in registry.of_kind("policy.target_set", known_at=known_at):
        try:
            found = found.with_target(_target(published.data))
        except (UnknownKey, ExpressionError):
            continue
    return found


def _target(data: dict[str, Any]) -> TargetSet:
    scope, base = data.get("scope") or _NOTHING, data.get("base_rule")
    ends = data.get("valid_to")
    return TargetSet(
        key=data["key"],
        value=data["value"],
        unit=data.get("unit"),
        valid_from=date.fromisoformat(data["valid_from"]),
        valid_to=date.fromisoformat(ends) if ends else None,
        scope=Scope(
            frozenset(scope.get("institution_kinds") or ()),
            scope.get("is_local_legal_person"),
            scope.get("institution_id") or "",
        ),
        base=Base(base) if base else None,
        exempt=bool(data.get("exempt")),
        ground=data.get("ground") or "",
        consent_document=data.get("consent_document") or "",
        document=data.get("document_no") or "",
        sentence=data.get("source_sentence") or "",
    )


def level_on(registry: Registry, institution: str, day: int, *, known_at: int | None) -> str:
    """The delivery level 报送层级 that reporting.duty_set says for a day; C where none is in force.

    Of several in force the one that starts last holds, then the one known last.
    """
    level, begun, on = "C", "", date_of(day).isoformat()
    for published in registry.of_kind("reporting.duty_set", known_at=known_at):
        data = published.data
        ends = data.get("valid_to") or "9999-12-31"
        if published.institution == institution and begun <= data["valid_from"] <= on <= ends:
            level, begun = data["delivery_level"], data["valid_from"]
    return str(level)
