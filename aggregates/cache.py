"""Rows of the register in memory: those that have changed since the last write-behind, and those that were used lately."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Generic, TypeVar

from aggregates.weighing import KEY

Row = TypeVar("Row")
Read = Callable[[Sequence[str]], Mapping[str, Row]]
"""Reads the stored rows of these keys; a key without a row is left out."""


class Cache(Generic[Row]):
    """The rows of one kind of one book; `held` are all that are in memory, `dirty` those that the store has not got.

    `weight` is about what they take in memory, in bytes; who makes a row longer adds to it.
    """

    def __init__(self, read: Read[Row], weigh: Callable[[Row], int]) -> None:
        self.held: dict[str, Row] = {}
        self.dirty: dict[str, Row] = {}
        self._missing: set[str] = set()
        self._read = read
        self._weigh = weigh
        self.weight = 0

    def get(self, key: str) -> Row | None:
        """The row of a key, read from the store where it must be; None where there is none."""
        found = self.held.get(key)
        if found is None and key not in self._missing:
            self.fetch((key,))
            found = self.held.get(key)
        return found

    def fetch(self, keys: Iterable[str]) -> None:
        """Read the rows that will be asked for, all at once."""
        held = self.held
        wanted = [key for key in keys if key not in held]
        if wanted:
            found = self._read(wanted)
            held.update(found)
            self._missing.update(key for key in wanted if key not in found)
            self.weight += sum(map(self._weigh, found.values())) + KEY * (len(wanted) - len(found))

    def put(self, key: str, row: Row) -> None:
        """The row is new or changed."""
        if key not in self.held:
            self.weight += self._weigh(row)
        self.held[key] = self.dirty[key] = row

    def written(self) -> None:
        """The store has got all rows."""
        self.dirty = {}

    def forget(self) -> None:
        """Drop clean rows: memory is for what is dirty and what was used lately."""
        self.held = dict(self.dirty)
        self._missing = set()
        self.weight = sum(map(self._weigh, self.dirty.values()))
