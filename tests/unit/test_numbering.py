"""Dense numbers for hashes, held against a table."""

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from projections.numbering import FEW, Numbering

HASHES = st.one_of(st.integers(-50, 50), st.integers(-(2**63), 2**63 - 1))


@given(st.lists(st.lists(HASHES, max_size=40), max_size=12), st.sampled_from([0, 5, FEW]))
def test_a_hash_has_one_number_for_ever_in_the_order_in_which_they_were_met(
    parts: Sequence[Sequence[int]], few: int
) -> None:
    numbers, table = Numbering(few), dict[int, int]()  # sorted in soon, late or never
    for part in parts:
        before = numbers.find(np.array(part, dtype=np.int64))
        assert before.tolist() == [table.get(value, -1) for value in part]
        found = numbers.of(np.array(part, dtype=np.int64))
        for value in sorted(set(part)):
            table.setdefault(value, len(table))
        assert found.tolist() == [table[value] for value in part]
        assert numbers.hashes.tolist() == list(table)
        assert len(numbers) == len(table)


def test_what_is_sorted_in_leaves_memory_for_a_file_that_nobody_writes() -> None:
    numbers = Numbering(few=2)
    numbers.of(np.array([5, 3], dtype=np.int64))
    assert numbers.hashes.flags.writeable
    numbers.of(np.array([4], dtype=np.int64))
    assert not numbers.hashes.flags.writeable
    assert numbers.hashes.tolist() == [3, 5, 4]
