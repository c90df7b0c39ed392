"""The stored ledger of one book beside the replayed one, commit by commit: what was known at any instant is checked."""

from collections.abc import Iterable

from aggregates.codes import date_of
from aggregates.loan import Kind
from aggregates.replay import Replay
from aggregates.store import Store
from aggregates.store.transaction import Commit
from aggregates.store.writing import MOVE, MOVE_BYTES
from projections.rebuilding.committed import Committed, committed
from projections.rebuilding.findings import Findings

Key = tuple[int, int, int, int]
"""Segment, customer, day, kind."""


class Movements:
    """The stored ledger of one book beside the replayed one, commit by commit."""

    def __init__(self, store: Store, book: str, last: int, findings: Findings) -> None:
        self._findings = findings
        self._stored = (c for c in committed(store, book, findings) if c.version <= last)
        self._next = next(self._stored, None)
        self._unlike: dict[Key, list[tuple[int, int, int]]] = {}

    def compare(self, commit: Commit) -> None:
        """Compare the next commit as it is replayed."""
        stored = self._upto(commit.version)
        moves = b""
        if stored is None:
            self._findings.add(f"commit {commit.version}", "is not in the ledger")
        else:
            moves = stored.moves
            self._findings.unlike(
                f"commit {commit.version}", "recorded_at", stored.recorded_at, commit.recorded_at
            )
        if moves != commit.moves:
            for key, (amount, loans) in _less(moves, commit.moves).items():
                if amount or loans:
                    self._unlike.setdefault(key, []).append((commit.version, amount, loans))

    def _upto(self, version: int) -> Committed | None:
        while self._next is not None and self._next.version < version:
            self._findings.add(f"commit {self._next.version}", "is in the ledger twice")
            self._next = next(self._stored, None)
        if self._next is None or self._next.version > version:
            return None
        found, self._next = self._next, next(self._stored, None)
        return found

    def end(self, replay: Replay) -> None:
        """Name what differs: sums first, then what agrees in sum but was posted at another version."""
        for left in [self._next, *self._stored] if self._next else ():
            self._findings.add(f"commit {left.version}", "is in the ledger, but not in the log")
        found = sorted(
            self._unlike.items(), key=lambda item: (not _sums(item[1])[0], item[0][2:], item[1][0])
        )
        for (segment, customer, day, kind), parts in found:
            amount, loans = _sums(parts)
            named = Kind(kind).name.lower() if kind in list(Kind) else str(kind)
            ref = replay.customer_of(customer) or f"{customer:016x}"
            subject = f"movement {named} on {date_of(day)} of customer {ref}"
            versions = ", ".join(str(part[0]) for part in parts[:5]) + (", …" if len(parts) > 5 else "")
            what = (
                f"the ledger has {amount:+} fen and {loans:+} loans against the replay, at version {versions}"
            )
            if not amount and not loans:
                what = f"the sums agree, but not at each of the versions {versions}"
            self._findings.add(subject, f"{what} (segment {segment:016x})")


def _less(stored: bytes, replayed: bytes) -> dict[Key, list[int]]:
    """What is stored, less what is replayed, by segment, customer, day and kind."""
    sums: dict[Key, list[int]] = {}
    for sign, moves in ((1, stored), (-1, replayed)):
        for segment, customer, day, kind, amount, loans in MOVE.iter_unpack(
            moves[: len(moves) // MOVE_BYTES * MOVE_BYTES]
        ):
            total = sums.setdefault((segment, customer, day, kind), [0, 0])
            total[0] += sign * amount
            total[1] += sign * loans
    return sums


def _sums(parts: Iterable[tuple[int, int, int]]) -> tuple[int, int]:
    listed = list(parts)
    return sum(part[1] for part in listed), sum(part[2] for part in listed)
