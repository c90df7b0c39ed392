"""The register 台账 of clauses, units and targets: read once, then only ever replaced by a newer value."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TypeVar

from puhui.policy.clauses import Clause, Document, Unit, UnitName
from puhui.policy.expressions import parse
from puhui.policy.targets import EVERYONE, Base, Comparator, Scope, Target, choose, in_force
from puhui.policy.thresholds import Thresholds, thresholds

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetSet:
    """What an event `policy.target_set` says; fields left None stay as the key's target has them."""

    key: str
    value: str
    valid_from: date
    unit: str | None = None
    valid_to: date | None = None
    scope: Scope = EVERYONE
    comparator: Comparator | None = None
    base: Base | None = None
    indicator: str | None = None
    clause: str | None = None
    soft: bool | None = None
    exempt: bool = False
    ground: str = ""
    consent_document: str = ""
    document: str = ""
    sentence: str = ""


class UnknownKey(ValueError):
    """A target of a key that the register does not know, without indicator, comparator and unit."""


@dataclass(frozen=True, slots=True)
class Register:
    """All clauses, units and targets, as known after the last `with_target`."""

    clauses: Mapping[str, Clause] = field(default_factory=dict)
    documents: Mapping[str, Document] = field(default_factory=dict)
    units: Mapping[str, Unit] = field(default_factory=dict)
    all_targets: tuple[Target, ...] = ()

    def clause(self, clause_id: str) -> Clause:
        """The clause with this id, `C3.8` or `P8.1a`; an unknown id is a KeyError."""
        return self.clauses[clause_id]

    def unit_name(self, unit_id: str, on: date) -> UnitName | None:
        """What the unit was called on that day; None where unknown."""
        unit = self.units.get(unit_id)
        return None if unit is None else unit.name(on)

    def responsible(self, clause_id: str, on: date) -> tuple[str, ...]:
        """Names as of that day of the clause's responsible units 责任单位, the lead first.

        A unit whose name is not known for the day stands with its id.
        """
        named = ((unit, self.unit_name(unit, on)) for unit in self.clause(clause_id).units)
        return tuple(unit if name is None else name.name for unit, name in named)

    def targets(self, indicator: str, on: date) -> tuple[Target, ...]:
        """Every target of the indicator that binds somebody on that day."""
        return tuple(in_force((t for t in self.all_targets if t.indicator == indicator), on))

    def target_for(
        self, key: str, institution: str, kind: str, is_local_legal_person: bool, on: date
    ) -> Target | None:
        """The target that binds this institution on that day, or None.

        One set for the institution itself comes before one for its kind; a later start before an earlier.
        """
        of_key = (target for target in self.all_targets if target.key == key)
        return choose(of_key, institution, kind, is_local_legal_person, on)

    def thresholds(
        self, on: date, institution: str = "", kind: str = "", is_local_legal_person: bool = False
    ) -> Thresholds:
        """The limits of the rules on that day, for the county or for one institution.

        A rule always has a limit: where none is in force, or what is is no number of its kind, that of the files holds.
        """
        own = {target.key: target for target in self.all_targets if target.order == 0}
        who = (institution, kind, is_local_legal_person)
        return thresholds(lambda key: (self.target_for(key, *who, on), own.get(key)))

    def with_target(self, new: TargetSet) -> "Register":
        """The same register and one target more, in force for its scope from its `valid_from` on.

        Days before keep the target they had. A target that starts later still follows, whatever the order in
        which the two arrived; of two with one start the later call holds. When its `valid_to` is past, its
        scope has no target, except that an institution falls back to its kind's.
        """
        old = self._model(new)
        if old is None and (new.indicator is None or new.comparator is None or new.unit is None):
            raise UnknownKey(f"no target has the key {new.key!r}: indicator, comparator and unit are needed")
        target = Target(
            key=new.key,
            indicator=_given(new.indicator, old.indicator if old else ""),
            comparator=_given(new.comparator, old.comparator if old else Comparator.AT_LEAST),
            value=parse(new.value),
            unit=_given(new.unit, old.unit if old else ""),
            valid_from=new.valid_from,
            valid_to=new.valid_to,
            scope=new.scope,
            clause=_given(new.clause, old.clause if old else ""),
            base=_given(new.base, old.base if old else Base.NONE),
            soft=_given(new.soft, old.soft if old else False),
            ours=old is not None and old.ours and not new.document,
            exempt=new.exempt,
            ground=new.ground,
            consent_document=new.consent_document,
            document=new.document,
            sentence=new.sentence,
            order=1 + max((known.order for known in self.all_targets), default=0),
        )
        return replace(self, all_targets=(*self.all_targets, target))

    def _model(self, new: TargetSet) -> Target | None:
        """The key's target that the new one follows: the last to have begun by then, else the first."""
        same = [target for target in self.all_targets if target.key == new.key and target.order == 0]
        same = same or [target for target in self.all_targets if target.key == new.key]
        begun = [target for target in same if target.valid_from <= new.valid_from]
        return (
            max(begun, key=lambda t: t.valid_from)
            if begun
            else min(same, key=lambda t: t.valid_from, default=None)
        )


def _given(value: T | None, otherwise: T) -> T:
    return otherwise if value is None else value
