"""The workers of a soak: started, killed at random, weighed, and how far they are seen from outside."""

import signal
from random import Random
from typing import Final

import psutil
from faust.types import TP

from puhui.contract.catalogue import LOAN_EVENTS
from streams.broker import free_port
from streams.cluster import Cluster
from tests.feeding import Taken
from tests.installation import Installation
from tests.sharing import Group, Worker

_NEVER_GIVE_UP: Final = "100000"
_WHOLE: Final = 0.2
"""The share of kills that take the supervisor too; then it is started again, as systemd would."""


class Positions:
    """How far the partitions of loan-events are taken in; as before while the store does not answer."""

    def __init__(self, installation: Installation) -> None:
        cluster = Cluster.ask(installation.kafka)
        partitions = range(installation.partitions)
        self._keys = [cluster.source(TP(LOAN_EVENTS, partition)).key for partition in partitions]
        self._taken = Taken(installation)
        self.close = self._taken.close

    def __call__(self) -> list[int]:
        found = self._taken.positions()
        return [found.get(key, 0) for key in self._keys]


class Crew:
    """Some workers of one installation, with rules and figures shown."""

    def __init__(self, installation: Installation, count: int, dice: Random) -> None:
        self._group = Group(installation)
        self._dice = dice
        ports = {f"worker-{number + 1}": str(free_port()) for number in range(count)}
        self._settings = {
            name: {"PUHUI_METRICS_PORT": port, "PUHUI_RESTARTS": _NEVER_GIVE_UP}
            for name, port in ports.items()
        }
        self._workers = [self._group.start(name, **mine) for name, mine in self._settings.items()]

    def kill(self) -> str:
        """Kill one that works, or its supervisor with it; says what was killed."""
        at = self._dice.randrange(len(self._workers))
        worker = self._workers[at]
        if self._dice.random() < _WHOLE:
            worker.server.kill()
            self._workers[at] = self._group.start(worker.name, **self._settings[worker.name])
            return f"{worker.name} with its supervisor"
        if (process := _working(worker)) is not None:
            process.kill()
        return worker.name

    def memory(self) -> list[float]:
        """Megabytes of each that works which the kernel can take from nobody: without what lies in files."""
        found = []
        for process in map(_working, self._workers):
            try:
                used = process.memory_info() if process else None
            except psutil.Error:
                used = None
            found.append((used.rss - used.shared) / 1e6 if used else 0.0)
        return found

    def stop(self) -> None:
        """Stop all of them in good order."""
        for worker in self._workers:
            worker.server.signal(signal.SIGTERM, 90)
            assert worker.server.status == 0, worker.server.last_words()

    def end(self) -> None:
        """End them, however they are."""
        for worker in self._workers:
            worker.server.kill()

    def last_words(self) -> str:
        """The end of each one's log."""
        return "\n".join(worker.server.last_words() for worker in self._workers)

    def check(self) -> None:
        """AssertionError where a supervisor has ended by itself."""
        for worker in self._workers:
            assert worker.server.running, worker.server.last_words()


def _working(worker: Worker) -> psutil.Process | None:
    """The process that works; None while there is none."""
    try:
        return worker.process
    except (psutil.Error, ValueError):
        return None
