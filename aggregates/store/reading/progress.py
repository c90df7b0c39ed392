"""How far everything is: positions of partitions, marks of progress, and remarks about the store itself."""

from abc import abstractmethod

from aggregates.store.reading.asking import Asking
from aggregates.store.transaction import Last


class Progress(Asking):
    """Positions, marks and remarks by name."""

    @abstractmethod
    def position(self, key: str) -> int | None:
        """The next offset to take in of one partition, None before the first."""

    @abstractmethod
    def last(self, key: str) -> Last | None:
        """The last record of one partition that was taken in; None where that is not known."""

    def positions(self) -> dict[str, int]:
        """All positions by key."""
        statement = "SELECT application_name, notification_id FROM tracking WHERE application_name LIKE ?"
        return dict(self._of_all(statement, ("%/%",)))

    def mark(self, name: str) -> int | None:
        """One stored mark of progress."""
        found = self._of_county("SELECT value FROM mark WHERE name = ?", (name,))
        return int(found[0][0]) if found else None

    def marks(self, beginning: str = "") -> dict[str, int]:
        """All stored marks whose names begin so."""
        return dict(self._of_county("SELECT name, value FROM mark WHERE name LIKE ?", (f"{beginning}%",)))

    def marks_between(self, first: str, last: str) -> dict[str, int]:
        """All stored marks from one name to another, both of them too."""
        return dict(
            self._of_county("SELECT name, value FROM mark WHERE name >= ? AND name <= ?", (first, last))
        )

    def meta(self, name: str) -> str | None:
        """One remark about the store itself."""
        found = self._of_county("SELECT value FROM meta WHERE name = ?", (name,))
        return str(found[0][0]) if found else None

    def remarks(self) -> dict[str, str]:
        """All remarks about the store itself."""
        return dict(self._of_county("SELECT name, value FROM meta"))
