"""What was refused: hashes, place and the answer's words."""

from collections.abc import Iterator, Sequence
from operator import itemgetter

from aggregates.store.reading.asking import Asking
from aggregates.store.sql import Row
from aggregates.store.transaction import RefusedRow


class Refused(Asking):
    """Refused events by book, hash and checksum."""

    def refused(self, book: str | None = None, limit: int = 1000) -> list[RefusedRow]:
        """The latest refused events, newest first."""
        where = "" if book is None else "WHERE book = ?"
        columns = "book, event, content, rule, field, at, place, said"
        statement = f"SELECT {columns} FROM refused {where} ORDER BY at DESC LIMIT {limit:d}"
        found = self._of_all(statement, () if book is None else (book,), lambda row: -row[5])
        return [RefusedRow(*row) for row in found[:limit]]

    def refused_among(self, book: str, events: Sequence[int]) -> list[tuple[int, int]]:
        """Hash and checksum of those of these events that were refused in a book."""
        return self.fetch("refused", "event", book, events, "content")

    def refused_events(self, limit: int) -> list[int]:
        """The hashes of refused events of all books, of each content that was refused; not more than so many."""
        return [event for (event,) in self._of_all("SELECT event FROM refused LIMIT ?", (limit,))][:limit]

    def refused_before(self, instant: int) -> int:
        """How many events were refused before an instant, as far as they are in the store."""
        return sum(n for (n,) in self._of_all("SELECT COUNT(*) FROM refused WHERE at < ?", (instant,)))

    def refused_until(self, instant: int, at_once: int) -> Iterator[list[RefusedRow]]:
        """What was refused before an instant, so many at a time; those that were read may be dropped meanwhile."""
        statement = (
            "SELECT book, event, content, rule, field, at, place, said FROM refused "
            "WHERE at < ? AND (book, event, content) > (?, ?, ?) ORDER BY book, event, content LIMIT ?"
        )
        place: Row = ("", 0, 0)
        while found := self._of_all(statement, (instant, *place, at_once), itemgetter(0, 1, 2))[:at_once]:
            yield [RefusedRow(*row) for row in found]
            place = found[-1][:3]
