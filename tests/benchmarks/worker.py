"""The real worker process, watched from outside: its positions in the store, its memory, what it says of its stages."""

import re
import signal
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, NamedTuple, Self

import psutil
from prometheus_client.parser import text_string_to_metric_families

from aggregates.store import Store, StoreFailed, open_store
from streams.broker import LOOPBACK, free_port
from tests import sharing
from tests.benchmarks.kafka import Broker
from tests.parts.process import Server

ROOT: Final = Path(__file__).parents[2]
SESSION: Final = "6"
_OPENED: Final = re.compile(r"facts behind the register applied, ([\d.]+) s")
_POLL: Final = 0.02
_STEP: Final = 10_000
"""Events between two samples."""


class WorkerEnded(RuntimeError):
    """The worker is gone; the message ends with its last words."""


class Sample(NamedTuple):
    """One look at a worker: events taken in by then, seconds and seconds of CPU since the first look, bytes of memory."""

    events: int
    seconds: float
    cpu: float
    rss: int


class Pace(NamedTuple):
    """How fast events were taken in, from the first look to the last."""

    samples: list[Sample]
    stages: Mapping[str, float]
    """Seconds of each stage for an event, as the worker tells them on /metrics; empty where it told nothing."""

    @property
    def events(self) -> int:
        return self.samples[-1].events - self.samples[0].events

    @property
    def seconds(self) -> float:
        return self.samples[-1].seconds - self.samples[0].seconds

    @property
    def rate(self) -> float:
        return self.events / self.seconds

    @property
    def cores(self) -> float:
        return (self.samples[-1].cpu - self.samples[0].cpu) / self.seconds

    @property
    def rss(self) -> int:
        return max(sample.rss for sample in self.samples)

    def upto(self, events: int) -> "Pace":
        """The part of it up to a number of events taken in."""
        return Pace([sample for sample in self.samples if sample.events <= events], self.stages)

    def after(self, events: int) -> "Pace":
        """The part of it from a number of events taken in on."""
        return Pace([sample for sample in self.samples if sample.events >= events], self.stages)


class Worker:
    """`puhui worker` with figures and rules on one store; leaving the `with` block ends it.

    `kept`: its store is asked afterwards, so it is ended in good order: rows are written back.
    """

    def __init__(
        self, broker: Broker, url: str, folder: Path, environment: str, *, rules: bool = True,
        flush_every: int | None = None, member: str = "one", kept: bool = False,
    ) -> None:  # fmt: skip
        folder.mkdir(parents=True, exist_ok=True)
        self.url, self._keys, self._kept = url, broker.keys(), kept
        self._port = free_port()
        self._server = Server(folder / f"{member}.log")
        self._settings = {
            "PYTHONPATH": str(ROOT),
            "PUHUI_BROKER": broker.bootstrap,
            "PUHUI_STORE": url,
            "PUHUI_ENVIRONMENT": environment,
            "PUHUI_GROUP": folder.name,
            "PUHUI_MEMBER": member,
            "PUHUI_SESSION": SESSION,
            "PUHUI_RULES": "on" if rules else "off",
            "PUHUI_METRICS_PORT": str(self._port),
        }
        if flush_every is not None:
            self._settings |= {"PUHUI_FLUSH_EVERY": str(flush_every), "PUHUI_ROW_MEMORY": "3200"}
        self._store: Store | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._kept:
            self.stop()
        else:
            self.end()

    def start(self) -> None:
        """Start it."""
        pairs = [f"{name}={value}" for name, value in self._settings.items()]
        command = ["env", *pairs, sys.executable, "-m", "puhui.cli", "worker"]
        self._server.launch(command, lambda: True)

    def stop(self) -> None:
        """Ask the worker to end, and wait: dirty rows are written back."""
        self._close()
        self._server.signal(signal.SIGTERM, 60)

    def leave(self) -> None:
        """Ask the worker to end, and do not wait."""
        self._server.signal(signal.SIGTERM, None)

    def end(self) -> None:
        """End supervisor and worker at once; nobody needs the store any more."""
        self._close()
        self._server.kill()

    def _close(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None

    @property
    def process(self) -> psutil.Process:
        """The process that works, under its supervisor."""
        supervisor = psutil.Process(self._server.pid)
        while not (children := supervisor.children()):
            time.sleep(_POLL)
        return children[0]

    @property
    def share(self) -> set[int]:
        """The partitions that it was given last, as it says."""
        return sharing.Worker(self._settings["PUHUI_MEMBER"], self._server).share

    @property
    def opened_in(self) -> float | None:
        """Seconds that opening its books took the last time, what is behind the register included, as it says."""
        found = _OPENED.findall(self._server.log.read_text())
        return float(found[-1]) if found else None

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

    def freeze(self) -> None:
        """Stop the process that works, wherever it is."""
        self.process.suspend()

    def thaw(self) -> None:
        """Let it go on."""
        self.process.resume()

    def kill(self) -> None:
        """End the process that works at once; its supervisor starts another one."""
        self.process.kill()

    def taken_in(self) -> int:
        """How many events the store has taken in."""
        return sum(self.positions())

    def cpu(self) -> float:
        """Seconds of CPU so far."""
        times = self.process.cpu_times()
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
        count = self.wait(lambda count: count > 0)
        if count >= upto:
            raise TimeoutError(
                f"at the first look all {upto:,} events were taken in: nothing can be measured"
            )
        process, began = self.process, time.perf_counter()
        before, samples = self.cpu(), list[Sample]()
        while True:
            rss = process.memory_info().rss
            samples.append(Sample(count, time.perf_counter() - began, self.cpu() - before, rss))
            if count >= upto:
                return Pace(samples, self.stages())
            step = min(upto, count + _STEP)
            count = self.wait(lambda count, step=step: count >= step)  # type: ignore[misc]  # bound at once

    def stages(self) -> dict[str, float]:
        """Seconds of each stage for an event, since its start, as the worker tells; empty where it does not answer."""
        try:
            with urllib.request.urlopen(f"http://{LOOPBACK}:{self._port}/metrics", timeout=10) as reply:
                return _stages(reply.read().decode())
        except OSError:
            return {}


def _stages(exposition: str) -> dict[str, float]:
    found, events = dict[str, float](), 0.0
    for family in text_string_to_metric_families(exposition):
        for sample in family.samples:
            match sample.name:
                case "puhui_batch_seconds_total":
                    found[sample.labels["stage"]] = sample.value
                case "puhui_judging_seconds_total":
                    found["judge"] = sample.value
                case "puhui_partition_tracked_offset" if sample.labels["topic"] == "loan-events":
                    events += sample.value
    return {stage: seconds / events for stage, seconds in found.items()} if events else {}
