"""Many pairs of numbers in little memory: the newest in a dict, all others in sorted arrays of 17 bytes a pair."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Set
from itertools import repeat
from typing import Final

import numpy as np
from numpy.typing import NDArray

FEW: Final = 4_096
"""So many pairs may be new, or gone, before the arrays are made anew; of large ones, one in eight."""


class Pairs:
    """A set of pairs of 64-bit numbers, found by the first of them."""

    def __init__(self, few: int = FEW) -> None:
        self._few = few
        self._new: dict[int, set[int] | int] = {}
        self._loose = 0
        self._firsts, self._seconds, self._gone = array("q"), array("q"), bytearray()

    def add(self, first: int, second: int) -> bool:
        """A pair is in it from now on; True where it was not."""
        if (first, second) in self:
            return False
        found = self._new.get(first)
        if found is None:
            self._new[first] = second
        elif isinstance(found, set):
            found.add(second)
        else:
            self._new[first] = {found, second}
        self._loosen()
        return True

    def drop(self, first: int, second: int) -> bool:
        """A pair is in it no longer; False where it was not."""
        found = self._new.get(first)
        if found == second:
            del self._new[first]
            self._loose -= 1
        elif isinstance(found, set) and second in found:
            found.discard(second)
            if not found:
                del self._new[first]
            self._loose -= 1
        elif (place := self._place(first, second)) is not None:
            self._gone[place] = 1
            self._loosen()
        else:
            return False
        return True

    def __contains__(self, pair: tuple[int, int]) -> bool:
        found = self._new.get(pair[0])
        if found == pair[1] or (isinstance(found, set) and pair[1] in found):
            return True
        return self._place(*pair) is not None

    def number(self, first: int) -> int:
        """How many pairs have this first number."""
        found = self._new.get(first)
        new = 0 if found is None else len(found) if isinstance(found, set) else 1
        begin, end = self._span(first)
        return new + end - begin - self._gone.count(1, begin, end)

    def seconds(self, first: int) -> Set[int]:
        """The second numbers of the pairs with this first one; to be used before the next change."""
        found = self._new.get(first)
        new: Set[int] = found if isinstance(found, set) else frozenset(() if found is None else (found,))
        begin, end = self._span(first)
        if begin == end:
            return new
        return new | {self._seconds[n] for n in range(begin, end) if not self._gone[n]}

    def _span(self, first: int) -> tuple[int, int]:
        if not self._firsts:
            return 0, 0
        begin = bisect_left(self._firsts, first)
        return begin, bisect_right(self._firsts, first, begin)

    def _place(self, first: int, second: int) -> int | None:
        """Where the arrays have a pair."""
        begin, end = self._span(first)
        place = bisect_left(self._seconds, second, begin, end)
        found = place < end and self._seconds[place] == second and not self._gone[place]
        return place if found else None

    def _loosen(self) -> None:
        """One more pair is new or gone; where they are too many, the arrays are made anew."""
        self._loose += 1
        if self._loose > max(self._few, len(self._firsts) >> 3):
            self._tidy()

    def _tidy(self) -> None:
        kept = np.frombuffer(self._gone, np.uint8) == 0
        firsts, seconds = array("q"), array("q")
        for first, found in self._new.items():
            more = found if isinstance(found, set) else (found,)
            seconds.extend(more)
            firsts.extend(repeat(first, len(more)))
        all_firsts, all_seconds = _joined(self._firsts, kept, firsts), _joined(self._seconds, kept, seconds)
        order = np.lexsort((all_seconds, all_firsts))
        self._firsts, self._seconds = (
            array("q", each[order].tobytes()) for each in (all_firsts, all_seconds)
        )
        self._gone = bytearray(len(order))
        self._new, self._loose = {}, 0


def _joined(sorted_: "array[int]", kept: NDArray[np.bool_], new: "array[int]") -> NDArray[np.int64]:
    return np.concatenate((np.frombuffer(sorted_, np.int64)[kept], np.frombuffer(new, np.int64)))
