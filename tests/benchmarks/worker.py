"""The real worker process, watched from outside: its positions in the store, its memory."""

import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple, Self

import psutil

from aggregates.store import Store, StoreFailed, open_store
from tests.benchmarks.kafka import Broker
from tests.parts.process import Server

ROOT: Final = Path(__file__).parents[2]
_POLL: Final = 0.02


class WorkerEnded(RuntimeError):
    """The worker is gone; the message ends with its last words."""


class Pace(NamedTuple):
    """How fast events were taken in: between the first and the last look at the positions."""

    events: int
    seconds: float
    cpu: float
    rss: int

    @property
    def rate(self) -> float:
        return self.events / self.seconds


class Worker:
    """`puhui worker` on one store; leaving the `with` block ends it in good order."""

    def __init__(
        self, broker: Broker, url: str, folder: Path, environment: str, *, rules: bool = True,
        flush_every: int | None = None,
    ) -> None:  # fmt: skip
        folder.mkdir(parents=True, exist_ok=True)
        self.url, self._keys = url, broker.keys()
        self._server = Server(folder / "worker.log")
        self._settings = {
            "PYTHONPATH": str(ROOT),
            "PUHUI_BROKER": broker.bootstrap,
            "PUHUI_STORE": url,
            "PUHUI_ENVIRONMENT": environment,
            "PUHUI_GROUP": folder.name,
            "PUHUI_RULES": "on" if rules else "off",
            "PUHUI_METRICS_PORT": "0",
            "PUHUI_LOG_LEVEL": "warning",
        }
        if flush_every is not None:
            self._settings["PUHUI_FLUSH_EVERY"] = str(flush_every)
        self._store: Store | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start it."""
        pairs = [f"{name}={value}" for name, value in self._settings.items()]
        command = ["env", *pairs, sys.executable, "-m", "puhui.cli", "worker"]
        self._server.launch(command, lambda: True)

    def stop(self) -> None:
        """Ask the worker to end, and wait: dirty rows are written back."""
        self._server.signal(signal.SIGTERM, 60)
        if self._store is not None:
            self._store.close()
            self._store = None

    def kill(self) -> None:
        """End the process that works at once; its supervisor starts another one."""
        self._process().kill()

    def _process(self) -> psutil.Process:
        """The process that works, under its supervisor."""
        supervisor = psutil.Process(self._server.pid)
        while not (children := supervisor.children()):
            time.sleep(_POLL)
        return children[0]

    def positions(self) -> list[int]:
        """The position of each partition; zeros while there is no store yet."""
        if not self._server.running:
            raise WorkerEnded(f"the worker ended: {self._server.last_words()[-800:]}")
        try:
            if self._store is None:
                self._store = open_store(self.url, read_only=True)
            found = self._store.positions()
        except StoreFailed:
            return [0] * len(self._keys)
        return [found.get(key, 0) for key in self._keys]

    def taken_in(self) -> int:
        """How many events the store has taken in."""
        return sum(self.positions())

    def rss(self) -> int:
        """Resident memory in bytes."""
        return int(self._process().memory_info().rss)

    def cpu(self) -> float:
        """Seconds of CPU so far."""
        times = self._process().cpu_times()
        return float(times.user + times.system)

    def wait(self, until: Callable[[int], bool], patience: float = 60.0) -> int:
        """Wait until the number of events taken in is as wanted; TimeoutError when nothing moves for a while."""
        seen, moved = -1, time.monotonic()
        while not until(count := self.taken_in()):
            if count != seen:
                seen, moved = count, time.monotonic()
            elif time.monotonic() - moved > patience:
                raise TimeoutError(f"the worker stands at {count} events: {self._server.last_words()[-800:]}")
            time.sleep(_POLL)
        return count

    def pace(self, upto: int) -> Pace:
        """How fast the worker takes in all events up to a number, from the first one on."""
        first = self.wait(lambda count: count > 0)
        began, cpu, rss = time.perf_counter(), self.cpu(), 0
        while first < upto:
            step = min(upto, self.taken_in() + 5_000)
            last = self.wait(lambda count, step=step: count >= step)  # type: ignore[misc]  # bound at once
            rss = max(rss, self.rss())
            if last >= upto:
                break
        return Pace(upto - first, time.perf_counter() - began, self.cpu() - cpu, rss)
