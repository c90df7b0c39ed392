"""The registry: what the offices published, as known: institutions, targets, calendars, duties, periods.

Folded from registry facts alone; small enough to be held in memory by everybody who needs it.
"""

from collections.abc import Iterable
from datetime import date
from typing import Any, Final

import msgspec
from msgspec import Struct, field

from aggregates.codes import day_number
from aggregates.decide_common import code, out_of_range, published_out_of_range
from aggregates.facts import RegistryFact, decode_record, flag
from aggregates.outcomes import Hashes, Outcome, Refused
from aggregates.store.base import Store
from puhui.codes import DIVISIONS, Divisions
from puhui.contract import registry as c
from puhui.contract.base import TYPE_PREFIX
from puhui.contract.catalogue import RegistryTopicEvent, type_name
from puhui.privacy import find_personal

REGISTRY_BOOK: Final = "registry"


class Standing(Struct, frozen=True):
    """What an institution is from a day on: its name, its kind, and whether it is a local legal person."""

    since: int
    name: str
    kind: str
    is_local_legal_person: bool


class Institution(Struct, frozen=True):
    """An institution 机构 as registered; days as day numbers.

    `valid_from` is when it was founded: what is changed of it later is valid from a later day, and founds it no second time.
    """

    id: str
    name: str
    kind: str
    is_local_legal_person: bool
    known_from: int
    valid_from: int
    recorded_at: int
    closed_on: int | None = None
    standings: tuple[Standing, ...] = ()
    """In the order in which they were told."""

    def on(self, day: int) -> Standing:
        """What it is on a day: of what holds by then that which begins last, and of that what was told last."""
        held = [standing for standing in self.standings if standing.since <= day]
        return max(reversed(held), key=lambda one: one.since, default=self.standings[0])


class Published(Struct, frozen=True):
    """One published fact with the instant from which it was known, and the office that it came from."""

    kind: str
    institution: str
    day: int
    recorded_at: int
    data: dict[str, Any]
    source: str = ""


class Registry(Struct):
    """Everything published so far; `seen` holds the hashes of events by which a repeat is known."""

    institutions: dict[str, Institution] = field(default_factory=dict)
    published: list[Published] = field(default_factory=list)
    seen: dict[int, int] = field(default_factory=dict)
    closed_by_hand: dict[str, list[Published]] = field(default_factory=dict)
    """What was said of the closing of each period: `aggregates.closing` reads it."""

    def take(self, fact: RegistryFact, recorded_at: int) -> None:
        """Take in one fact."""
        data = msgspec.json.decode(fact.data)
        self.seen[fact.event] = fact.content
        published = Published(fact.kind, fact.institution, fact.day, recorded_at, data, fact.source)
        self.published.append(published)
        if fact.kind == "period.closed":
            self.closed_by_hand.setdefault(data["period"], []).append(published)
        _registered(self.institutions, published)

    def institutions_at(self, known_at: int | None) -> dict[str, Institution]:
        """The institutions as registered when no more than this was known (µs); the latest state for None."""
        if known_at is None:
            return dict(self.institutions)
        found: dict[str, Institution] = {}
        for published in self.published:
            if published.recorded_at <= known_at:
                _registered(found, published)
        return found

    def of_kind(self, *kinds: str, known_at: int | None = None) -> Iterable[Published]:
        """What was published of these kinds, as known at an instant."""
        return (
            p for p in self.published if p.kind in kinds and (known_at is None or p.recorded_at <= known_at)
        )


def _registered(institutions: dict[str, Institution], published: Published) -> None:
    """Take one published fact into the institutions, if it is about one."""
    name, data = published.institution, published.data
    before = institutions.get(name)
    if published.kind in ("institution.registered", "institution.updated"):
        since = valid_from = day_number(date.fromisoformat(data["valid_from"]))
        earlier: tuple[Standing, ...] = ()
        if before is not None and published.kind == "institution.updated":
            valid_from, earlier = min(before.valid_from, valid_from), before.standings
        institutions[name] = Institution(
            name,
            data["name"],
            data["kind"],
            data["is_local_legal_person"],
            day_number(date.fromisoformat(data["known_from"])),
            valid_from,
            before.recorded_at if before else published.recorded_at,
            before.closed_on if before else None,
            (*earlier, Standing(since, data["name"], data["kind"], data["is_local_legal_person"])),
        )
    elif published.kind == "institution.closed" and before is not None:
        closed_on = day_number(date.fromisoformat(data["closed_on"]))
        institutions[name] = msgspec.structs.replace(before, closed_on=closed_on)


