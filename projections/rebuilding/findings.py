"""What the store and a replay do not agree on, named by its subject."""

from typing import Final

from msgspec import Struct

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


def short(value: object) -> str:
    """A value as it is shown."""
    text = str(value) if isinstance(value, int | str) else repr(value)
    return text if len(text) <= 200 else f"{text[:199]}…"
