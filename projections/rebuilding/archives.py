"""Archives 归档: which commit records are in an archive and no longer in the store, and a store read together with it.

What is dropped stays told: a fact a book, in a book of its own, says up to which commit, and what the ledger has up to it.
"""

from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path
from typing import Final

from aggregates.facts import RecordsArchived, decode_record
from aggregates.store import Store, StoreFailed, open_store
from aggregates.store.writing import COMMIT_HEADER, MOVE_BYTES
from projections.rebuilding.committed import Committed, committed
from projections.rebuilding.findings import Findings

ARCHIVE_BOOK: Final = "archives"


class ArchiveNeeded(StoreFailed):
    """Commit records are wanted that are in an archive; the message names it."""


class Seal:
    """A digest of what the ledger has of a book, commit by commit, and the link of the last one."""

    def __init__(self) -> None:
        self._hashed = blake2b(digest_size=16)
        self.upto = 0
        self.link = b""

    def take(self, commit: Committed) -> None:
        """Take the next commit in."""
        count = len(commit.moves) // MOVE_BYTES
        self._hashed.update(COMMIT_HEADER.pack(commit.version, commit.recorded_at, count, commit.link))
        self._hashed.update(commit.moves)
        self.upto, self.link = commit.version, commit.link

    @property
    def ledger(self) -> bytes:
        """The digest so far."""
        return self._hashed.digest()


def seal(commits: Iterable[Committed], upto: int) -> Seal:
    """The seal of the commits up to a version."""
    made = Seal()
    for commit in commits:
        if commit.version > upto:
            break
        made.take(commit)
    return made


def told(store: Store) -> dict[str, RecordsArchived]:
    """What was said of each book when its records were archived the last time."""
    records = (decode_record(state) for _, state in store.records(ARCHIVE_BOOK))
    return {
        fact.book: fact for record in records for fact in record.facts if isinstance(fact, RecordsArchived)
    }


def archived(store: Store) -> dict[str, RecordsArchived]:
    """The books whose first commit records are not in the store; none of a store that was made whole again."""
    return {book: fact for book, fact in told(store).items() if store.first_record(book) != 1}


def open_whole(url: str, archive: Path | None = None) -> Store:
    """A store for reading with all its commit records: those that were archived are read out of the archive.

    ArchiveNeeded where there are such, and the archive is not given or not the one that has them.
    """
    store = open_store(url, read_only=True)
    try:
        gone = archived(store)
        if archive is not None:
            store.with_archive(_opened(archive, gone))
        elif gone:
            fact = max(gone.values(), key=lambda fact: fact.year)
            raise ArchiveNeeded(
                f"the commit records of before {fact.year} are in the archive {fact.file}: give it by --with"
            )
    except BaseException:
        store.close()
        raise
    return store


def _opened(path: Path, gone: dict[str, RecordsArchived]) -> Store:
    archive = open_store(f"sqlite:{path}", read_only=True)
    for fact in gone.values():
        found = seal(committed(archive, fact.book, Findings(fact.book)), fact.upto)
        if (found.upto, found.link, found.ledger) != (fact.upto, fact.link, fact.ledger):
            archive.close()
            raise ArchiveNeeded(
                f"{path} does not have the commits of book {fact.book} up to {fact.upto} as they were archived: "
                f"give {fact.file} by --with"
            )
    return archive
