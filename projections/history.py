"""The history 沿革: who changed which target, institution, duty, period, rule or key, and when it was known."""

from collections.abc import Iterator
from typing import Final

import msgspec
from msgspec import Struct

from aggregates.facts import BasisChanged, PeriodPinned, RecordsArchived, RegistryFact, decode_record
from aggregates.registry import REGISTRY_BOOK
from aggregates.store import Store
from projections.basis import BASIS_BOOK, PARTS
from projections.pins import PERIOD_BOOK
from projections.rebuilding.archives import ARCHIVE_BOOK
from puhui.contract.base import TYPE_PREFIX
from puhui.contract.catalogue import REGISTRY_TOPIC_TYPES
from puhui.policy.periods import moment_at

_PINNED: Final = "period.pinned"
_ARCHIVED: Final = "records.archived"
KINDS: Final = (
    *sorted(name.removeprefix(TYPE_PREFIX).removesuffix(".v1") for name in REGISTRY_TOPIC_TYPES),
    *(f"basis.{part}" for part in PARTS),
    _PINNED,
    _ARCHIVED,
)
"""All kinds of changes: what an office publishes, what is judged by, what closings pin, what was archived."""


class Change(Struct, frozen=True):
    """One change: when it was known, what changed, whose, by whom, and what was said."""

    known_at: str
    what: str
    subject: str
    by: str
    said: str


def history(store: Store) -> list[Change]:
    """All changes, in the order in which they were known."""
    books = [name for name, *_ in store.books(REGISTRY_BOOK)]
    found: list[tuple[int, Change]] = []
    for book in (*books, PERIOD_BOOK, BASIS_BOOK, ARCHIVE_BOOK):
        for _, state in store.records(book):
            record = decode_record(state)
            known_at = moment_at(record.recorded_at).isoformat(timespec="seconds")
            for fact in record.facts:
                found += ((record.recorded_at, change) for change in _changes(fact, known_at))
    return [change for _, change in sorted(found, key=lambda row: row[0])]


def _changes(fact: object, known_at: str) -> Iterator[Change]:
    if isinstance(fact, RegistryFact):
        said = {
            name: value for name, value in msgspec.json.decode(fact.data).items() if value not in (None, [])
        }
        said.pop("institution_id", None)
        yield Change(known_at, fact.kind, fact.institution, fact.source, msgspec.json.encode(said).decode())
    elif isinstance(fact, PeriodPinned):
        yield Change(known_at, _PINNED, fact.period, "", f"{len(fact.versions)} books")
    elif isinstance(fact, BasisChanged):
        yield Change(known_at, f"basis.{fact.part}", fact.name, fact.by, fact.value or "gone")
    elif isinstance(fact, RecordsArchived):
        where = f"commit records up to {fact.upto}, of before {fact.year}, in {fact.file}"
        yield Change(known_at, _ARCHIVED, fact.book, fact.by, where)
