"""What the ledger holds of one book, commit by commit; a worker may merge its blocks meanwhile."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from aggregates.packing import Unreadable, unpacked
from aggregates.store import Store
from aggregates.store.writing import COMMIT_HEADER, MOVE_BYTES
from projections.rebuilding.findings import Findings

_AT_ONCE: Final = 50


class Committed(NamedTuple):
    """One commit as the ledger holds it: its version and instant, its link, and its movements."""

    version: int
    recorded_at: int
    link: bytes
    moves: bytes


def committed(store: Store, book: str, findings: Findings) -> Iterator[Committed]:
    """Every commit of a book in the ledger; a block that does not hold what it counts is a finding."""
    read = 0
    while blocks := store.stored_blocks(book, read, _AT_ONCE):
        for version, commits, stored in blocks:
            whole = len(commits) // COMMIT_HEADER.size * COMMIT_HEADER.size
            headers = list(COMMIT_HEADER.iter_unpack(bytes(commits)[:whole]))
            size = sum(header[2] for header in headers) * MOVE_BYTES
            moves = _plain(bytes(stored), size)
            if len(moves) != size or whole != len(commits):
                what = (
                    f"its commits count {size // MOVE_BYTES} movements, it holds {len(moves) // MOVE_BYTES}"
                )
                findings.add(f"ledger block up to version {version}", what)
            begin = 0
            for at, recorded_at, count, link in headers:
                end = begin + count * MOVE_BYTES
                if at > read:
                    yield Committed(at, recorded_at, link, moves[begin:end])
                begin = end
            read = max(read, version)


def _plain(stored: bytes, size: int) -> bytes:
    """The movements of a block; a merged one may be packed, a damaged one is taken as it is."""
    if len(stored) == size:
        return stored
    try:
        return unpacked(stored)
    except Unreadable:
        return stored
