"""What waits in a book, in memory as long as it waits: each event's content, and for what it waits."""

from collections import Counter
from collections.abc import Iterable, Set

from aggregates.outcomes import HELD
from aggregates.pairs import FEW, Pairs


class Waiting:
    """The hashes of the events of one book that wait: how many they are, and how many ever waited for closed months.

    What they wait for is known by its hash alone, but for the closed months: two things of one hash (of 2⁶⁴) would be
    taken for one, and what waits for the other tried once in vain.
    """

    def __init__(self, few: int = FEW) -> None:
        self.count = 0
        self.ever_held = 0
        self._contents = Pairs(few)
        self._waits = Pairs(few)
        self._held = Counter[str]()

    def add(self, event: int, content: int, wait: str) -> None:
        """An event waits for this; nothing changes where it does already."""
        if event not in self:
            self._contents.add(event, content)
            self.count += 1
        if self._waits.add(hash(wait), event) and wait.startswith(HELD):
            self._held[wait] += 1
            self.ever_held += 1

    def drop(self, event: int, wait: str) -> None:
        """An event waits for this no longer, nor for anything else."""
        content = self.content(event)
        if content is not None:
            self._contents.drop(event, content)
            self.count -= 1
        if self._waits.drop(hash(wait), event) and wait.startswith(HELD):
            self._held[wait] -= 1

    def __contains__(self, event: int) -> bool:
        return self._contents.number(event) > 0

    def content(self, event: int) -> int | None:
        """The checksum of the content of an event that waits; None where it does not."""
        return next(iter(self._contents.seconds(event)), None)

    def events(self, wait: str) -> Set[int]:
        """The events that wait for this; to be used before the next change."""
        return self._waits.seconds(hash(wait))

    def number(self, wait: str) -> int:
        """How many events wait for this."""
        return self._waits.number(hash(wait))

    def held(self) -> Iterable[str]:
        """The waits for closed months for which anything waits (V07)."""
        return [wait for wait, events in self._held.items() if events]
