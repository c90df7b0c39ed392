"""What the store and a replay do not agree on, named by its subject."""

from collections.abc import Iterator, Sequence
from typing import Final

from msgspec import Struct

SHOWN: Final = 200
"""How many differences a command lists."""
LISTED: Final = 100
"""How many differences of one book are kept; the others are counted."""


class Difference(Struct, frozen=True):
    """One thing that is stored otherwise than it is replayed."""

    book: str
    subject: str
    what: str


class Findings:
    """The differences of one book: all counted, the first ones kept."""

    def __init__(self, book: str) -> None:
        self.book = book
        self.count = 0
        self.listed: list[Difference] = []

    def add(self, subject: str, what: str) -> None:
        """Note one difference."""
        self.count += 1
        if len(self.listed) < LISTED:
            self.listed.append(Difference(self.book, subject, what))

    def unlike(self, subject: str, what: str, stored: object, replayed: object) -> None:
        """Note two values, if they differ."""
        if stored != replayed:
            self.add(subject, f"{what}: stored {short(stored)}, replayed {short(replayed)}")


def listing(found: Sequence[Difference], count: int, most: int = SHOWN) -> Iterator[str]:
    """The first differences of `count` for people, a line each, and how many more there are."""
    yield from (f"{one.book}  {one.subject}: {one.what}" for one in found[:most])
    left = count - len(found[:most])
    if left:
        yield f"… and {left:,} more"


def short(value: object) -> str:
    """A value as it is shown."""
    text = str(value) if isinstance(value, int | str) else repr(value)
    return text if len(text) <= 200 else f"{text[:199]}…"
