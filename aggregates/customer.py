"""A customer's row of the register: dated credit lines, kinds and sizes, and the loans."""

from bisect import bisect_right
from collections.abc import Sequence
from typing import Final, Generic, NamedTuple, TypeVar

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


class Standing(NamedTuple):
    """What is known of a customer on a day: 单户授信总额 in fen, and kind and size; None where nothing is."""

    line: int | None
    profile: Profile | None


UNKNOWN: Final = Standing(None, None)


class Customer(Struct, array_like=True, gc=False):
    """One customer of one book; `version` is the book's version that the row includes."""

    version: int = 0
    lines: list[Line] = []
    profiles: list[Profile] = []
    loans: list[str] = []

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


class Timeline:
    """A customer's standing on any day: made once, and asked for many days."""

    def __init__(self, customer: Customer) -> None:
        self._lines = _Steps(customer.lines) if customer.lines else None
        self._profiles = _Steps(customer.profiles) if customer.profiles else None

    def on(self, day: int) -> Standing:
        """The standing on a day, as known: what began last counts, and nothing after its end."""
        line = self._lines.on(day) if self._lines else None
        return Standing(line.total if line else None, self._profiles.on(day) if self._profiles else None)


Dated = TypeVar("Dated", Line, Profile)


class _Steps(Generic[Dated]):
    """Which of these holds from which day on."""

    def __init__(self, dated: Sequence[Dated]) -> None:
        steps: dict[int, Dated | None] = {}
        for one, following in zip(dated, [*(one.valid_from for one in dated[1:]), LAST + 1], strict=True):
            begins, ends = one.valid_from, LAST if one.valid_to is None else one.valid_to
            steps[begins] = one if ends >= begins else None
            if begins <= ends < following - 1:
                steps[ends + 1] = None
        self._days = list(steps)
        self._found: list[Dated | None] = list(steps.values())

    def on(self, day: int) -> Dated | None:
        at = bisect_right(self._days, day)
        return self._found[at - 1] if at else None


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
