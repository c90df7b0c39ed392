"""A unit of work: what one transaction will write, gathered while events are decided."""

from collections.abc import Callable, Iterable, Mapping

from aggregates.book import Book
from aggregates.store.transaction import Outgoing, ParkedRow, RefusedRow, RestatementRow, Transaction
from puhui.policy.periods import HOUR


class UnitOfWork:
    """Gathers rows, counts and the books that changed; `close` makes the commit records.

    `instant` (µs) is that of the event in hand: where records carry the clock, each is counted and refused at its
    own, whatever transaction it is in; else all are at the instant of the transaction.
    """

    def __init__(self, clock: int, *, by_record_clock: bool) -> None:
        self.clock = clock
        self.instant = clock
        self.transaction = Transaction()
        self.changed: set[str] = set()
        self.parked: dict[tuple[str, int], ParkedRow] = {}
        self.by_record_clock = by_record_clock

    def at(self, instant: int) -> None:
        """The event in hand is of this instant."""
        if self.by_record_clock:
            self.instant = instant

    def count(self, book: str, result: str, rule: str = "", events: int = 1) -> None:
        """Count events of a book in the current hour."""
        key = (book, result, rule, self.instant // HOUR)
        counts = self.transaction.counts
        counts[key] = counts.get(key, 0) + events

    def park(self, row: ParkedRow) -> None:
        """An event waits; in the place of the row that it had before, if any."""
        self.parked[row.book, row.event] = row

    def unpark(self, book: str, event: int) -> None:
        """An event waits no longer."""
        self.parked.pop((book, event), None)
        self.transaction.unparked.append((book, event))

    def refuse(self, row: RefusedRow) -> None:
        """An event was refused."""
        self.transaction.refused.append(row)

    def restate(self, row: RestatementRow) -> None:
        """A restatement was opened, or approved."""
        self.transaction.restatements.append(row)

    def send(self, messages: Iterable[Outgoing]) -> None:
        """These leave on Kafka, in this order."""
        self.transaction.outbox.extend(messages)

    def close(
        self, books: Mapping[str, Book], segments: Callable[[set[int]], list[tuple[int, bytes]]]
    ) -> int:
        """Make the commit records of the books that changed; the number of facts.

        `segments` gives the attributes, for the store, of those among moved segments that it has not met.
        """
        facts, t = 0, self.transaction
        for name in sorted(self.changed):
            book = books[name]
            taken = book.facts
            t.segments += segments(book.moved_segments)
            book.moved_segments.clear()
            commit = book.commit(self.clock)
            if commit is not None:
                facts += len(taken)
                t.commits.append(commit)
                t.reported += book.reported_rows(commit, taken)
        needed = {commit.book for commit in t.commits} | {book for book, _ in self.parked}
        t.born = [name for name in needed if books[name].born]
        t.parked = list(self.parked.values())
        return facts
