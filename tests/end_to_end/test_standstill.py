"""Nothing comes, though there is something to read: the consumer starts again in place, and what that does not mend, the process."""

import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.topics import ensure_topics, topics
from tests.events import Event
from tests.examples import balance_and_bridge
from tests.installation import Installation, wait_until
from tests.parts.kafka import Kafka
from tests.parts.process import Server

pytestmark = [pytest.mark.parts, pytest.mark.slow]

EVENTS = balance_and_bridge()
PARTITIONS = 4
LONG, SESSION = 120, 6
"""Seconds of a session: one that outlasts what a test does, and one that does not outlast a sleep of the broker."""

SOON = """
import asyncio, os, sys
from pathlib import Path
from aiokafka.consumer.fetcher import Fetcher
from puhui.cli import main
from streams import watching

watching.LOOK_EVERY, watching.IN_PLACE, watching.STANDSTILL = 0.5, 2.0, 6.0
fetch, hung = Fetcher._proc_fetch_request, Path({hung!r})

async def fetch_or_hang(fetcher, *arguments):
    whom = hung.read_text() if hung.exists() else "nobody"
    if whom not in ("once", str(os.getpid())):
        return await fetch(fetcher, *arguments)
    try:
        await asyncio.Event().wait()
    finally:
        if whom == "once":
            hung.unlink(missing_ok=True)

Fetcher._proc_fetch_request = fetch_or_hang
sys.exit(main())
"""
"""A worker with little patience, whose fetches hang for ever: those of one process, or those that hang `once`."""


class Watched:
    """An installation on real Kafka, with a worker that has little patience."""

    def __init__(self, kafka: Kafka, folder: Path, session: int) -> None:
        kafka.delete_topics()
        self.hung = folder / "hung"
        self.installation = Installation(
            folder / "installation",
            kafka.bootstrap,
            partitions=PARTITIONS,
            settings={"PUHUI_SESSION": str(session)},
        )
        self.worker = self.start()

    def start(self, *arguments: str) -> Server:
        """Start a worker; it has partitions when this returns, unless it gets none."""
        program = (sys.executable, "-c", SOON.format(hung=str(self.hung)))
        self.worker = self.installation.worker(*arguments, program=program)
        return self.worker

    def said(self, words: str) -> int:
        """How often the workers have said this."""
        return self.worker.log.read_text().count(words)

    def take_in(self, events: list[Event], limit: float = 30.0) -> None:
        """Publish events, and wait until they are taken in."""
        self.installation.publish(events)
        self.installation.wait_until_taken_in(limit)

    def check(self) -> None:
        """Every event counts once."""
        self.worker.signal(signal.SIGTERM)
        assert self.worker.status == 0, self.worker.last_words()
        assert self.installation.counted() == {"accepted": len(EVENTS)}


@pytest.fixture
def it(request: pytest.FixtureRequest, apache_kafka: Kafka, tmp_path: Path) -> Iterator[Watched]:
    watched = Watched(apache_kafka, tmp_path, getattr(request, "param", LONG))
    yield watched
    watched.worker.kill()


def test_a_fetch_that_hangs_is_mended_in_place(it: Watched) -> None:
    it.take_in(EVENTS[:6])
    it.hung.write_text("once")
    it.take_in(EVENTS[6:])
    assert it.said("the consumer starts again") == 1
    assert it.said("the worker ends") == 0
    it.check()


def test_what_is_not_mended_in_place_ends_the_worker_which_is_started_again(it: Watched) -> None:
    it.take_in(EVENTS[:6])
    (child,) = children(it.worker)
    it.hung.write_text(str(child))
    it.take_in(EVENTS[6:])
    assert it.said("the consumer starts again") == 1
    assert (
        it.said("the worker ends: nothing came for 6 s, though there is something to read in loan-events/")
        == 1
    )
    it.check()


@pytest.mark.parametrize("it", [SESSION], indirect=True)
def test_a_broker_that_sleeps_for_longer_than_a_session_is_no_standstill(
    it: Watched, apache_kafka: Kafka
) -> None:
    it.installation.publish(EVENTS[:6])
    apache_kafka.pause()
    time.sleep(SESSION + 1)  # what is waited for is that nothing happens
    apache_kafka.resume()
    it.take_in(EVENTS[6:])
    assert it.said("the worker ends") == 0
    it.check()


def test_topics_that_are_deleted_under_a_worker_are_told_and_those_made_anew_are_read(
    it: Watched, apache_kafka: Kafka
) -> None:
    """Kafka gives a worker that comes back under its name what it had: nothing, though the topics are there again."""
    it.take_in(EVENTS[:6])
    apache_kafka.delete_topics()
    wait_until(lambda: not it.worker.running, "the worker has stopped", 30)
    assert it.worker.status == 4
    assert it.said("has no topic loan-events and no registry-events: run `puhui topics`; it was there") == 1
    ensure_topics(apache_kafka.bootstrap, topics(PARTITIONS, PARTITIONS))
    assert it.installation.run("positions", "--accept").returncode == 0
    it.start()
    it.take_in(EVENTS)
    assert it.said("this worker has nothing: it joins its group again") == 1
    it.worker.signal(signal.SIGTERM)
    assert it.installation.counted()["accepted"] == len(EVENTS)


def children(worker: Server) -> list[int]:
    """The processes of a supervisor."""
    found = Path(f"/proc/{worker.pid}/task/{worker.pid}/children").read_text()
    return [int(pid) for pid in found.split()]
