"""A worker that is killed again and again, or disturbed, while events flow, and what there is in the end."""

import signal
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from random import Random
from typing import Final, NamedTuple

import pytest

from aggregates.store.file import File
from aggregates.store.sqlite import SqliteStore
from aggregates.store.transaction import Transaction
from projections.judging import JUDGED
from puhui.contract.catalogue import ALERTS, REJECTED_EVENTS
from puhui.policy.periods import date_at, microseconds, start_of
from tests import digests
from tests.feeding import Feed, Taken
from tests.flow import Record
from tests.installation import PUHUI, Installation
from tests.parts.process import Server

IN_FLUSH: Final = ("rows", "mark", "precommit", "postcommit")
"""The places of a write-behind: half of its rows, all rows, the watermark too, and just committed."""
AT_START: Final = "start"
"""As soon as the partitions are there and what lay behind the watermarks is applied."""
ANYWHERE: Final = "anywhere"
PATIENCE: Final = 180.0
AT_WORK_AGAIN: Final = 30.0
"""Seconds after the end of a fault within which events must be taken in again."""


class Kill(NamedTuple):
    """Where a worker is killed, and after how many write-behinds or events of its life."""

    place: str
    after: int


def kills(
    seed: int, in_each_place: int, anywhere: int, at_start: int = 0, often: int = 1
) -> tuple[Kill, ...]:
    """Kills in a random order, the same ones for a seed; `often` times as many of them in as many events."""
    random = Random(seed)
    found = [
        Kill(place, random.randint(1, 12 // often))
        for place in IN_FLUSH
        for _ in range(in_each_place * often)
    ]
    found += [Kill(ANYWHERE, random.randint(0, 1_600 // often)) for _ in range(anywhere * often)]
    found += [Kill(AT_START, 0)] * (at_start * often)
    random.shuffle(found)
    return tuple(found)


@dataclass
class Ended:
    """What a run came to."""

    state: digests.State
    folded: digests.State
    alerts: dict[str, set[bytes]]
    rejected: dict[str, set[bytes]]
    killed: list[Kill] = field(default_factory=list)
    seconds: float = 0.0
    flowing: int = 0
    """How many events were not yet taken in at the last kill."""
    twice: int = 0
    """How many events lie on Kafka once more: published again by a producer whose broker died before it could answer."""


class Run:
    """One installation that takes in a flow of events, with a worker that is killed and started again."""

    def __init__(self, installation: Installation, records: Sequence[Record], **settings: str) -> None:
        self._installation = installation
        self._records = records
        self._settings = settings
        self._server = Server(installation.folder / "worker.log")
        self._taken = Taken(installation)

    def to_the_end(self, planned: Iterable[Kill] = ()) -> Ended:
        """Kill as planned, all of it while events flow; then let the worker take in the rest."""
        began, killed, left = time.monotonic(), [], 0
        with self._flowing():
            for kill in planned:
                self._live(kill)
                killed.append(kill)
                left = len(self._records) - self._taken()
                assert left, f"nothing flows any more after {len(killed)} kills"
            self._start("--once")
            self._take_in_the_rest()
        return ended(self._installation, killed, time.monotonic() - began, left)

    def disturbed(self, fault: Callable[["Run"], None], after: int, program: Sequence[str] = PUHUI) -> Ended:
        """Disturb a supervised worker once, while events flow: it must be at work again by itself, soon."""
        began = time.monotonic()
        with self._flowing():
            self._start(program=program)
            self._watch(lambda: self._taken() > after, "events are taken in")
            fault(self)
            left = len(self._records) - self._taken()
            self.wait_for_work()
            self._take_in_the_rest()
            twice = self._taken() - len(self._records)
        return replace(ended(self._installation, [], time.monotonic() - began, left), twice=twice)

    def wait_for_work(self) -> None:
        """Wait until events are taken in again."""
        before = self._taken()
        assert before < len(self._records), "nothing flows any more when the fault is over"
        self._watch(lambda: self._taken() > before, "the worker is at work again", limit=AT_WORK_AGAIN)

    def wait_for_word(self, *words: str) -> None:
        """Wait until the worker has said this."""
        said = self._server.log
        self._watch(lambda: all(word in said.read_text() for word in words), f"the worker says {words}")

    @contextmanager
    def _flowing(self) -> Iterator[None]:
        """Within, events flow."""
        self._feed = Feed(self._installation, self._records)
        self._feed.start()
        try:
            yield
        finally:
            self._feed.ended.set()
            self._server.kill()
            self._taken.close()

    def _take_in_the_rest(self) -> None:
        everything = len(self._records)
        self._watch(
            lambda: self._feed.published == everything <= self._taken() and not self._installation.behind(),
            "everything is taken in",
        )
        self._watch(lambda: settled(self._installation, self._records), "everything due is done")
        self._installation.wait_until_taken_in(PATIENCE)
        self._server.signal(signal.SIGTERM)
        assert self._server.status == 0, self._server.last_words()

    # one life

    def _start(self, *arguments: str, program: Sequence[str] = PUHUI, **more: str) -> None:
        environ = self._installation.environ(**self._settings, **more)
        pairs = [f"{name}={value}" for name, value in environ.items() if name.startswith("PUHUI_")]
        self._server.launch(["env", *pairs, *program, "worker", *arguments], lambda: True)

    def _live(self, kill: Kill) -> None:
        """One life of the worker, to its end by SIGKILL."""
        opened = self._opened()
        if kill.place in IN_FLUSH:
            self._start("--once", PUHUI_TEST_KILL_IN_FLUSH=f"{kill.after}:{kill.place}")
            self._watch(lambda: not self._server.running, f"the worker kills itself: {kill}", alive=False)
        else:
            before = self._taken()
            self._start("--once")
            self._watch(lambda: self._opened() > opened, "the partitions are there")
            if kill.place == ANYWHERE:
                self._watch(lambda: self._taken() > before + kill.after, f"events are taken in: {kill}")
            self._server.kill()
        assert self._server.status == -signal.SIGKILL, self._server.last_words()

    def _opened(self) -> int:
        log = self._server.log
        return log.read_text().count(" books opened, ") if log.exists() else 0

    def _watch(
        self, condition: Callable[[], bool], what: str, *, alive: bool = True, limit: float = PATIENCE
    ) -> None:
        """Wait for a condition, looking often; the worker must live meanwhile."""
        deadline = time.monotonic() + limit
        while not condition():
            assert self._server.running or not alive, self._server.last_words()
            assert time.monotonic() < deadline, f"not in {limit:g} s: {what}"
            time.sleep(0.005)


def settled(installation: Installation, records: Sequence[Record]) -> bool:
    """Has everything ended that was due by the last record's clock?"""
    last = records[-1].at * 1000
    with closing(installation.open()) as store:
        judged = store.mark(JUDGED) == microseconds(start_of(date_at(last)))
        return judged and all(row.until > last for row in store.parked())


def ended(
    installation: Installation, killed: Iterable[Kill] = (), seconds: float = 0.0, flowing: int = 0
) -> Ended:
    """What there is, in the store and on Kafka."""
    kafka = installation.bootstrap
    with closing(installation.open()) as store:
        return Ended(
            digests.state(store), {"register": digests.folded(store)}, digests.messages(kafka, ALERTS),
            digests.messages(kafka, REJECTED_EVENTS), list(killed), seconds, flowing,
        )  # fmt: skip


class _Killed(Exception):
    """Stands for a kill."""


@contextmanager
def killed_between_two_files() -> Iterator[None]:
    """What is written here into several files of a store is committed in the first one only, and then it is over."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(File, "write_and", _killed_before_its_commit)
        with pytest.raises(_Killed):
            yield


def _killed_before_its_commit(file: File, transaction: Transaction, then: Callable[[], None]) -> None:
    """What is to be committed first is."""

    def and_die() -> None:
        then()
        if transaction.position is None and isinstance(then, partial):
            raise _Killed

    SqliteStore.write_and(file, transaction, and_die)
