"""How long events take from Kafka into the figures, counted by bounds; cheap enough for every event."""

from bisect import bisect_left
from collections.abc import Iterable

from projections.metrics import DELAYS
from projections.readings import Distribution


class Delays:
    """A histogram: noted in the event loop, read by any thread."""

    def __init__(self) -> None:
        self._within = [0] * len(DELAYS)
        self._count = 0
        self._sum = 0.0

    def note(self, moments: Iterable[int], now: float) -> None:
        """Events of these moments (ms since 1970) are in the figures now (s); a moment to come counts as now."""
        ordered = sorted(moments)  # they nearly are
        self._count += len(ordered)
        for at, bound in enumerate(DELAYS):
            self._within[at] += len(ordered) - bisect_left(ordered, (now - bound) * 1000)
        self._sum += max(0.0, len(ordered) * now - sum(ordered) / 1000)

    @property
    def distribution(self) -> Distribution:
        """The counts; no part is ever more than the whole, whoever counts meanwhile."""
        within, total = tuple(self._within), self._sum
        return Distribution(within, self._count, total)
