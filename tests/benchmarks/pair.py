"""Two workers of one group: how fast they take in together, and how long they wait for each other."""

import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final, Self

from tests.benchmarks.kafka import Broker
from tests.benchmarks.locks import LockWaits
from tests.benchmarks.rows import Row
from tests.benchmarks.scene import Scene
from tests.benchmarks.throughput import times
from tests.benchmarks.worker import Worker
from tests.parts import Absent

_POLL: Final = 0.1
_PATIENCE: Final = 60.0


class Pair:
    """Two workers on one store; leaving the `with` block ends them."""

    def __init__(self, broker: Broker, url: str, folder: Path, environment: str) -> None:
        self._ends = broker.ends()
        self.one, self.two = (
            Worker(broker, url, folder, environment, member=member) for member in ("one", "two")
        )
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        for worker in (self.one, self.two):
            self._stack.enter_context(worker)
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def wait_for_shares(self) -> None:
        """Wait until both have partitions, nobody has one twice, and both take events in."""
        deadline = time.monotonic() + _PATIENCE
        while not self._shared():
            if time.monotonic() > deadline:
                raise TimeoutError("two workers do not share the partitions")
            time.sleep(_POLL)
        before = self._left()
        while any(now >= then for now, then in zip(self._left(), before, strict=True)):
            if time.monotonic() > deadline:
                raise TimeoutError("one of two workers takes nothing in, or has nothing to")
            time.sleep(_POLL)

    def rate(self, seconds: float) -> tuple[float, int, float]:
        """Events per second of both, over how many events, and their cores: until one of them has nothing left."""
        workers = (self.one, self.two)
        began, first, cpu = time.perf_counter(), sum(self._left()), sum(w.cpu() for w in workers)
        found = (0.0, 0, 0.0)
        while (spent := time.perf_counter() - began) < seconds:
            left = self._left()
            if not all(left):
                break
            if spent:
                taken = first - sum(left)
                found = (taken / spent, taken, (sum(w.cpu() for w in workers) - cpu) / spent)
            time.sleep(_POLL)
        return found

    def _shared(self) -> bool:
        one, two = self.one.share, self.two.share
        return bool(one and two) and not one & two and len(one | two) == len(self._ends)

    def _left(self) -> tuple[int, int]:
        """How many events each of them has not taken in yet."""
        positions = self.one.positions()
        one, two = (
            sum(self._ends[partition] - positions[partition] for partition in worker.share)
            for worker in (self.one, self.two)
        )
        return one, two


def sqlite(scene: Scene) -> dict[str, Row]:
    """Two workers on SQLite, a file a partition."""
    folder = scene.folder / f"sqlite-two-{scene.number}"
    with Pair(scene.broker, f"sqlite:{folder}/store/", folder, scene.environment) as pair:
        pair.wait_for_shares()
        return {"intake_sqlite_two": _rate(scene, pair)}


def postgres(scene: Scene) -> dict[str, Row]:
    """Two workers on one PostgreSQL: pace, and waits for locks."""
    folder = scene.folder / f"postgres-two-{scene.number}"
    try:
        with scene.database() as url, Pair(scene.broker, url, folder, scene.environment) as pair:
            pair.wait_for_shares()
            with LockWaits(url) as waits:
                row = _rate(scene, pair)
    except Absent as absent:
        return {name: Row(None, str(absent)) for name in ("intake_postgres_two", "lock_waits")}
    return {
        "intake_postgres_two": row,
        "lock_waits": Row(waits.share(2), f"{waits.looks:,} looks at two workers"),
    }


def _rate(scene: Scene, pair: Pair) -> Row:
    rate, events, cores = pair.rate(6.0 if scene.quick else 20.0)
    return times(rate, f" over {events:,} events, {cores:.2f} cores", scene.agent, scene.lean)