def read_registry(store: Store) -> Registry:
    """Fold all registry facts of a store, in the order in which they were known."""
    found = Registry()
    facts: list[tuple[int, str, int, RegistryFact]] = []
    for name, *_ in store.books(REGISTRY_BOOK):
        for version, state in store.records(name):
            record = decode_record(state)
            facts += [
                (record.recorded_at, name, version, f) for f in record.facts if isinstance(f, RegistryFact)
            ]
    for recorded_at, _, _, fact in sorted(facts, key=lambda row: row[:3]):
        found.take(fact, recorded_at)
    return found


def decide(
    event: RegistryTopicEvent, hashes: Hashes, registry: Registry, divisions: Divisions = DIVISIONS
) -> Outcome:
    """Say what one event of an office means: a fact, a repeat (V01), or a refusal."""
    from aggregates.decide import judged_again

    known = judged_again(registry.seen.get(hashes.event), hashes, event)
    if known is not None:
        return known
    data = event.data
    refused = published_out_of_range(data) or _personal(data) or _not_read(data)
    if refused is None and find_personal(event.source) is not None:
        refused = Refused("V42", "source", {})  # who published it is kept with the fact
    if refused is None and isinstance(data, c.PeriodClosedData) and data.closed_at is not None:
        refused = out_of_range("data.closed_at", data.closed_at.date())
    flags = 0
    if refused is None and isinstance(data, c.InstitutionData):
        refused, flags = _codes(data, divisions)
    if refused is not None:
        return refused
    kind = type_name(type(event)).removeprefix(TYPE_PREFIX).removesuffix(".v1")
    stored = msgspec.json.encode(data).decode()
    day = day_number(data.business_date)
    fact = RegistryFact(
        hashes.event, hashes.content, flags, kind, data.institution_id, day, stored, event.source
    )
    return (fact,)


_FIXED: Final = frozenset(("inclusive_line_limit", "pboc_inclusive_line_limit"))
"""Limits of 普惠 by which every movement of the ledger was classed: another reading is another program, and a rebuild."""


def _not_read(data: Any) -> Refused | None:
    """Does a target ask for another population, which no figure would follow (V03)?"""
    if not isinstance(data, c.TargetSetData):
        return None
    asked = {"key": data.key if data.key in _FIXED else None}
    asked |= {name: getattr(data, name) for name in ("limit_fen", "strict", "cooperatives")}
    for name, value in asked.items():
        if value is not None:
            return Refused("V03", f"data.{name}", {"value": str(value)}, "not_supported")
    return None


def _codes(data: c.InstitutionData, divisions: Divisions) -> tuple[Refused | None, int]:
    """The codes of an institution, of its parent, and of its divisions (V40, V41)."""
    flags = 0
    for name in ("institution_id", "parent_id"):
        value = getattr(data, name)
        if value is not None:
            refused, found = code(f"data.{name}", value)
            if refused is not None:
                return refused, 0
            flags |= found
    named = (data.division_code, *data.divisions_served)
    unknown = any(d is not None and not divisions.is_known(d, data.business_date) for d in named)
    return None, flags | flag("V41") * unknown


def _personal(data: Any) -> Refused | None:
    """Does a text seem to hold a person's name or number (V42)? An institution's own name is none."""
    for name in data.__struct_fields__:
        value = getattr(data, name)
        for text in value if isinstance(value, tuple) else (value,):
            if (
                isinstance(text, str)
                and find_personal(text) is not None
                and not (name == "name" and isinstance(data, c.InstitutionData))
            ):
                return Refused("V42", f"data.{name}", {})
    return None
