"""The checksum of a content is for good: what an older program has stored is known again (V01, V02)."""

from datetime import date
from typing import Annotated

import msgspec
from msgspec import Struct

from aggregates.hashing import content_checksum
from puhui.contract.base import LATER, TYPE_PREFIX
from puhui.contract.catalogue import LOAN_EVENTS, LOAN_TOPIC_TYPES, REGISTRY_EVENTS, TYPES
from puhui.contract.codec import Malformed, decode
from puhui.contract.examples import example

SHIPPED = {
    "loan.opening_balance.v1": 0x6182e453, "loan.issued.v1": 0x8cd22118, "loan.drawn.v1": 0x0c137516,
    "loan.renewed.v1": 0x8f6e9f62, "loan.extended.v1": 0x6531abf6, "loan.repayment_deferred.v1": 0xd985a922,
    "loan.repaid.v1": 0xfe483acc, "loan.overdue.v1": 0x8ef47d75, "loan.overdue_cleared.v1": 0xb1b4226e,
    "loan.classified.v1": 0x28ca2118, "loan.reclassified.v1": 0x06580faa, "loan.defaulted.v1": 0xd4830b3a,
    "loan.written_off.v1": 0xd0dbe702, "loan.transferred.v1": 0x9ba84416, "loan.recovered.v1": 0x4b0b19ff,
    "loan.settled.v1": 0x61e120c8, "loan.corrected.v1": 0xa702660f, "loan.reversed.v1": 0x50d50622,
    "customer.profile_changed.v1": 0x87ea1b2c, "credit_line.granted.v1": 0x7440aec6,
    "credit_line.changed.v1": 0xcd9bfb1a, "credit_line.expired.v1": 0x537fc2d0,
    "position.reported.v1": 0x7011b788, "institution.registered.v1": 0xdc1ea548,
    "institution.updated.v1": 0x92620583, "institution.closed.v1": 0x29e2be40,
    "policy.target_set.v1": 0xd1294211, "reporting.duty_set.v1": 0x14f81fcf, "period.closed.v1": 0x33bd9eea,
    "restatement.opened.v1": 0x22b2ac57, "restatement.approved.v1": 0x8502c24d,
    "calendar.published.v1": 0xef17572b,
}  # fmt: skip
"""The checksums of the shipped examples by type: one that changes is of a type to which a field was added without `LATER`."""


def test_what_was_ever_stored_is_known_again() -> None:
    found = {}
    for name in TYPES:
        topic = LOAN_EVENTS if name in LOAN_TOPIC_TYPES else REGISTRY_EVENTS
        event = decode(topic, msgspec.json.encode(example(name)))
        assert not isinstance(event, Malformed)
        found[name.removeprefix(TYPE_PREFIX)] = content_checksum(event.data)
    assert found == SHIPPED


class Part(Struct, kw_only=True):
    amount: int
    note: str | None = None


class Data(Struct, kw_only=True):
    """Data as they were sent from the first day on."""

    day: date
    parts: tuple[Part, ...] = ()
    said: str | None = None


class GrownPart(Struct, kw_only=True):
    amount: int
    note: str | None = None
    kind: Annotated[str | None, LATER] = None


class Grown(Struct, kw_only=True):
    """The same with two fields more, one of them inside."""

    day: date
    parts: tuple[GrownPart, ...] = ()
    said: str | None = None
    rate: Annotated[str | None, LATER] = None


def test_a_field_that_is_added_later_changes_a_checksum_only_where_it_is_given() -> None:
    day = date(2024, 6, 18)
    stored = content_checksum(Data(day=day, parts=(Part(amount=1, note="n"), Part(amount=2))))
    parts = GrownPart(amount=1, note="n"), GrownPart(amount=2)
    assert content_checksum(Grown(day=day, parts=parts)) == stored
    assert content_checksum(Grown(day=day, parts=parts, rate="1")) != stored
    assert content_checksum(Grown(day=day, parts=(parts[0], GrownPart(amount=2, kind="k")))) != stored
