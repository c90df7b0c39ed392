"""Workers of one group that share the partitions of one installation: started, frozen and stopped by a test."""

import re
import signal
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil
import psycopg

from aggregates.partitioning import partition_of
from aggregates.store import folder_of
from aggregates.store.files import paths
from aggregates.store.placing import COUNTY
from aggregates.store.stopped import writer
from tests.installation import PUHUI, Installation, wait_until
from tests.parts.process import Server

SESSION: Final = "6"
"""Seconds: what Kafka's default allows at least."""
_CHAIR: Final = re.compile(
    "the lease judge is taken|the lease judge is another|another worker judges now|it is started again"
)
_ASSIGNED: Final = re.compile(r"partitions (.+): \d+ books opened")


@dataclass
class Worker:
    """One `puhui worker`: the supervisor, and the process that works."""

    name: str
    server: Server

    @property
    def said(self) -> str:
        """The whole log."""
        return self.server.log.read_text()

    @property
    def share(self) -> set[int]:
        """The partitions that it was given last, as it says."""
        found = _ASSIGNED.findall(self.said)
        return _numbers(found[-1]) if found else set()

    @property
    def judges(self) -> bool:
        """Does it hold the lease, as far as it says?"""
        found = _CHAIR.findall(self.said)
        return bool(found) and found[-1] == "the lease judge is taken"

    @property
    def process(self) -> psutil.Process:
        """The process that works: the supervisor's child."""
        (child,) = psutil.Process(self.server.pid).children()
        return child

    def freeze(self) -> psutil.Process:
        """Stop the process that works, wherever it is."""
        frozen = self.process
        frozen.send_signal(signal.SIGSTOP)
        return frozen

    def stop(self) -> None:
        """Stop it in good order."""
        self.server.signal(signal.SIGTERM)
        assert self.server.status == 0, self.server.last_words()


@dataclass
class Group:
    """The workers of an installation."""

    installation: Installation

    def start(self, name: str, **settings: str) -> Worker:
        """Start one more; PostgreSQL knows its connections by its name."""
        program = ("env", f"PGAPPNAME={name}", *PUHUI)
        mine = {"PUHUI_MEMBER": name, "PUHUI_SESSION": SESSION, **settings}
        return Worker(name, self.installation.worker(name=name, program=program, **mine))

    def wait_for_shares(self, *workers: Worker) -> None:
        """Wait until these share all partitions, and nobody has one twice."""
        everything = set(range(self.installation.partitions))

        def shared() -> bool:
            shares = [worker.share for worker in workers]
            return (
                all(shares)
                and set().union(*shares) == everything
                and sum(map(len, shares)) == len(everything)
            )

        wait_until(shared, f"{[w.name for w in workers]} share the partitions")

    def freeze(self, worker: Worker) -> psutil.Process:
        """Stop the process that works, wherever it is; but with no file in its hand, for then others would end it."""
        folder = folder_of(self.installation.store)
        return worker.freeze() if folder is None else self._freeze(worker, folder, writing=False)

    def freeze_in_transaction(self, worker: Worker, meanwhile: Callable[[], None]) -> psutil.Process:
        """Stop the process that works in the middle of a transaction, which `meanwhile` gives it."""
        if (folder := folder_of(self.installation.store)) is not None:
            meanwhile()
            return self._freeze(worker, folder, writing=True)
        with self._in_transaction(worker, meanwhile):
            return worker.freeze()

    def _freeze(self, worker: Worker, folder: Path, *, writing: bool) -> psutil.Process:
        """It is let go again until it is met with a partition's file in its hand, or with no file at all."""
        files = paths(folder, self.installation.partitions)
        theirs = [path for at, path in files.items() if at is not COUNTY or not writing]
        process = worker.process

        def met() -> bool:
            process.send_signal(signal.SIGSTOP)
            wait_until(lambda: process.status() == psutil.STATUS_STOPPED, f"{worker.name} is stopped")
            if any(writer(path) == process.pid for path in theirs) is writing:
                return True
            process.send_signal(signal.SIGCONT)
            return False

        wait_until(met, f"{worker.name} is met {'in' if writing else 'outside'} a write")
        return process

    @contextmanager
    def _in_transaction(self, worker: Worker, meanwhile: Callable[[], None]) -> Iterator[None]:
        """Within, a worker is held in the middle of a transaction, by a lock on the rows of its books."""
        with closing(psycopg.connect(self.installation.store)) as connection:
            books = [name for (name,) in connection.execute("SELECT book FROM watermark")]
            mine = [
                name for name in books if partition_of(name, self.installation.partitions) in worker.share
            ]
            connection.execute("SELECT book FROM watermark WHERE book = ANY(%s) FOR UPDATE", (mine,))
            meanwhile()
            wait_until(lambda: self._waits(worker), f"{worker.name} waits in its transaction")
            yield
            connection.rollback()

    def _waits(self, worker: Worker) -> bool:
        question = "SELECT 1 FROM pg_stat_activity WHERE application_name = %s AND wait_event_type = 'Lock'"
        with closing(psycopg.connect(self.installation.store)) as connection:
            return connection.execute(question, (worker.name,)).fetchone() is not None


def _numbers(text: str) -> set[int]:
    found: set[int] = set()
    for part in text.replace("none", "").split():
        first, _, last = part.partition("-")
        found |= set(range(int(first), int(last or first) + 1))
    return found
