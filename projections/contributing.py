"""What a change of a balance comes from: the movements that are left of it net, and the facts that made them.

They are found in the columns, so a quarter's commit records need not be read: only those of the movements found.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aggregates import facts as f
from aggregates.loan import Kind
from aggregates.store import Store
from projections.ledger import Ledger
from projections.sums import Ints

_RENEWAL: Final = (Kind.RENEWED_IN, Kind.INCREASE, Kind.SETTLED_BY_RENEWAL, Kind.SETTLED_AGAIN)
_SAME: Final[Mapping[Kind, Kind]] = {
    **dict.fromkeys(_RENEWAL, Kind.RENEWED_IN), Kind.FORECLOSED: Kind.REPAID, Kind.CAPITALISED: Kind.DRAWN,
    Kind.TRANSFERRED_IN: Kind.OPENING, Kind.TRANSFERRED_PERFORMING: Kind.TRANSFERRED_NPL,
}  # fmt: skip
"""Kinds that one kind of fact posts, or one event: of a renewal counts what is left of it."""
_CAUSE: Final = np.array([_SAME.get(Kind(k), k) if k else 0 for k in range(len(Kind) + 1)], dtype=np.uint8)
_WITHOUT_AMOUNT: Final = (Kind.RECLASSIFIED, Kind.MARKED)
"""What moves a loan's whole balance, of which the fact says nothing."""


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


class Row(NamedTuple):
    """One movement: business date, cause, kind, signed fen, the version that posted it, its place in there."""

    day: int
    cause: Kind
    kind: Kind
    amount: int
    version: int
    place: int


class Contribution(NamedTuple):
    """What is left net, in fen, of the movements of a customer on a day for one cause; `rows` are those of its sign."""

    net: int
    rows: tuple[Row, ...]


def largest(ledger: Ledger, span: Span, most: int) -> list[Contribution]:
    """The largest contributions by amount, whatever the commits were in which they came.

    A reversed repayment and its reversal leave nothing, nor does a customer's change of size within the population.
    """
    customer, day, cause, kind, amount, version, place = _columns(ledger, span)
    if not len(amount):
        return []
    keys = (customer << 24) + (day << 8) + cause
    unique, group = np.unique(keys, return_inverse=True)
    net = np.zeros(len(unique), dtype=np.int64)
    np.add.at(net, group, amount)
    found = np.flatnonzero(net < 0 if span.falls else net)
    who = ledger.books[span.book].customers.hashes[unique[found] >> 24]
    order = np.lexsort((unique[found] & 0xFFFFFF, who, -np.abs(net[found])))
    contributions = []
    for one in found[order[:most]].tolist():
        at = np.flatnonzero((group == one) & (np.sign(amount) == np.sign(net[one])))
        rows = zip(
            *(column[at].tolist() for column in (day, cause, kind, amount, version, place)), strict=True
        )
        made = tuple(Row(d, Kind(c), Kind(k), a, v, p) for d, c, k, a, v, p in rows)
        contributions.append(Contribution(int(net[one]), made))
    return contributions


def _columns(ledger: Ledger, span: Span) -> list[Ints]:
    """The movements of a span as columns: customer's number, day, cause, kind, amount, version, place in its version."""
    columns, found = ledger.books.get(span.book), [np.zeros((7, 0), dtype=np.int64)]
    members = ledger.populations.members(span.population)
    for chunk in columns.read() if columns else ():
        part = chunk.upto(span.version)
        day, customer = chunk.day[part], chunk.customer[part]
        wanted = members[chunk.segment[part]] & (day > max(span.after, 0)) & (day <= span.until)
        if span.customers is not None:
            wanted &= span.customers[customer]
        at = np.flatnonzero(wanted)
        version, kind = chunk.version[at], chunk.kind[at]
        place = at - np.searchsorted(chunk.version, version)
        found.append(np.array([customer[at], day[at], _CAUSE[kind], kind, chunk.amount[at], version, place]))
    return list(np.concatenate(found, axis=1))


def facts_behind(
    store: Store, ledger: Ledger, book: str, found: Iterable[Contribution]
) -> Iterator[tuple[Contribution, list[tuple[Row, f.LoanFact | None]]]]:
    """Each contribution with its rows, and the fact that made each of them.

    None where its record is archived, or where it cannot be said: facts post movements in their order, so of those that
    look the same the n-th fact made the n-th movement, as long as there are as many of both.
    """
    records: dict[int, dict[Any, list[f.LoanFact]]] = {}
    for one in found:
        made: list[tuple[Row, f.LoanFact | None]] = []
        for row in one.rows:
            if row.version not in records:
                records[row.version] = _posted(store.record(book, row.version))
            alike = _alike(ledger, book, row)
            facts = records[row.version].get(_look(row.cause, row.day, row.amount), [])
            made.append((row, facts[alike.index(row.place)] if len(facts) == len(alike) else None))
        yield one, made


def _look(cause: Kind, day: int, amount: int) -> tuple[Kind, int, int]:
    """What tells movements of one version apart."""
    return cause, day, (1 if amount > 0 else -1) if cause in _WITHOUT_AMOUNT else amount


def _alike(ledger: Ledger, book: str, row: Row) -> list[int]:
    """The places of all movements of a version, of any population, that look like this one."""
    for chunk in ledger.books[book].read():
        first, end = np.searchsorted(chunk.version, [row.version, row.version + 1]).tolist()
        if first < end:
            same = (_CAUSE[chunk.kind[first:end]] == row.cause) & (chunk.day[first:end] == row.day)
            amount = chunk.amount[first:end]
            if row.cause in _WITHOUT_AMOUNT:
                amount = np.sign(amount)
            found: list[int] = np.flatnonzero(
                same & (amount == _look(row.cause, row.day, row.amount)[2])
            ).tolist()
            return found
    return []


def _posted(record: bytes | None) -> dict[Any, list[f.LoanFact]]:
    """The facts of a commit record, in their order, by what the movements look like that they post."""
    found: dict[Any, list[f.LoanFact]] = defaultdict(list)
    for fact in f.decode_record(record).facts if record else ():
        if isinstance(fact, f.LoanFact):
            for cause, amount in _movements(fact):
                found[_look(cause, fact.day, amount)].append(fact)
    return found


def _movements(fact: f.LoanFact) -> Iterator[tuple[Kind, int]]:
    """Cause and amount of the movements that a fact posts where it comes in its order."""
    match fact:
        case f.LoanRepaid(principal=amount, kind=kind):
            yield Kind.RENEWED_IN if kind == "by_renewal" else Kind.REPAID, -amount
        case f.LoanWrittenOff(principal=amount):
            yield Kind.WRITTEN_OFF, -amount
        case f.LoanTransferred(principal=amount):
            yield Kind.TRANSFERRED_NPL, -amount
        case f.LoanIssued(terms=terms, previous=previous, increase=increase) if previous:
            yield Kind.RENEWED_IN, terms.principal - increase
            if increase:
                yield Kind.RENEWED_IN, increase
            for part in previous:
                if part.repaid_on is None:
                    yield Kind.RENEWED_IN, -part.amount
        case f.LoanIssued(terms=terms):
            yield Kind.ISSUED, terms.principal
        case f.LoanOpened(outstanding=amount):
            yield Kind.OPENING, amount
        case f.LoanDrawn(amount=amount):
            yield Kind.DRAWN, amount
        case f.LoanReclassified():
            yield from ((Kind.RECLASSIFIED, 1), (Kind.RECLASSIFIED, -1))
        case f.LoanExtended(marked=True):
            yield from ((Kind.MARKED, 1), (Kind.MARKED, -1))
