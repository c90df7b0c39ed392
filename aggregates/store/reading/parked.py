"""What waits: for a loan, an event or an institution, until its deadline."""

from operator import itemgetter
from typing import Any

from aggregates.store.reading.asking import Asking
from aggregates.store.transaction import ParkedRow


class Parked(Asking):
    """Events that wait, in the order of their arrival."""

    def parked(
        self, book: str | None = None, wait: str | None = None, until: int | None = None, limit: int = -1
    ) -> list[ParkedRow]:
        """Events that wait, of one book or of all, for one thing or for any, until an instant at most or any.

        Not more than so many, where a limit is given: those that came first.
        """
        where, values = "WHERE 1 = 1", list[Any]()
        for condition, value in (("book =", book), ("wait =", wait), ("until <=", until)):
            if value is not None:
                where += f" AND {condition} ?"
                values.append(value)
        columns = "book, event, content, rule, wait, since, until, topic, place, value, headers, vals"
        most = "" if limit < 0 else f" LIMIT {limit:d}"
        statement = f"SELECT {columns} FROM parked {where} ORDER BY since, event{most}"
        found = self._about(book, statement, values, itemgetter(5, 1))
        found = found if limit < 0 else found[:limit]
        return [ParkedRow(*(*row[:9], bytes(row[9]), bytes(row[10]), row[11])) for row in found]

    def first_parked(self, book: str, wait: str) -> int | None:
        """When the first event of a book began to wait for this; None where none does."""
        statement = "SELECT MIN(since) FROM parked WHERE book = ? AND wait = ?"
        ((since,),) = self._of(book, statement, (book, wait))
        return None if since is None else int(since)

    def next_deadline(self, book: str | None, after: int) -> int | None:
        """The first deadline behind an instant of what waits in a book, or in any."""
        statement = "SELECT MIN(until) FROM parked WHERE until > ?"
        if book is None:
            found = self._of_all(statement, (after,))
        else:
            found = self._of(book, f"{statement} AND book = ?", (after, book))
        return min((int(until) for (until,) in found if until is not None), default=None)

    def parked_books(self, *, after: str = "", limit: int = 1 << 31) -> list[tuple[str, int, int]]:
        """The first books behind a name in which something waits: how many events, and the first deadline."""
        statement = (
            "SELECT book, COUNT(*), MIN(until) FROM parked WHERE book > ? GROUP BY book ORDER BY book LIMIT ?"
        )
        return self._of_all(statement, (after, limit), itemgetter(0))[:limit]

    def overdue(
        self, instant: int, *, after: tuple[int, str] = (0, ""), limit: int = 1 << 31
    ) -> list[tuple[int, str]]:
        """Deadlines until an instant at most, each with the book in which something waits so long: the first behind a place."""
        statement = (
            "SELECT until, book FROM parked WHERE until <= ? AND until >= ? AND (until > ? OR book > ?) "
            "GROUP BY until, book ORDER BY until, book LIMIT ?"
        )
        parameters = (instant, after[0], *after, limit)
        return self._of_all(statement, parameters, itemgetter(0, 1))[:limit]

    def parked_index(self, book: str) -> list[tuple[int, int, str, int, int]]:
        """Hash, checksum, awaited thing, deadline and arrival of the events of one book that wait, by arrival."""
        statement = (
            "SELECT event, content, wait, until, since FROM parked WHERE book = ? ORDER BY since, event"
        )
        return self._of(book, statement, (book,))
