"""Populations 口径: which segments of the ledger count for which."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from aggregates.segments import POPULATIONS, Segment, decode_segment
from projections.sums import Ints


class Populations:
    """Which segments belong to which population; segments are numbered densely as they are met."""

    def __init__(self) -> None:
        self._index: dict[int, int] = {}
        self.segments: list[Segment] = []
        self._members: dict[str, NDArray[np.bool_]] = {}

    def learn(self, stored: Iterable[tuple[int, bytes]]) -> None:
        """Take in segments with their attributes."""
        for identity, attributes in stored:
            if identity not in self._index:
                self._index[identity] = len(self.segments)
                self.segments.append(decode_segment(attributes))
                self._members.clear()

    def dense(self, identities: Ints) -> NDArray[np.int32]:
        """The dense numbers of segments; an unknown one is a KeyError."""
        unique, inverse = np.unique(identities, return_inverse=True)
        numbers = np.array([self._index[int(i)] for i in unique], dtype=np.int32)
        return numbers[inverse]

    def members(self, population: str) -> NDArray[np.bool_]:
        """One truth value a segment."""
        found = self._members.get(population)
        if found is None:
            holds = POPULATIONS[population]
            found = self._members[population] = np.array([holds(s) for s in self.segments], dtype=np.bool_)
        return found
