"""Dense numbers for hashes: what a table by hash would tell, in an eighth of its room, and that in a file."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from projections.spilling import put_away, spilled
from projections.sums import Ints

FEW: Final = 1024
_PART: Final = 32
"""New hashes are kept apart until they are so many, or such a part of all: then they are sorted in."""


class Numbering:
    """Numbers hashes from 0 in the order in which they are met; 20 bytes of disk a hash, and memory for the newest ones."""

    def __init__(self, few: int = FEW) -> None:
        self._few = few
        self._by_number = np.zeros(0, dtype=np.int64)
        self._sorted = np.zeros(0, dtype=np.int64)
        self._numbers = np.zeros(0, dtype=np.int32)
        """Of the sorted ones."""
        self._newest: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._by_number) + len(self._newest)

    def of(self, hashes: Ints) -> NDArray[np.int32]:
        """The numbers of these hashes; one that was never met gets the next number, the least of them first."""
        unique, inverse = np.unique(hashes, return_inverse=True)
        numbers = self._known(unique)
        for at in np.flatnonzero(numbers < 0).tolist():
            numbers[at] = self._newest.setdefault(int(unique[at]), len(self))
        if len(self._newest) > max(self._few, len(self._sorted) // _PART):
            self._sort_in()
        return numbers[inverse]

    def find(self, hashes: Ints) -> NDArray[np.int32]:
        """The numbers of these hashes; -1 for one that was never met."""
        unique, inverse = np.unique(hashes, return_inverse=True)
        numbers = self._known(unique)
        for at in np.flatnonzero(numbers < 0).tolist():
            numbers[at] = self._newest.get(int(unique[at]), -1)
        return numbers[inverse]

    @property
    def hashes(self) -> Ints:
        """All hashes by their numbers."""
        if not self._newest:
            return self._by_number
        return np.concatenate((self._by_number, self._new_hashes()))

    def _known(self, unique: Ints) -> NDArray[np.int32]:
        """The numbers of those that are sorted in, -1 for the others."""
        numbers = np.full(len(unique), -1, dtype=np.int32)
        if len(self._sorted):
            at = np.minimum(np.searchsorted(self._sorted, unique), len(self._sorted) - 1)
            found = self._sorted[at] == unique
            numbers[found] = self._numbers[at[found]]
            put_away((self._sorted,))
        return numbers

    def _new_hashes(self) -> Ints:
        return np.fromiter(self._newest, dtype=np.int64, count=len(self._newest))

    def _sort_in(self) -> None:
        hashes, first = self._new_hashes(), len(self._by_number)
        order = np.argsort(hashes)
        places = np.searchsorted(self._sorted, hashes[order])
        self._by_number, self._sorted, self._numbers = spilled(
            (
                np.concatenate((self._by_number, hashes)),
                np.insert(self._sorted, places, hashes[order]),
                np.insert(self._numbers, places, (order + first).astype(np.int32)),
            )
        )
        self._newest = {}
