"""The movements of a ledger block as they lie in a store: packed, or as they are."""

import struct

from aggregates.packing import Unreadable, packed, unpacked
from aggregates.store.failures import StoreIncomplete
from aggregates.store.writing import COMMIT_HEADER, MOVE_BYTES


def shortened(moves: bytes) -> bytes:
    """Merged movements packed, or as they are where that is no shorter: the length alone tells which it is."""
    shorter = packed(moves)
    return shorter if len(shorter) < len(moves) else moves


def plain(book: str, version: int, commits: bytes, moves: bytes) -> bytes:
    """The movements of a ledger block of a book, by its last version; packed ones are shorter than its commits say.

    StoreIncomplete where it does not hold what it counts.
    """
    try:
        counts = [header[2] for header in COMMIT_HEADER.iter_unpack(commits)]
        size = sum(counts) * MOVE_BYTES
        found = bytes(moves) if len(moves) == size else unpacked(moves)
    except (struct.error, Unreadable) as error:
        raise damaged(book, f"its block up to commit {version} cannot be read ({error})") from error
    if len(found) != size or min(counts, default=-1) < 0:
        raise damaged(book, f"its block up to commit {version} does not hold what it counts")
    return found


def damaged(book: str, what: str) -> StoreIncomplete:
    """Says that a book's ledger does not hold what it should, and where to look what to do."""
    return StoreIncomplete(
        f"the ledger of book {book} is damaged: {what}; see the runbook, “A commit is not what was committed”"
    )
