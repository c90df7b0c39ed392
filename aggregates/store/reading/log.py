"""The log: the commit records of each book, of which the oldest may be in an archive."""

from abc import abstractmethod
from collections.abc import Iterator

from aggregates.store.reading.asking import Asking


class Log(Asking):
    """Commit records by book and version."""

    _archive: "Log | None" = None

    def with_archive(self, archive: "Log") -> None:
        """Read the commit records that are not here any more out of this store from now on."""
        self._archive = archive

    def first_record(self, book: str) -> int | None:
        """The version of a book's first commit record; None where there is none."""
        statement = "SELECT MIN(originator_version) FROM stored_events WHERE originator_id = ?"
        found = self._of(book, statement, (book,))[0][0]
        return None if found is None else int(found)

    def record(self, book: str, version: int) -> bytes | None:
        """One commit record, where it is in the store."""
        statement = "SELECT state FROM stored_events WHERE originator_id = ? AND originator_version = ?"
        found = self._of(book, statement, (book, version))
        return bytes(found[0][0]) if found else None

    def weight(self, book: str, upto: int = 1 << 62) -> tuple[int, int]:
        """How many commit records of a book there are up to a version, and their bytes."""
        statement = (
            "SELECT COUNT(*), COALESCE(SUM(LENGTH(state)), 0) FROM stored_events "
            "WHERE originator_id = ? AND originator_version <= ?"
        )
        ((records, size),) = self._of(book, statement, (book, upto))
        return int(records), int(size)

    def records(self, book: str, after: int = 0) -> Iterator[tuple[int, bytes]]:
        """The commit records of a book behind a version, in order, a few hundred at a time.

        Those that were archived are among them only `with_archive`.
        """
        if self._archive is not None:
            first = self.first_record(book)
            for version, state in self._archive.records(book, after):
                if first is not None and version >= first:
                    break
                yield version, state
                after = version
        while True:
            part = self._of(
                book,
                "SELECT originator_version, state FROM stored_events WHERE originator_id = ? AND originator_version > ? "
                "ORDER BY originator_version LIMIT 500",
                (book, after),
            )
            yield from ((int(version), bytes(state)) for version, state in part)
            if len(part) < 500:
                return
            after = part[-1][0]

    @abstractmethod
    def close(self) -> None:
        """Close the connections, and those of the archive."""
        if self._archive is not None:
            self._archive.close()
