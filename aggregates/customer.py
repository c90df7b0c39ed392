"""A customer's row of the register: dated credit lines, kinds and sizes, and the loans."""

from typing import Final

from msgspec import Struct

LAST: Final = 65_535
"""The last day that a movement can have: what is valid until then does not end."""


class Line(Struct, array_like=True, gc=False, frozen=True, order=True):
    """授信总额 from a day on; ordered by day, then by the source's clock, then by the event."""

    valid_from: int
    told: int
    event: int
    content: int
    total: int
    valid_to: int | None = None


class Profile(Struct, array_like=True, gc=False, frozen=True, order=True):
    """Kind and size from a day on; ordered like lines."""

    valid_from: int
    told: int
    event: int
    content: int
    customer_kind: int
    size: int
    valid_to: int | None = None
    owns: str | None = None


class Customer(Struct, array_like=True, gc=False):
    """One customer of one book; `version` is the book's version that the row includes."""

    version: int = 0
    lines: list[Line] = []
    profiles: list[Profile] = []
    loans: list[str] = []

    def line_on(self, day: int) -> int | None:
        """单户授信总额 in fen valid on a day, as known; None where no line is known."""
        total = None
        for line in self.lines:
            if line.valid_from > day:
                break
            total = line.total if line.valid_to is None or line.valid_to >= day else None
        return total

    def profile_on(self, day: int) -> Profile | None:
        """Kind and size valid on a day, as known."""
        found = None
        for profile in self.profiles:
            if profile.valid_from > day:
                break
            found = profile if profile.valid_to is None or profile.valid_to >= day else None
        return found

    def changes(self) -> set[int]:
        """The days on which a line, a kind or a size begins or has ended."""
        days = set()
        both: list[Line | Profile] = [*self.lines, *self.profiles]
        for dated in both:
            days.add(dated.valid_from)
            if dated.valid_to is not None and dated.valid_to < LAST:
                days.add(dated.valid_to + 1)
        return days

    def last_change(self) -> int:
        """The last of these days."""
        both: list[Line | Profile] = [*self.lines, *self.profiles]
        return max(d.valid_from if d.valid_to is None else max(d.valid_from, d.valid_to + 1) for d in both)


NOBODY: Final = Customer()
"""A customer of whom nothing but loans is known; never changed."""


def seen(customer: Customer, event: int) -> int | None:
    """The content checksum under which this event was taken in for the customer, if it was."""
    for line in customer.lines:
        if line.event == event:
            return line.content
    for profile in customer.profiles:
        if profile.event == event:
            return profile.content
    return None
