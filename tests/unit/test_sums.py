"""Sums of the ledger are exact to the fen, however much there is."""

import numpy as np
import pytest

from projections.sums import exact_sums


@pytest.mark.parametrize(
    "values",
    [
        [],
        [1, -1, 7],
        [10**15 - 1] * 20 + [-(10**15) + 3, 1],
        [2**53 + 1, 1, -(2**40) - 1],
        [-(10**15) - 1] * 50,
    ],
    ids=["none", "few", "much", "one", "less"],
)
def test_every_cell_is_the_sum_of_its_integers(values: list[int]) -> None:
    cells = [n % 3 for n in range(len(values))]
    wanted = [sum(v for c, v in zip(cells, values, strict=True) if c == cell) for cell in range(4)]
    found = exact_sums(np.array(cells, dtype=np.int32), np.array(values, dtype=np.int64), 4)
    assert found.tolist() == wanted
