"""An assignment: the partitions that Kafka gave a worker, how far each is taken in, and which of them still wait."""

from collections.abc import Mapping

from faust.types import TP

from puhui.contract.catalogue import LOAN_EVENTS, REGISTRY_EVENTS
from streams.fetching import Batch


class Hole(RuntimeError):
    """A batch does not begin where the last one ended, or partitions belong to others that should be ours."""


class Assignment:
    """The positions from one assignment to the next; the first one is of nothing."""

    def __init__(self, numbers: frozenset[int], begin: Mapping[TP, int], ends: Mapping[TP, int]) -> None:
        """`numbers` of partitions, of both topics; `begin`: where each is read on; `ends`: what there was then."""
        self.numbers = numbers
        self.positions = dict(begin)
        self._registry_ends = {
            at: ends[at] for at, offset in begin.items() if at.topic == REGISTRY_EVENTS and offset < ends[at]
        }

    def check(self, batch: Batch) -> None:
        """Hole where a batch does not begin where the last one ended."""
        position = self.positions[batch.at]
        if batch.base != position:
            raise Hole(
                f"{batch.at.topic}, partition {batch.at.partition}: a batch begins at {batch.base}, "
                f"but events are taken in up to {position}"
            )

    def later(self) -> set[TP]:
        """Loans wait until the registry is read: an event of an unknown institution would be parked first."""
        return {at for at in self.positions if at.topic == LOAN_EVENTS} if self._registry_ends else set()

    def registry_is_read(self) -> bool:
        """Has all been taken in that was in the registry at the beginning?"""
        return all(self.positions[at] >= end for at, end in self._registry_ends.items())

    def let_in(self) -> set[TP]:
        """Let no partition wait any more; those that did."""
        waiting, self._registry_ends = self.later(), {}
        return waiting


def numbers_of(partitions: set[TP]) -> frozenset[int]:
    """The numbers of these partitions: of both topics the same ones, or Hole."""
    loans = {at.partition for at in partitions if at.topic == LOAN_EVENTS}
    registry = {at.partition for at in partitions if at.topic == REGISTRY_EVENTS}
    if loans != registry:
        raise Hole(
            f"Kafka gave this worker the partitions {ranges(loans)} of {LOAN_EVENTS} and {ranges(registry)} of "
            f"{REGISTRY_EVENTS}: is another program in the consumer group?"
        )
    return frozenset(loans)


def ranges(numbers: set[int] | frozenset[int]) -> str:
    """Numbers as text: `0-3 7`."""
    found: list[list[int]] = []
    for number in sorted(numbers):
        if found and found[-1][1] == number - 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return " ".join(str(a) if a == b else f"{a}-{b}" for a, b in found) or "none"
