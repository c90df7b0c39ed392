"""What must hold of a store whatever was sent to it: no event lost or counted twice, no fact that the rules do not allow."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final

import msgspec

from aggregates.facts import Fact, PositionReported, RegistryFact, decode_record, encode_record
from aggregates.loan import Kind, Loan, lowest
from aggregates.registry import REGISTRY_BOOK
from aggregates.segments import POPULATIONS
from aggregates.store import Store
from projections.alerts import ALERT_BOOK
from projections.basis import BASIS_BOOK
from projections.ledger import Ledger
from projections.pins import PERIOD_BOOK
from projections.rebuilding import rebuild
from puhui.contract.base import LARGEST
from puhui.contract.rules import RULES
from tests import digests
from tests.hostile.damage import PERSONS

OUTCOMES: Final = ("accepted", "repeated", "refused", "parked", "forwarded")
LAST_DAY: Final = 65_535
_OURS: Final = frozenset((ALERT_BOOK, PERIOD_BOOK, BASIS_BOOK))
_CODE: Final = re.compile("[0-9A-HJ-NPQRTUWXY]{18}")
_DAYS: Final = frozenset(
    (
        "day",
        "disbursed",
        "due",
        "signed",
        "overdue_since",
        "since",
        "old_due",
        "new_due",
        "repaid_on",
        "valid_from",
    )
) | {"valid_to", "as_of"}
_AMOUNTS: Final = frozenset(
    ("principal", "outstanding", "amount", "increase", "interest", "penalty", "fee", "price", "total")
) | {"contract_amount"}
_FREE_TEXTS: Final = frozenset(("product", "ground", "reason", "authority", "due_rule", "source_sentence"))
"""Texts that rule V42 judges; the name of an institution is none."""


def outcomes(store: Store) -> Counter[str]:
    """How many messages came to which end; one that waits no longer counts by what ended its wait."""
    counted: Counter[str] = Counter()
    for _, result, _, _, events in store.counted():
        counted[result] += events
    found = Counter({name: counted[name] for name in OUTCOMES})
    found["parked"] = len(store.parked())
    return found


def only_allowed_facts(store: Store) -> int:
    """Assert that each stored fact is one that schema and rules allow, in a book that may be; how many there are."""
    count = 0
    for book, *_ in store.books():
        assert book in _OURS or book.startswith(f"{REGISTRY_BOOK}:") or _CODE.fullmatch(book), book
        events: set[int] = set()
        for _, state in store.records(book):
            record = decode_record(state)
            assert encode_record(record) == state
            for fact in record.facts:
                count += 1
                _check_fact(fact)
            events |= {fact.event for fact in record.facts}
    return count


def _check_fact(fact: Fact) -> None:
    assert 0 < fact.event < 2**63, fact
    assert 0 <= fact.content < 2**32, fact
    assert all(f"V{n:02d}" in RULES for n in range(64) if fact.flags >> n & 1), fact
    for name, value in _parts(fact):
        if isinstance(value, str):
            assert "\0" not in value, fact
            assert name not in _FREE_TEXTS or not any(person in value for person in PERSONS), fact
        elif isinstance(value, int) and name in _DAYS:
            assert 0 <= value <= LAST_DAY, (name, fact)
        elif isinstance(value, int) and name in _AMOUNTS:
            assert isinstance(fact, PositionReported) or 0 <= value <= LARGEST, (name, fact)
            assert abs(value) < 2**63, (name, fact)


def _parts(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Every plain value of a fact with the name of its field; an office's data are JSON of their own."""
    if isinstance(value, RegistryFact):
        yield from _parts(json.loads(value.data))
    if isinstance(value, msgspec.Struct):
        for field in value.__struct_fields__:
            yield from _parts(getattr(value, field), field)
    elif isinstance(value, dict):
        for field, part in value.items():
            yield from _parts(part, field)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _parts(part, name)
    else:
        yield name, value


def bridges_close(store: Store) -> None:
    """Assert that the figures hold together: no bridge of any population leaves a residual."""
    ledger = Ledger(store)
    ledger.follow()
    ends = [0, *digests.QUARTER_ENDS, LAST_DAY]
    for book, columns in ledger.books.items():
        for population in POPULATIONS:
            balances = ledger.balances(book, population, ends, columns.last)
            for (after, first), (until, last) in pairwise(zip(ends, balances, strict=True)):
                moved = sum(ledger.bridge(book, population, after, until, columns.last).values())
                assert last - first - moved == 0, (book, population, after, until)


def register_is_the_fold(store: Store, url: str) -> None:
    """Assert, after a write-behind of everything, that rows, movements and read models are those of a replay.

    On no day is a loan repaid below zero or, where each instalment was rounded up, a fen an instalment below it (V19).
    """
    rows, fold = {"register": digests.register(store)}, {"register": digests.folded(store)}
    assert digests.differences(rows, fold) == {}
    report = rebuild(url, processes=1)
    assert (report.whole, report.differences, report.listed) == (True, 0, [])
    registers = (store.register(book) for book, *_ in store.books())
    for row in (state for rows in registers for kind, _, state, _ in rows if kind == "loan"):
        loan = msgspec.msgpack.decode(row, type=Loan)
        rounded = 1 + sum(entry.kind == Kind.REPAID for entry in loan.journal)
        assert -rounded <= lowest(loan, 0), loan
        assert loan.balance <= 10 * LARGEST, loan
        assert 0 < loan.terms.principal <= LARGEST, loan
