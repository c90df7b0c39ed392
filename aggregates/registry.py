"""The registry: what the offices published, as known: institutions, targets, calendars, duties, periods.

Folded from registry facts alone; small enough to be held in memory by everybody who needs it.
"""

from collections.abc import Iterable
from datetime import date
from typing import Any, Final

import msgspec
from msgspec import Struct, field

from aggregates.codes import day_number
from aggregates.facts import RegistryFact
from aggregates.outcomes import Hashes, Outcome, Refused
from puhui.codes import UscCheck, check_usc
from puhui.contract import registry as c
from puhui.contract.catalogue import RegistryTopicEvent, type_name
from puhui.privacy import find_personal

REGISTRY_BOOK: Final = "registry"


class Institution(Struct, frozen=True):
    """An institution 机构 as registered; days as day numbers."""

    id: str
    name: str
    kind: str
    is_local_legal_person: bool
    known_from: int
    valid_from: int
    recorded_at: int
    closed_on: int | None = None


class Published(Struct, frozen=True):
    """One published fact with the instant from which it was known."""

    kind: str
    institution: str
    day: int
    recorded_at: int
    data: dict[str, Any]


class Registry(Struct):
    """Everything published so far; `seen` holds the hashes of events by which a repeat is known."""

    institutions: dict[str, Institution] = field(default_factory=dict)
    published: list[Published] = field(default_factory=list)
    seen: dict[int, int] = field(default_factory=dict)

    def take(self, fact: RegistryFact, recorded_at: int) -> None:
        """Take in one fact."""
        data = msgspec.json.decode(fact.data)
        self.seen[fact.event] = fact.content
        self.published.append(Published(fact.kind, fact.institution, fact.day, recorded_at, data))
        if fact.kind in ("institution.registered", "institution.updated"):
            self._register(fact, data, recorded_at)
        elif fact.kind == "institution.closed" and fact.institution in self.institutions:
            closed_on = day_number(date.fromisoformat(data["closed_on"]))
            known = self.institutions[fact.institution]
            self.institutions[fact.institution] = msgspec.structs.replace(known, closed_on=closed_on)

    def _register(self, fact: RegistryFact, data: dict[str, Any], recorded_at: int) -> None:
        before = self.institutions.get(fact.institution)
        self.institutions[fact.institution] = Institution(
            fact.institution,
            data["name"],
            data["kind"],
            data["is_local_legal_person"],
            day_number(date.fromisoformat(data["known_from"])),
            day_number(date.fromisoformat(data["valid_from"])),
            before.recorded_at if before else recorded_at,
            before.closed_on if before else None,
        )

    def of_kind(self, *kinds: str, known_at: int | None = None) -> Iterable[Published]:
        """What was published of these kinds, as known at an instant."""
        return (
            p for p in self.published if p.kind in kinds and (known_at is None or p.recorded_at <= known_at)
        )


def decide(event: RegistryTopicEvent, hashes: Hashes, registry: Registry) -> Outcome:
    """Say what one event of an office means: a fact, a repeat (V01), or a refusal."""
    from aggregates.decide import judged_again

    known = judged_again(registry.seen.get(hashes.event), hashes)
    if known is not None:
        return known
    data = event.data
    if isinstance(data, c.InstitutionData):
        if check_usc(data.institution_id) is UscCheck.MALFORMED:
            return Refused("V40", "data.institution_id", {"value": data.institution_id}, "malformed")
    elif (
        isinstance(data, c.PeriodClosedData | c.RestatementData)
        and "Q" not in data.period
        and "-" not in data.period
    ):
        return Refused("V03", "data.period", {"field": "data.period", "value": data.period})
    for text in msgspec.structs.astuple(data):
        if isinstance(text, str) and find_personal(text) is not None and text != getattr(data, "name", None):
            return Refused("V42", "data", {"field": "data"})
    kind = type_name(type(event)).removeprefix("cn.puhui.").removesuffix(".v1")
    stored = msgspec.json.encode(data).decode()
    return (
        RegistryFact(
            hashes.event, hashes.content, 0, kind, data.institution_id, day_number(data.business_date), stored
        ),
    )
