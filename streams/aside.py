"""Books put aside 搁置: those of institutions that nobody registered, so that any number of codes costs disk, never memory.

What waits in them is in the store; only how much it is, and when the first of it has waited too long, is held here.
"""

from collections.abc import Callable, Container, Iterator
from typing import Final

from aggregates.book import Book
from aggregates.registry import REGISTRY_BOOK
from aggregates.store import Store
from aggregates.store.placing import OF_THE_COUNTY

OPEN: Final = 100
"""Books of unregistered institutions that stay open, those in which most waits: so many senders may be early at a time."""
PORTION: Final = 1000
"""Books that are opened at a time because something in them has waited too long."""
READ: Final = 2000
"""Rows that are read of the store at a time."""
_BEHIND: Final = 100
"""Facts behind the register with which a book may be put aside: whoever opens it again applies them."""


class Aside:
    """What waits in the books that are not open."""

    def __init__(self, store: Store, mine: Callable[[str], bool] = lambda book: True) -> None:
        self.events = 0
        self._deadline: int | None = None
        self._store = store
        self._mine = mine

    def read(self, registered: Container[str]) -> None:
        """Look what waits in the store in books of unregistered institutions."""
        after = ""
        while part := self._store.parked_books(after=after, limit=READ):
            for name, events, deadline in part:
                if is_stranger(name, registered) and self._mine(name):
                    self._add(events, deadline)
            after = part[-1][0]

    def _add(self, events: int, deadline: int | None) -> None:
        self.events += events
        if events and deadline is not None:
            self._deadline = deadline if self._deadline is None else min(self._deadline, deadline)

    def put(self, books: dict[str, Book], registered: Container[str]) -> None:
        """Close the books of unregistered institutions, but for those in which most waits."""
        found = [b for b in books.values() if is_stranger(b.name, registered) and b.behind <= _BEHIND]
        if len(found) > OPEN:
            found.sort(key=lambda book: book.waiting.count, reverse=True)
            for book in found[OPEN:]:
                self._add(book.waiting.count, book.deadline)
                del books[book.name]

    def opened(self, book: Book) -> None:
        """A book is open that was not."""
        self.events -= book.waiting.count

    def late(self, instant: int, books: Container[str], asked: Callable[[str], bool]) -> list[str]:
        """The closed books for which `asked` holds in which something has waited too long: the first ones, to be opened."""
        if not self.events or self._deadline is None or self._deadline > instant:
            return []
        late: set[str] = set()
        self._deadline = None
        for until, name in self._overdue(instant):
            if name in books or name in late or not self._mine(name):
                continue
            if len(late) < PORTION and asked(name):
                late.add(name)
            elif self._deadline is None:
                self._deadline = until
            if len(late) == PORTION and self._deadline is not None:
                break
        if self._deadline is None:
            self._deadline = self._store.next_deadline(None, instant)
        return sorted(late)

    def _overdue(self, instant: int) -> Iterator[tuple[int, str]]:
        after = (0, "")
        while part := self._store.overdue(instant, after=after, limit=READ):
            yield from part
            after = part[-1]


def is_stranger(book: str, registered: Container[str]) -> bool:
    """Is this the book of an institution that nobody registered?"""
    return book not in registered and book not in OF_THE_COUNTY and not book.startswith(REGISTRY_BOOK)
