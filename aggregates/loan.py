"""A loan's row of the register: its terms, its journal, and what follows from them as known."""

from enum import IntEnum
from operator import attrgetter
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from aggregates.facts import Settlement, Terms


class Kind(IntEnum):
    """Kinds of entries in a journal and of movements in the ledger, in the order in which a day takes them.

    Up to EXCHANGED they move the balance (08, 10.8); the others are only counted or change other entries.
    """

    OPENING = 1
    TRANSFERRED_IN = 2
    ISSUED = 3
    RENEWED_IN = 4
    INCREASE = 5
    DRAWN = 6
    CAPITALISED = 7
    RECLASSIFIED = 8
    MARKED = 9
    REPAID = 10
    FORECLOSED = 11
    SETTLED_BY_RENEWAL = 12
    SETTLED_AGAIN = 13
    WRITTEN_OFF = 14
    TRANSFERRED_NPL = 15
    TRANSFERRED_PERFORMING = 16
    EXCHANGED = 17
    EXTENDED = 18
    DEFERRED = 19
    OVERDUE = 20
    CLEARED = 21
    CLASSIFIED = 22
    DEFAULTED = 23
    RECOVERED = 24
    SETTLED = 25
    SECOND_LEG = 26
    RECLASS_ERROR = 27
    RECLASS_POLICY = 28
    CORRECTED = 29
    REVERSED = 30


ADDS = frozenset(
    (
        Kind.OPENING,
        Kind.TRANSFERRED_IN,
        Kind.ISSUED,
        Kind.RENEWED_IN,
        Kind.INCREASE,
        Kind.DRAWN,
        Kind.CAPITALISED,
    )
)
TAKES = frozenset(
    (
        Kind.REPAID, Kind.FORECLOSED, Kind.SETTLED_BY_RENEWAL, Kind.SETTLED_AGAIN, Kind.WRITTEN_OFF,
        Kind.TRANSFERRED_NPL, Kind.TRANSFERRED_PERFORMING,
    )
)  # fmt: skip
MOVES = ADDS | TAKES
FLOWS = frozenset((Kind.ISSUED, Kind.RENEWED_IN, Kind.INCREASE, Kind.DRAWN))
"""What counts in 累放."""


class Entry(Struct, array_like=True, gc=False, frozen=True):
    """One fact in a loan's journal: kind, business date, amount in fen, hashes of the event and its content.

    `target` is the fact that is reversed or corrected; `field` and `value` what a kind says beside its amount: the
    field that changes and its new value, the spell's kind, the other 借据 of a renewal.
    """

    kind: int
    day: int
    amount: int
    event: int
    content: int
    target: int | None = None
    field: str | None = None
    value: str | bool | None = None


class Loan(Struct, array_like=True, gc=False):
    """One 借据; what follows `journal` is derived from it and from the customer's timeline."""

    version: int
    terms: Terms
    journal: list[Entry]
    balance: int
    last: int
    segment: int
    since: int
    doubtful: bool = False
    previous: tuple[Settlement, ...] = ()
    signed: int | None = None


def place(day: int, kind: int) -> int:
    """Where an entry stands in a journal sorted by business date: the day, then the rank of its kind."""
    return day << 5 | kind


def seen(loan: Loan, event: int) -> int | None:
    """The content checksum under which this event was taken in for the loan, if it was."""
    for entry in loan.journal:
        if entry.event == event:
            return entry.content
    return None


def effective(loan: Loan) -> list[Entry]:
    """The journal with corrections and reversals worked in, sorted by business date with a fixed tie-break."""
    entries = [e for e in loan.journal if e.kind < _CORRECTED]
    if len(entries) < len(loan.journal):
        entries = _changed(entries, [e for e in loan.journal if e.kind >= _CORRECTED])
    if len(entries) > 1:
        entries.sort(key=_order)
    return entries


_CORRECTED: Final = Kind.CORRECTED.value
_order: Final = attrgetter("day", "kind", "event")


def _changed(entries: list[Entry], changes: list[Entry]) -> list[Entry]:
    dropped: set[int] = set()
    less: dict[int, int] = {}
    amended: dict[int, list[Entry]] = {}
    for change in sorted(changes, key=_order):
        target = change.target or 0
        if change.kind == Kind.CORRECTED:
            amended.setdefault(target, []).append(change)
        elif change.amount < 0:
            dropped.add(target)
        else:
            less[target] = less.get(target, 0) + change.amount
    kept = []
    for entry in entries:
        if entry.event in dropped:
            continue
        for change in amended.get(entry.event, ()):
            entry = _corrected(entry, change)
        if entry.event in less and entry.amount:
            entry = replace(entry, amount=entry.amount - less[entry.event])
        kept.append(entry)
    return kept


def _corrected(entry: Entry, change: Entry) -> Entry:
    match change.field:
        case "principal_fen":
            return replace(entry, amount=change.amount)
        case "business_date":
            return replace(entry, day=change.amount)
        case "new_due_on":
            return replace(entry, amount=change.amount)
        case _:
            return entry


def standing(loan: Loan, event: int) -> list[Entry]:
    """The entries of one event that still stand: neither reversed nor gone."""
    return [e for e in effective(loan) if e.event == event]


def due_on(loan: Loan) -> int:
    """The due date in force, as known: the original one, or the latest that an extension or deferral agreed."""
    due = loan.terms.due
    for entry in effective(loan):
        if entry.kind in (Kind.EXTENDED, Kind.DEFERRED) and entry.amount:
            due = max(due, entry.amount)
    return due


ENDINGS = frozenset((Kind.SETTLED, Kind.TRANSFERRED_NPL, Kind.TRANSFERRED_PERFORMING))


def settled_on(loan: Loan, endings: frozenset[Kind] = ENDINGS) -> int | None:
    """The day on which the loan was settled or transferred away, and nothing was left of it, as known."""
    days = [e.day for e in effective(loan) if e.kind in endings]
    return max(min(days), loan.last >> 5) if days and loan.balance <= 0 else None
