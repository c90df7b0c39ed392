"""Pins 关账口径: the versions of the books that the official figures of a closed period are made from."""

from typing import Final

from aggregates.facts import PeriodPinned, decode_record
from aggregates.store import Store

PERIOD_BOOK: Final = "periods"


class Pins:
    """What was pinned at the closings; `follow` takes in what was pinned since."""

    def __init__(self) -> None:
        self._last = 0
        self._pinned: dict[tuple[str, int], PeriodPinned] = {}

    def follow(self, store: Store) -> None:
        """Read the tail of the book of closings."""
        for version, state in store.records(PERIOD_BOOK, self._last):
            self._last = version
            for fact in decode_record(state).facts:
                if isinstance(fact, PeriodPinned):
                    self._pinned[(fact.period, fact.closed_at)] = fact

    def versions(self, period: str, institution: str, closing: int) -> dict[str, int] | None:
        """The pinned version of an institution's book at the closing of a period (µs); None where nothing is pinned.

        Nothing is pinned as long as nobody judges: then the instant says what was known.
        """
        pinned = self._pinned.get((period, closing))
        version = None if pinned is None else pinned.versions.get(institution)
        return None if version is None else {institution: version}
