"""Which file a row goes to, in a store of a file a partition: that of its book's partition, or the county's.

`registry-events` p and `loan-events` p have one owner, so a partition's file holds the books of both.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

from msgspec.structs import replace

from aggregates.partitioning import partition_of
from aggregates.store.transaction import Flush, Outgoing, Position, Transaction
from puhui.contract.catalogue import LOAN_EVENTS, REGISTRY_EVENTS, REJECTED_EVENTS

Place = int | None
"""A partition; None is the county."""
COUNTY: Final = None
OF_THE_COUNTY: Final = frozenset({"alerts", "periods", "basis", "archives", "unknown"})
"""Books of nobody's key; `unknown` is whose refusals are counted of which no institution is registered."""
_REGISTRY: Final = "registry:"
_OF_A_KEY: Final = frozenset({LOAN_EVENTS, REGISTRY_EVENTS, REJECTED_EVENTS})
"""Topics to which the owner of a key sends; to the others goes who judges."""

LAST: Final = ("offset:", "content:")
"""How the marks begin that say which record of a partition was taken in last; the key of its position follows."""

Places = Callable[[str], Place]
Parts = dict[Place, Transaction]
"""Parts of a transaction by file; the first one is the position's, and is committed first."""


def places(partitions: int) -> Places:
    """Where each book is, among so many partitions."""

    def place(book: str) -> Place:
        if book in OF_THE_COUNTY:
            return COUNTY
        number = book.removeprefix(_REGISTRY)
        if number != book and number.isdecimal():
            return int(number) % partitions
        return partition_of(book, partitions)

    return place


def place_of_position(key: str) -> Place:
    """Where the position of a partition is kept (`<cluster>/<topic>/<partition>`); that of a lease is the county's."""
    return int(key.rpartition("/")[2]) if "/" in key else COUNTY


def place_of_mark(name: str) -> Place:
    """Where a mark is kept: what speaks of a partition's position beside it, all others in the county's file."""
    return place_of_position(name) if name.startswith(LAST) else COUNTY


def last_marks(position: Position | None) -> dict[str, int]:
    """The marks that say which record was taken in last; none where that stays as it is."""
    if position is None or position.last is None:
        return {}
    values = (position.last.offset, position.last.content)
    return {f"{name}{position.key}": value for name, value in zip(LAST, values, strict=True)}


def place_of_message(topic: str, key: str | None, place: Places) -> Place:
    """Where a message waits that no event has made."""
    return place(key) if topic in _OF_A_KEY and key is not None else COUNTY


def parted(t: Transaction, place: Places) -> tuple[Parts, Flush | None]:
    """A transaction by file; apart from it a write-behind of another file, which may follow by itself.

    What comes of one batch stays in its partition's file, but the rows of books that are elsewhere.
    """
    home = _home(t, place)
    needed = _needed(t, place) | {home}
    flush = t.flush
    if flush is not None and place(flush.book) not in needed:
        t = replace(t, flush=None)
    else:
        flush = None
    return ({home: t} if len(needed) == 1 else _parts(t, home, needed, place)), flush


def _home(t: Transaction, place: Places) -> Place:
    if t.position is not None:
        return place_of_position(t.position.key)
    if t.commits:
        return place(t.commits[0].book)
    return place(t.flush.book) if t.flush is not None else COUNTY


def _needed(t: Transaction, place: Places) -> set[Place]:
    """The files of all rows that cannot lie anywhere else."""
    rows: Iterable[Any] = (*t.commits, *t.parked, *t.reported, *t.restatements)
    found = {place(row.book) for row in rows}
    found.update(map(place, t.born))
    found.update(place(book) for book, _ in t.unparked)
    if t.alerts or t.marks:
        found.add(COUNTY)
    if t.position is None and not t.commits:
        found.update(place(row.book) for row in t.refused)
        found.update(place(book) for book, *_ in t.counts)
        found.update(place_of_message(m.topic, m.key, place) for m in t.outbox)
    return found


def _parts(t: Transaction, home: Place, needed: set[Place], place: Places) -> Parts:
    parts: Parts = {home: Transaction(position=t.position, segments=t.segments)}
    for at in needed - {home}:
        parts[at] = Transaction()

    def near(book: str) -> Transaction:
        return parts.get(place(book), parts[home])

    def of(message: Outgoing) -> Transaction:
        if t.position is None:
            return parts.get(place_of_message(message.topic, message.key, place), parts[home])
        return parts[home] if message.key is None else near(message.key)

    for name in ("commits", "parked", "refused", "reported", "restatements"):
        for row in getattr(t, name):
            getattr(near(row.book), name).append(row)
    for book in t.born:
        near(book).born.append(book)
    for book, event in t.unparked:
        near(book).unparked.append((book, event))
    for key, events in t.counts.items():
        near(key[0]).counts[key] = events
    for message in t.outbox:
        of(message).outbox.append(message)
    if t.alerts or t.marks:
        parts[COUNTY].alerts, parts[COUNTY].marks = t.alerts, t.marks
    if t.flush is not None:
        near(t.flush.book).flush = t.flush
    return parts
