"""The stored register of one book beside the replayed one."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from aggregates.customer import Customer
from aggregates.facts import encode
from aggregates.loan import Loan
from aggregates.replay import Replay
from aggregates.store import Store
from projections.rebuilding.findings import Findings, short

Rows = dict[tuple[str, str], bytes]
"""Packed rows by kind (loan or customer) and name."""

_VERSION, _LAST, _RECORDED_AT = 2, 3, 4
_ROWS: Final = """
SELECT 0, loan_no, state, 0 FROM loan WHERE book = ? UNION ALL SELECT 1, ref, state, 0 FROM customer WHERE book = ?
UNION ALL SELECT 2, '', NULL, version FROM watermark WHERE book = ?
UNION ALL SELECT 3, '', NULL, last FROM watermark WHERE book = ?
UNION ALL SELECT 4, '', NULL, recorded_at FROM watermark WHERE book = ?
"""
_DECODE: Final[dict[str, Any]] = {
    "loan": msgspec.msgpack.Decoder(Loan).decode,
    "customer": msgspec.msgpack.Decoder(Customer).decode,
}
_FIELDS: Final[dict[str, tuple[str, ...]]] = {
    "loan": ("terms", "journal", *(f for f in Loan.__struct_fields__ if f not in ("sealed", "packed"))),
    "customer": Customer.__struct_fields__,
}
"""What two rows are compared by: what is kept encoded in a row is compared as it reads."""


class Register:
    """The stored rows of one book and its watermark, read in one statement: a worker may write meanwhile."""

    def __init__(self, store: Store, book: str) -> None:
        self.packed: Rows = {}
        self._stored: Rows = {}
        numbers = {_VERSION: 0, _LAST: 0, _RECORDED_AT: 0}
        for part, name, state, number in store.rows(_ROWS, (book,) * 5):
            if part in numbers:
                numbers[part] = number
            else:
                self._stored["customer" if part else "loan", name] = bytes(state)
        self.watermark, self.last, self.recorded_at = numbers.values()

    def compare(self, replay: Replay, findings: Findings, *, keep: bool = False) -> None:
        """Compare with a replay that stands at the watermark; `keep` the replayed rows as they are packed."""
        stored = self._stored
        for kind, name, row in replay.rows():
            found, packed = stored.pop((kind, name), None), encode(row)
            if found is None:
                findings.add(f"{kind} {name}", "has no row in the register")
            elif found != packed:
                for what in _unlike(kind, found, row):
                    findings.add(f"{kind} {name}", what)
            if keep:
                self.packed[kind, name] = packed
        for kind, name in stored:
            findings.add(f"{kind} {name}", "is in the register, but no fact speaks of it")

    def packed_row(self, kind: str, name: str, row: Loan | Customer) -> bytes:
        """A row as it is stored; packed anew only where it has changed since the watermark."""
        found = self.packed.get((kind, name)) if row.version <= self.watermark else None
        return found or encode(row)


def _unlike(kind: str, stored: bytes, row: Loan | Customer) -> Iterator[str]:
    """The fields in which a stored row differs; none where an older program has only written it otherwise."""
    fields = _FIELDS[kind]
    try:
        old = _DECODE[kind](stored)
        values = [getattr(old, field) for field in fields]
    except msgspec.MsgspecError as error:
        yield f"the row cannot be read: {error}"
        return
    for field, one in zip(fields, values, strict=True):
        other = getattr(row, field)
        if one == other:
            continue
        if isinstance(one, list) and len(one) == len(other):
            at = next(n for n, pair in enumerate(zip(one, other, strict=True)) if pair[0] != pair[1])
            field, one, other = f"{field}[{at}]", one[at], other[at]
        elif isinstance(one, list):
            field, one, other = f"number of {field}", len(one), len(other)
        yield f"{field}: stored {short(one)}, replayed {short(other)}"
