"""Reads the register from the package's own TOML files; a fault in them is an error at the first use."""

import tomllib
from collections.abc import Iterator
from datetime import date
from importlib.resources import files
from typing import Any

from puhui.policy.clauses import Clause, Document, Status, Unit, UnitName
from puhui.policy.expressions import parse
from puhui.policy.register import Register
from puhui.policy.targets import Base, Comparator, Scope, Target

_Row = dict[str, Any]

_LOCAL_BANKS = Scope(
    frozenset({"city_commercial", "rural_commercial", "village_bank"}), local_legal_person=True
)
"""地方法人银行: banks only; a local micro-lender or guarantor is a legal person too, but no bank."""


def read() -> Register:
    """The register as the files have it, before any event."""
    clauses, units = _table("clauses"), _table("units")
    documents = {row["id"]: Document(**row) for row in clauses["documents"]}
    return Register(
        clauses={row["id"]: _clause(row, documents) for row in clauses["clauses"]},
        documents=documents,
        units={row["id"]: _unit(row) for row in units["units"]},
        all_targets=(*_targets(_table("targets")), *_thresholds(_table("thresholds"))),
    )


def _table(name: str) -> _Row:
    text = files("puhui.policy").joinpath("data", f"{name}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _clause(row: _Row, documents: dict[str, Document]) -> Clause:
    return Clause(
        id=row["id"],
        document=documents[row["document"]],
        number=row["number"],
        original=row["original"],
        summary=row["summary"],
        units=tuple(row["units"]),
        indicators=tuple(row["indicators"]),
        status=Status(row["status"]),
    )


def _unit(row: _Row) -> Unit:
    return Unit(row["id"], tuple(UnitName(**name) for name in row["names"]))


def _targets(table: _Row) -> Iterator[Target]:
    for row in table["targets"]:
        yield _target(row)
    for row in table["two_increase"]:
        yield from _two_increase(row)


def _target(row: _Row) -> Target:
    given = dict(row)
    return Target(
        scope=Scope(kinds=frozenset(given.pop("kinds", ()))),
        comparator=Comparator(given.pop("comparator")),
        value=parse(given.pop("value")),
        base=Base(given.pop("base", "none")),
        **given,
    )


def _two_increase(row: _Row) -> Iterator[Target]:
    """Both halves of 两增 for one policy year: the growth gap in percentage points, the gap of households."""
    halves = (
        ("two_increase_growth", "C4.4a", "I36", "percentage_point"),
        ("two_increase_household", "C4.4b", "I37", "household"),
    )
    for key, clause, indicator, unit in halves:
        yield Target(
            key=key,
            clause=clause,
            indicator=indicator,
            comparator=Comparator.AT_LEAST,
            value=parse("0"),
            unit=unit,
            scope=_LOCAL_BANKS,
            base=Base(row["base"]),
            valid_from=date(row["year"], 1, 1),
            valid_to=date(row["year"], 12, 31),
            document=row.get("document", ""),
            verified=row.get("verified", True),
        )


def _thresholds(table: _Row) -> Iterator[Target]:
    for row in table["thresholds"]:
        yield _target({"ours": table["ours"], "valid_from": table["valid_from"], **row})
