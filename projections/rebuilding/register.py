"""The stored register of one book beside the replayed one."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from aggregates.customer import Customer
from aggregates.facts import encode
from aggregates.loan import Loan
from aggregates.replay import Replay
from aggregates.store import Store
from projections.rebuilding.findings import Findings, short

Row = Loan | Customer
Rows = dict[str, dict[str, bytes]]
"""Packed rows by table and name."""

_TABLES: Final = ("loan", "customer")
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
        self._packed: Rows = {}
        rows = store.register(book)
        self._stored: Rows = {
            table: {name: bytes(state) for part, name, state, _ in rows if part == table} for table in _TABLES
        }
        numbers = dict.fromkeys(("version", "last", "recorded_at"), 0)
        numbers |= {name: number for part, name, _, number in rows if part == "watermark"}
        self.watermark, self.last, self.recorded_at = numbers.values()

    def compare(self, replay: Replay, findings: Findings) -> None:
        """Compare with a replay that stands at the watermark; what a table must hold is compared with it as a whole."""
        for table, rows in replay.tables().items():
            packed = dict(zip(rows, map(encode, rows.values()), strict=True))
            stored, self._packed[table] = self._stored.pop(table), packed
            if packed != stored:
                _name(table, stored, rows, packed, findings)

    def packed(self, table: str, rows: Mapping[str, Row]) -> list[tuple[str, bytes]]:
        """Rows as they are stored, by name; packed anew are only those that have changed since the watermark."""
        found = self._packed.get(table, {})
        found.update((name, encode(row)) for name, row in rows.items() if row.version > self.watermark)
        return sorted(found.items())


def _name(
    table: str,
    stored: dict[str, bytes],
    rows: Mapping[str, Row],
    packed: dict[str, bytes],
    findings: Findings,
) -> None:
    """Name the rows in which a table differs."""
    for name, row in rows.items():
        found = stored.get(name)
        if found is None:
            findings.add(f"{table} {name}", "has no row in the register")
        elif found != packed[name]:
            for what in _unlike(table, found, row):
                findings.add(f"{table} {name}", what)
    for name in sorted(stored.keys() - rows.keys()):
        findings.add(f"{table} {name}", "is in the register, but no fact speaks of it")


def _unlike(kind: str, stored: bytes, row: Row) -> Iterator[str]:
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
