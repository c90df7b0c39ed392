"""Clauses 条款 of the documents, and the units 责任单位 that answer for them, by the names of a date."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Status(StrEnum):
    """Whether a clause can be monitored from events: wholly, partly or only by declaration, or not at all."""

    MEASURED = "M"
    PARTLY = "P"
    NOT = "N"


@dataclass(frozen=True, slots=True)
class UnitName:
    """What a unit is called, from one day to another, both included (9.2)."""

    name: str
    valid_from: date
    valid_to: date | None = None
    verified: bool = True

    def holds(self, on: date) -> bool:
        return self.valid_from <= on and (self.valid_to is None or on <= self.valid_to)


@dataclass(frozen=True, slots=True)
class Unit:
    """A responsible unit by its id, which stays when the name changes."""

    id: str
    names: tuple[UnitName, ...]

    def name(self, on: date) -> UnitName | None:
        """Its name as of that day; None where no name is on record, never a neighbouring one."""
        return next((name for name in self.names if name.holds(on)), None)


@dataclass(frozen=True, slots=True)
class Document:
    """A document 文件 that clauses come from."""

    id: str
    number: str
    title: str
    issued_on: date
    source: str
    """File name of its text in the collection of sources."""


@dataclass(frozen=True, slots=True)
class Clause:
    """One provision: 原文 verbatim, 摘要 in our words, and what follows from it."""

    id: str
    document: Document
    number: str
    original: str
    summary: str
    units: tuple[str, ...]
    """Ids of the responsible units in the document's order, the lead first."""
    indicators: tuple[str, ...]
    status: Status
