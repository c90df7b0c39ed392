"""Sums of columns of integers, to the fen."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
_HALF: Final = 26


def exact_sums(cells: NDArray[Any], values: Ints, size: int) -> Ints:
    """The exact sum of the values in each cell. numpy sums them as floats, which hold integers up to 2**53 only."""
    if not len(values) or len(values) * max(int(values.max()), -int(values.min())) < 1 << 53:
        return np.bincount(cells, weights=values, minlength=size).astype(np.int64)
    high = np.bincount(cells, weights=values >> _HALF, minlength=size).astype(np.int64)
    low = np.bincount(cells, weights=values & ((1 << _HALF) - 1), minlength=size).astype(np.int64)
    whole: Ints = (high << _HALF) + low
    return whole
