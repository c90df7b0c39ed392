"""What a transaction costs: the same work in batches of different sizes, straight into the intake."""

from collections import defaultdict
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Final

from aggregates.store import open_store
from tests.benchmarks.direct import Direct, fetches
from tests.benchmarks.load import Load

_FIRST: Final = 60_000
"""Events that are taken in before anything is measured: the beginning of a history has more new loans than later days."""
_PORTIONS: Final = (
    (1, 1_500),
    (3, 4_000),
    (10, 10_000),
    (30, 20_000),
    (100, 40_000),
    (300, 50_000),
    (1_000, 60_000),
)
"""Records of a fetch, and how many events are taken in so."""


def by_batch_size(history: Load, folder: Path, environment: str) -> list[tuple[float, float]]:
    """Events a transaction and events a second, for each size; every commit is synced."""
    found, offsets, waiting = list[tuple[float, float]](), defaultdict[int, int](int), iter(history)
    with closing(open_store(f"sqlite:{folder / 'batches.sqlite'}")) as store:
        direct = Direct(store, environment)
        direct.register()
        direct.feed(fetches(islice(waiting, _FIRST), offsets=offsets))
        for size, events in _PORTIONS:
            direct.chunks, direct.seconds = 0, 0.0
            taken = direct.feed(fetches(islice(waiting, events), size, offsets))
            if taken:
                found.append((taken / direct.chunks, taken / direct.seconds))
    return found
