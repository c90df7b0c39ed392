"""What two stores of millions of events are compared by: a short digest of each part, however events came in."""

from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from hashlib import blake2b
from typing import Final

import msgspec
import numpy as np

from aggregates.customer import Customer
from aggregates.facts import decode_record, encode
from aggregates.loan import Loan
from aggregates.store import Store, open_store
from projections.columns import BookColumns
from projections.ledger import Ledger
from tests import digests

_WIDTH: Final = 16
_ROUND: Final = 1 << 8 * _WIDTH

Digest = dict[str, str]


def both(first: str, second: str) -> tuple[Digest, Digest]:
    """The digests of two stores, made at the same time."""
    with ProcessPoolExecutor(2) as pool:
        one, other = pool.map(digest, (first, second))
    return one, other


def digest(url: str) -> Digest:
    """By part, how many things there are and what they come to."""
    with closing(open_store(url, read_only=True)) as store:
        small = {part: _sum(map(_told, found.items())) for part, found in digests.small(store).items()}
        return {
            "facts": _sum(_facts(store)),
            "loans and customers": _sum(_rows(store)),
            "movements": _sum(_movements(store)),
        } | small


def _sum(things: Iterable[bytes]) -> str:
    """The same for the same things in any order."""
    count = total = 0
    for thing in things:
        count += 1
        total += int.from_bytes(blake2b(thing, digest_size=_WIDTH).digest(), "big")
    return f"{count:,} {total % _ROUND:0{2 * _WIDTH}x}"


def _told(item: object) -> bytes:
    return repr(item).encode()


def _facts(store: Store) -> Iterable[bytes]:
    """Every fact of every book but those that hold versions; these are compared by their tables."""
    for book, *_ in store.books():
        for _, record in store.records(book):
            for fact in decode_record(record).facts:
                if not isinstance(fact, digests.APART):
                    yield book.encode() + encode(fact)


def _rows(store: Store) -> Iterable[bytes]:
    loans, customers = msgspec.msgpack.Decoder(Loan), msgspec.msgpack.Decoder(Customer)
    for book, *_ in store.books():
        for kind, name, row, _ in store.register(book):
            if kind == "loan":
                yield _told((book, name, digests.plain_loan(loans.decode(row))))
            elif kind == "customer":
                yield _told((book, name, digests.plain_customer(customers.decode(row))))


def _movements(store: Store) -> Iterable[bytes]:
    """The sums of amounts and loans by book, segment, customer, kind and day: one piece a book and segment."""
    ledger = Ledger(store)
    ledger.follow()
    names = [repr(segment) for segment in digests.segments_of(ledger)]
    for book, columns in ledger.books.items():
        for segment in np.unique(np.concatenate([c.segment for c in columns.chunks] or [np.zeros(0, int)])):
            yield f"{book} {names[segment]} ".encode() + _moved(columns, int(segment))


def _moved(columns: BookColumns, segment: int) -> bytes:
    """What the movements of one segment come to, in a fixed order."""
    parts = [(chunk, chunk.segment == segment) for chunk in columns.chunks]
    customer = columns.customers.hashes[np.concatenate([c.customer[wanted] for c, wanted in parts])]
    day, kind, amount, loans = (
        np.concatenate([getattr(c, name)[wanted].astype(np.int64) for c, wanted in parts])
        for name in ("day", "kind", "amount", "loans")
    )
    order = np.lexsort((kind, day, customer))
    keys = np.stack([customer, day, kind])[:, order]
    begin = np.flatnonzero(np.r_[True, (keys[:, 1:] != keys[:, :-1]).any(axis=0)])
    sums = np.stack([np.add.reduceat(values[order], begin) for values in (amount, loans)])
    kept = sums.any(axis=0)
    return np.concatenate([keys[:, begin], sums])[:, kept].tobytes()


def same_messages(first: dict[str, set[bytes]], both: dict[str, set[bytes]]) -> bool:
    """Has the first run sent each message in one form, and a second run the same ids? Its words may name other versions."""
    return first.keys() == both.keys() and all(len(forms) == 1 for forms in first.values())
