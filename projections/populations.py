"""Populations 口径: which segments of the ledger count for which."""

from array import array
from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from aggregates.segments import POPULATIONS, Segment, decode_segment
from projections.numbering import Numbering
from projections.sums import Ints

_BITS: Final = {population: 1 << nth for nth, population in enumerate(POPULATIONS)}


class Populations:
    """Which segments belong to which population; segments are numbered densely as they are met, two bytes each."""

    def __init__(self) -> None:
        self._numbers = Numbering()
        self._held = array("H")
        self._members: dict[str, NDArray[np.bool_]] = {}

    def learn(self, stored: Iterable[tuple[int, bytes]]) -> None:
        """Take in segments with their attributes."""
        attributes = dict(stored)
        fresh = np.unique(self.unknown(np.fromiter(attributes, np.int64, len(attributes))))
        self._numbers.of(fresh)
        self._held.extend(_held(decode_segment(attributes[identity])) for identity in fresh.tolist())
        self._members.clear()

    def unknown(self, identities: Ints) -> Ints:
        """Those of these segments that were never met."""
        return identities[self._numbers.find(identities) < 0]

    def dense(self, identities: Ints) -> NDArray[np.int32]:
        """The dense numbers of segments; an unknown one is a KeyError."""
        numbers = self._numbers.find(identities)
        if (numbers < 0).any():
            raise KeyError(int(identities[numbers < 0][0]))
        return numbers

    @property
    def identities(self) -> Ints:
        """All segments by their dense numbers."""
        return self._numbers.hashes

    def members(self, population: str) -> NDArray[np.bool_]:
        """One truth value a segment."""
        found = self._members.get(population)
        if found is None:
            found = self._members[population] = np.array(self._held, np.uint16) & _BITS[population] != 0
        return found


def _held(segment: Segment) -> int:
    """The bits of the populations to which a segment belongs."""
    return sum(_BITS[population] for population, holds in POPULATIONS.items() if holds(segment))
