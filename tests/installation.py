"""A whole installation for the tests: a broker, a store, and the real commands of `puhui` in processes of their own."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from aggregates.codes import day_number
from aggregates.store import Store, StoreFailed, open_store
from projections.ledger import Ledger
from streams.cluster import Cluster
from streams.connecting import Kafka
from streams.topics import ensure_topics, topics
from tests.events import Event
from tests.oracle import POPULATIONS, Oracle
from tests.parts.process import Server

PUHUI = (sys.executable, "-m", "puhui.cli")


def wait_until(condition: Callable[[], bool], what: str, limit: float = 60.0) -> None:
    """Return when the condition holds; fail with a sentence when it does not in time."""
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline, f"not in {limit:g} s: {what}"
        time.sleep(0.05)


@dataclass
class Installation:
    """The settings of one installation, and what can be done with it."""

    folder: Path
    kafka: Kafka
    store: str = ""
    member: str = "one"
    partitions: int = 4
    settings: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.store = self.store or f"sqlite:{self.folder / 'data' / 'puhui.db'}"
        ensure_topics(self.kafka, topics(self.partitions, self.partitions))

    @property
    def bootstrap(self) -> str:
        """The address of the broker."""
        return str(self.kafka)

    def environ(self, **more: str) -> dict[str, str]:
        """The environment of the commands."""
        mine = {
            "PUHUI_BROKER": self.bootstrap,
            "PUHUI_STORE": self.store,
            "PUHUI_ENVIRONMENT": "test",
            "PUHUI_MEMBER": self.member,
            "PUHUI_GROUP": f"puhui-{self.folder.parent.name}",
            "PUHUI_METRICS_PORT": "0",
        }
        return {**os.environ, **mine, **self.settings, **more}

    def run(self, *arguments: str, text: str = "", **more: str) -> subprocess.CompletedProcess[str]:
        """Run one command to its end."""
        return subprocess.run(
            [*PUHUI, *arguments], input=text, env=self.environ(**more), capture_output=True, text=True, timeout=120,
            check=False,
        )  # fmt: skip

    def publish(self, events: Iterable[Event]) -> None:
        """Publish events with `puhui publish`; all of them are acknowledged."""
        done = self.run("publish", "-", text="\n".join(json.dumps(event) for event in events))
        assert done.returncode == 0, done.stderr

    def worker(
        self, *arguments: str, name: str = "worker", program: Sequence[str] = PUHUI, **more: str
    ) -> Server:
        """Start `puhui worker`; it runs when this returns."""
        server = Server(self.folder / f"{name}.log")
        before = server.log.read_text().count("the worker runs") if server.log.exists() else 0
        mine = [f"{key}={value}" for key, value in self.environ(**more).items() if key.startswith("PUHUI_")]
        server.launch(
            ["env", *mine, *program, "worker", *arguments],
            lambda: server.log.read_text().count("the worker runs") > before,
        )
        return server

    def open(self) -> Store:
        """The store, for reading."""
        return open_store(self.store, read_only=True)

    def behind(self) -> Mapping[str, int]:
        """How many offsets of each partition are not taken in yet; what cannot be told counts as one."""
        cluster = Cluster.ask(self.kafka)
        try:
            with closing(self.open()) as store:
                positions = store.positions()
        except StoreFailed as error:
            return {str(error): 1}
        ends = cluster.ends(stable=True).items()
        left = {
            f"{at.topic}/{at.partition}": end - positions.get(cluster.source(at).key, 0) for at, end in ends
        }
        return {place: number for place, number in left.items() if number}

    def wait_until_taken_in(self, limit: float = 60.0) -> None:
        """Wait until everything on Kafka is taken in, and everything that leaves has left."""
        wait_until(
            lambda: not self.behind() and not self._outbox() and not self.behind(), "all is taken in", limit
        )

    def _outbox(self) -> int:
        with closing(self.open()) as store:
            return len(store.outbox())

    def balances(self, institution: str, days: Iterable[date]) -> dict[str, list[int]]:
        """The balance of every population at the close of each day."""
        with closing(self.open()) as store:
            ledger = Ledger(store)
            ledger.follow()
            version = ledger.books[institution].last
            numbers = [day_number(day) for day in days]
            return {p: ledger.balances(institution, p, numbers, version) for p in POPULATIONS}

    def counted(self) -> dict[str, int]:
        """How many events had which result in the end; what waited for its institution a moment is not told apart."""
        found: dict[str, int] = {}
        with closing(self.open()) as store:
            for _, result, _, _, events in store.counted():
                if result not in ("parked", "released"):
                    found[result] = found.get(result, 0) + events
        return found


def expected(events: Iterable[Event], institution: str, days: Iterable[date]) -> dict[str, list[int]]:
    """The same balances by the oracle."""
    oracle = Oracle(events)
    days = list(days)
    return {p: [oracle.balance(institution, p, day) for day in days] for p in POPULATIONS}
