"""The read models: positions as reported, restatements, current alerts, and events by result and hour."""

from operator import itemgetter

from aggregates.store.reading.asking import Asking
from aggregates.store.transaction import AlertRow, ReportedRow, RestatementRow


class ReadModels(Asking):
    """What is kept so that nobody has to fold it out of the log."""

    def reported(self, book: str | None = None, after: int = 0) -> list[ReportedRow]:
        """What institutions reported, by day and order of arrival; of one book behind a version."""
        where = "" if book is None else "WHERE book = ? AND version > ?"
        columns = "book, version, recorded_at, key, measure, kind, as_of, amount, quantum, suspect, event, fact, nth"
        found = self._about(
            book,
            f"SELECT {columns} FROM reported {where} ORDER BY book, as_of, version, nth",
            () if book is None else (book, after),
            itemgetter(0, 6, 1, 12),
        )
        return [ReportedRow(*(*row[:9], bool(row[9]), row[10], bytes(row[11]), row[12])) for row in found]

    def reported_facts(self, book: str) -> list[bytes]:
        """The facts of what an institution reported, by day and order of arrival."""
        statement = "SELECT fact FROM reported WHERE book = ? ORDER BY as_of, version, nth"
        return [bytes(fact) for (fact,) in self._of(book, statement, (book,))]

    def restatements(self, book: str | None = None) -> list[RestatementRow]:
        """Restatements, opened and approved."""
        where = "" if book is None else "WHERE book = ?"
        statement = f"SELECT book, period, opened_version, opened_at, approved_at FROM restatement {where} ORDER BY book, opened_at"
        found = self._about(book, statement, () if book is None else (book,), itemgetter(0, 3))
        return [RestatementRow(*row) for row in found]

    def alerts(self) -> list[AlertRow]:
        """The current state of every alert."""
        found = self._of_county(
            "SELECT rule, subject, period, state, updated_at, body FROM alert ORDER BY rule, subject, period"
        )
        return [AlertRow(*(*row[:5], bytes(row[5]))) for row in found]

    def counted(self, first: int = 0, last: int = 1 << 62) -> list[tuple[str, str, str, int, int]]:
        """Events by book, result, rule and hour (since 1970), of the hours from `first` to `last`."""
        statement = "SELECT book, result, rule, hour, events FROM counted WHERE hour >= ? AND hour <= ?"
        return self._of_all(statement, (first, last))

    def counted_in_all(self, first: int = 0, last: int = 1 << 62) -> list[tuple[str, str, str, int]]:
        """Events by book, result and rule over all hours (since 1970) from `first` to `last`: few rows, however many hours."""
        statement = (
            "SELECT book, result, rule, CAST(SUM(events) AS BIGINT) FROM counted WHERE hour >= ? AND hour <= ? "
            "GROUP BY book, result, rule"
        )
        return self._of_all(statement, (first, last))

    def last_counted(self) -> int:
        """The last hour (since 1970) in which an event was counted; 0 where none was."""
        return max((hour or 0 for (hour,) in self._of_all("SELECT MAX(hour) FROM counted")), default=0)
