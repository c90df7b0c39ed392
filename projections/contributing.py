"""What a change of a balance comes from: its largest movements, and the facts that made them.

Movements are found in the columns, so a quarter's commit records need not be read: only those of the movements found.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aggregates import facts as f
from aggregates.loan import Kind
from aggregates.store import Store
from projections.ledger import Chunk, Ledger

_WITHIN: Final = (Kind.SETTLED_BY_RENEWAL, Kind.SETTLED_AGAIN)
"""What a renewal settles comes back as 续贷转入: neither is a cause of its own."""
_MADE_BY: Final[Mapping[int, type[f.LoanFact]]] = {
    Kind.OPENING: f.LoanOpened, Kind.TRANSFERRED_IN: f.LoanOpened, Kind.ISSUED: f.LoanIssued,
    Kind.RENEWED_IN: f.LoanIssued, Kind.INCREASE: f.LoanIssued, Kind.DRAWN: f.LoanDrawn,
    Kind.CAPITALISED: f.LoanDrawn, Kind.REPAID: f.LoanRepaid, Kind.FORECLOSED: f.LoanRepaid,
    Kind.WRITTEN_OFF: f.LoanWrittenOff, Kind.TRANSFERRED_NPL: f.LoanTransferred,
    Kind.TRANSFERRED_PERFORMING: f.LoanTransferred,
}  # fmt: skip


class Span(NamedTuple):
    """Which movements of a book count: of a population, with a business date in (after, until], known at a version."""

    book: str
    population: str
    after: int
    until: int
    version: int
    falls: bool = False
    """Only what takes from the balance."""
    customers: NDArray[np.bool_] | None = None
    """A truth value for each customer of the book; all of them for None."""


class Contribution(NamedTuple):
    """One movement: signed fen, business date, hash of the customer, kind, the version that posted it.

    `nth`: so many movements of that version that look the same lie before it.
    """

    amount: int
    day: int
    customer: int
    kind: Kind
    version: int
    nth: int


def largest(ledger: Ledger, span: Span, most: int) -> list[Contribution]:
    """The largest movements by amount, whatever the commits were in which they came."""
    columns = ledger.books.get(span.book)
    if columns is None:
        return []
    members, hashes = ledger.populations.members(span.population), columns.customers.hashes
    found = [row for chunk in columns.read() for row in _of_chunk(chunk, span, members, hashes, most)]
    return sorted(found, key=_by_size)[:most]


def _by_size(row: Contribution) -> tuple[int, int, int, int]:
    return -abs(row.amount), row.day, row.customer, row.kind


def _of_chunk(
    chunk: Chunk, span: Span, members: NDArray[np.bool_], hashes: NDArray[np.int64], most: int
) -> Iterator[Contribution]:
    part = chunk.upto(span.version)
    day, amount, customer, kind = chunk.day[part], chunk.amount[part], chunk.customer[part], chunk.kind[part]
    wanted = members[chunk.segment[part]] & (day > max(span.after, 0)) & (day <= span.until)
    wanted &= ~np.isin(kind, _WITHIN) & ((amount < 0) if span.falls else (amount != 0))
    if span.customers is not None:
        wanted &= span.customers[customer]
    at = np.flatnonzero(wanted)
    if len(at) > most:
        sizes = np.abs(amount[at])
        at = at[sizes >= np.partition(sizes, -most)[-most]]
    order = np.lexsort((kind[at], hashes[customer[at]], day[at], -np.abs(amount[at])))
    for n in at[order[:most]].tolist():
        version = int(chunk.version[n])
        first = int(np.searchsorted(chunk.version, version))
        same = (day[first:n] == day[n]) & (amount[first:n] == amount[n])
        makers = [_MADE_BY.get(k) for k in kind[first:n][same].tolist()]
        made = Kind(int(kind[n]))
        yield Contribution(
            int(amount[n]), int(day[n]), int(hashes[customer[n]]), made, version,
            makers.count(_MADE_BY.get(made)),
        )  # fmt: skip


def facts_behind(
    store: Store, book: str, rows: Iterable[Contribution]
) -> Iterator[tuple[Contribution, f.LoanFact | None]]:
    """Each movement with the fact that made it; None where its record is archived, or where no single loan's fact did.

    Facts post their movements in their order: the n-th of those that look the same made the n-th movement.
    """
    records: dict[int, dict[Any, list[f.LoanFact]]] = {}
    for row in rows:
        if row.version not in records:
            records[row.version] = _makers(store.record(book, row.version))
        made = records[row.version].get((_MADE_BY.get(row.kind), row.day, row.amount), [])
        yield row, made[row.nth] if row.nth < len(made) else None


def _makers(record: bytes | None) -> dict[Any, list[f.LoanFact]]:
    """The facts of a commit record, in their order, by what the movements look like that they post."""
    found: dict[Any, list[f.LoanFact]] = defaultdict(list)
    for fact in f.decode_record(record).facts if record else ():
        if isinstance(fact, f.LoanFact):
            for amount in _posted(fact):
                found[(type(fact), fact.day, amount)].append(fact)
    return found


def _posted(fact: f.LoanFact) -> tuple[int, ...]:
    match fact:
        case f.LoanRepaid(kind="by_renewal"):
            return ()
        case f.LoanRepaid(principal=amount) | f.LoanWrittenOff(principal=amount):
            return (-amount,)
        case f.LoanTransferred(principal=amount):
            return (-amount,)
        case f.LoanIssued(terms=terms, increase=increase):
            return (terms.principal - increase, increase) if increase else (terms.principal,)
        case f.LoanOpened(outstanding=amount) | f.LoanDrawn(amount=amount):
            return (amount,)
        case _:
            return ()
