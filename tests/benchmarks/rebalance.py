"""A worker joins and leaves while events flow: how long a partition stands still."""

import time
from collections.abc import Sequence
from typing import Final

from tests.benchmarks.kafka import a_broker
from tests.benchmarks.live import Feed
from tests.benchmarks.load import PARTITIONS
from tests.benchmarks.rows import Row
from tests.benchmarks.scene import Scene
from tests.benchmarks.worker import Worker
from tests.parts import Absent

RATE: Final = 2_000
_SECONDS: Final = 20.0
"""That a join and a leave may take together; as long as that events flow."""
_CALM: Final = 3.0
"""Seconds between two moves."""
_POLL: Final = 0.01

Look = tuple[float, Sequence[int]]
"""When it was looked (s), and the positions then."""


class Watch:
    """Looks at the positions again and again."""

    def __init__(self, worker: Worker) -> None:
        self._worker, self.looks = worker, list[Look]()

    def until(self, shares: Sequence[Worker], what: str) -> None:
        """Look until these workers share all partitions, and a little longer."""
        deadline = time.monotonic() + _SECONDS
        while not _shared(shares):
            if time.monotonic() > deadline:
                raise TimeoutError(f"not in {_SECONDS:.0f} s: {what}")
            self._look(0.1)
        self._look(_CALM)

    def _look(self, seconds: float) -> None:
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            self.looks.append((time.perf_counter(), self._worker.positions()))
            time.sleep(_POLL)


def longest_pause(looks: Sequence[Look]) -> float:
    """The longest time in seconds in which a partition did not move on; its last look counts as a move."""
    longest = 0.0
    for partition in range(len(looks[0][1]) if looks else 0):
        moved, before = looks[0][0], looks[0][1][partition]
        for at, positions in looks:
            if positions[partition] != before or at == looks[-1][0]:
                longest, moved, before = max(longest, at - moved), at, positions[partition]
    return longest


def _shared(workers: Sequence[Worker]) -> bool:
    shares = [worker.share for worker in workers]
    return (
        all(shares) and set().union(*shares) == set(range(PARTITIONS)) and sum(map(len, shares)) == PARTITIONS
    )


def rebalance(scene: Scene) -> dict[str, Row]:
    """One worker stays; a second one comes and goes, again and again: the longest pause of all."""
    joins, leaves = list[float](), list[float]()
    folder = scene.folder / "rebalance"
    try:
        with a_broker(folder / "broker") as broker, scene.database() as url:
            broker.register(scene.environment)
            feed = Feed(broker, scene.environment, seed=90, rate=RATE, seconds=_SECONDS * (scene.rounds + 1))
            with Worker(broker, url, folder / "group", scene.environment) as stays:
                feed.start()
                stays.wait(lambda count: count > RATE)
                for number in range(scene.rounds):
                    guest = Worker(broker, url, folder / "group", scene.environment, member=f"guest{number}")
                    joins.append(_joins(stays, guest))
                    leaves.append(_leaves(stays, guest))
                feed.stop()
    except Absent as absent:
        return {"rebalance": Row(None, str(absent))}
    told = f"joins {_listed(joins)}, leaves {_listed(leaves)}; {RATE:,} events/s, PostgreSQL"
    return {"rebalance": Row(max(joins + leaves), told)}


def _joins(stays: Worker, guest: Worker) -> float:
    watch = Watch(stays)
    guest.start()
    watch.until([stays, guest], "a worker has joined")
    return longest_pause(watch.looks)


def _leaves(stays: Worker, guest: Worker) -> float:
    watch = Watch(stays)
    guest.leave()
    watch.until([stays], "a worker has left")
    guest.end()
    return longest_pause(watch.looks)


def _listed(seconds: Sequence[float]) -> str:
    return ", ".join(f"{found:.2f}" for found in seconds) + " s"
