"""The audit of ids (V02): one id that a source used for several subjects.

An id is known again with its subject alone, so what bears it for another one is taken in, and found here, over the log.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from msgspec import Struct

from aggregates.codes import date_of
from aggregates.facts import CustomerFact, Fact, LoanFact, PositionReported, decode_record
from aggregates.store import Store
from puhui.policy.periods import moment_at

_TOLD: Final = (LoanFact, CustomerFact, PositionReported)
"""Facts that institutions told; an id of an office is known again whatever it is about."""


class Use(Struct, frozen=True):
    """One use of an id: what was told of which subject, its business date, and when it was taken in."""

    fact: str
    subject: str
    business_date: str
    recorded_at: str


class Reused(Struct, frozen=True):
    """One id of an institution that was used for several subjects; the hash stands for source and id."""

    institution: str
    event: str
    uses: list[Use]


def reused_ids(store: Store) -> Iterator[Reused]:
    """All ids that were used for several subjects, by institution and in the order in which they came."""
    for book, *_ in store.books():
        yield from _reused(store, book)


def _reused(store: Store, book: str) -> Iterator[Reused]:
    wanted = _with_several_contents(store, book)
    found: dict[int, list[Use]] = {}
    for recorded_at, fact in _facts(store, book) if wanted else ():
        if fact.event in wanted:
            found.setdefault(fact.event, []).append(_use(fact, recorded_at))
    for event, uses in found.items():
        yield Reused(book, f"{event & (1 << 64) - 1:016x}", uses)


def _with_several_contents(store: Store, book: str) -> set[int]:
    """The ids whose facts do not all come of one content; one event about several loans has one."""
    pairs = [(fact.event, fact.content) for _, fact in _facts(store, book)]
    if not pairs:
        return set()
    known = np.unique(np.array(pairs, dtype=np.int64), axis=0)[:, 0]
    return set(known[1:][known[1:] == known[:-1]].tolist())


def _facts(store: Store, book: str) -> Iterator[tuple[int, Fact]]:
    for _, state in store.records(book):
        record = decode_record(state)
        yield from ((record.recorded_at, fact) for fact in record.facts if isinstance(fact, _TOLD))


def _use(fact: Fact, recorded_at: int) -> Use:
    if isinstance(fact, LoanFact):
        subject, day = fact.loan_no, fact.day
    elif isinstance(fact, CustomerFact):
        subject, day = fact.customer, fact.day
    else:
        assert isinstance(fact, PositionReported)
        subject, day = f"{fact.key}/{fact.measure}/{date_of(fact.as_of)}", fact.day
    return Use(type(fact).__name__, subject, date_of(day).isoformat(), moment_at(recorded_at).isoformat())
