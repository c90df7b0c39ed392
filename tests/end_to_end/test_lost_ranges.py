"""Kafka does not have what comes next: the worker stops with a status that no restart changes, and names what is lost."""

import shutil
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from puhui.contract.catalogue import LOAN_EVENTS
from streams.topics import ensure_topics, topics
from tests.events import Event
from tests.examples import BANK, balance_and_bridge
from tests.installation import Installation, expected, wait_until
from tests.parts.kafka import Kafka

pytestmark = [pytest.mark.parts, pytest.mark.slow]

DAYS = [date(2023, 12, 31), date(2024, 3, 31)]
PARTITIONS = 4
HOME = 2
"""The partition of the bank."""
EVENTS = balance_and_bridge()


@pytest.fixture
def installation(apache_kafka: Kafka, tmp_path: Path) -> Installation:
    """A store that has taken in all there was; its worker has stopped."""
    apache_kafka.delete_topics()
    installation = Installation(tmp_path / "installation", apache_kafka.bootstrap, partitions=PARTITIONS)
    take_in(installation, EVENTS[:6])
    return installation


def take_in(installation: Installation, events: list[Event]) -> None:
    """Publish, take in and stop."""
    installation.publish(events)
    worker = installation.worker("--once")
    installation.wait_until_taken_in()
    worker.signal(signal.SIGTERM)
    assert worker.status == 0, worker.last_words()


def truncate(kafka: Kafka, offset: int, partition: int = HOME) -> None:
    """Delete what lies before an offset, as retention does."""
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    for deleted in admin.delete_records([TopicPartition(LOAN_EVENTS, partition, offset)]).values():
        deleted.result(30)


def set_topics_up_anew(kafka: Kafka) -> None:
    kafka.delete_topics()
    ensure_topics(kafka.bootstrap, topics(PARTITIONS, PARTITIONS))


def set_broker_up_anew(kafka: Kafka) -> None:
    """At the same address, with nothing in it but the topics."""
    kafka.kill()
    shutil.rmtree(kafka.folder / "data")
    kafka.start()
    ensure_topics(kafka.bootstrap, topics(PARTITIONS, PARTITIONS))


def check_stops(installation: Installation, sentence: str) -> None:
    """The worker stops at once, and `puhui positions` says the same."""
    done = installation.run("worker")
    assert done.returncode == 4
    assert done.stderr.count(f"the worker ends: {sentence}") == 1, done.stderr
    told = installation.run("positions")
    assert (told.returncode, sentence in told.stdout) == (1, True), told.stdout


def check_goes_on(installation: Installation) -> None:
    """Once somebody has decided, what is sent again and what is new are taken in, each once."""
    accepted = installation.run("positions", "--accept")
    assert accepted.returncode == 0, accepted.stdout + accepted.stderr
    take_in(installation, EVENTS)
    assert installation.balances(BANK, DAYS) == expected(EVENTS, BANK, DAYS)
    assert installation.counted()["accepted"] == len(EVENTS)


def test_a_topic_truncated_while_the_worker_was_down(installation: Installation, apache_kafka: Kafka) -> None:
    """Named also to a store that an earlier program wrote, which does not remember its topics."""
    installation.publish(EVENTS[6:])
    truncate(apache_kafka, 8)
    with closing(sqlite3.connect(installation.store.removeprefix("sqlite:"))) as database, database:
        assert database.execute("DELETE FROM mark WHERE name LIKE 'topic:%'").rowcount == 2
    check_stops(
        installation,
        f"loan-events, partition {HOME}: the offsets 5 to 7 were deleted from Kafka before they were",
    )
    check_goes_on(installation)


def test_a_partition_of_which_nothing_was_ever_taken_in(tmp_path: Path, apache_kafka: Kafka) -> None:
    apache_kafka.delete_topics()
    installation = Installation(tmp_path / "installation", apache_kafka.bootstrap, partitions=PARTITIONS)
    take_in(installation, EVENTS[:1])
    installation.publish(EVENTS[1:6])
    truncate(apache_kafka, 2)
    check_stops(installation, f"loan-events, partition {HOME}: the offsets 0 to 1 were deleted from Kafka")
    check_goes_on(installation)


def test_a_store_that_meets_a_topic_begins_where_its_log_begins(tmp_path: Path, apache_kafka: Kafka) -> None:
    """Nothing is lost: what was deleted before was never this store's."""
    apache_kafka.delete_topics()
    installation = Installation(tmp_path / "installation", apache_kafka.bootstrap, partitions=PARTITIONS)
    installation.publish(EVENTS[1:4])
    truncate(apache_kafka, 3)
    take_in(installation, EVENTS)
    assert installation.counted() == {"accepted": len(EVENTS)}


@pytest.mark.parametrize("set_up_anew", [set_topics_up_anew, set_broker_up_anew])
def test_topics_or_a_broker_set_up_anew(
    installation: Installation, apache_kafka: Kafka, set_up_anew: Callable[[Kafka], None]
) -> None:
    set_up_anew(apache_kafka)
    installation.publish(EVENTS)
    check_stops(
        installation,
        "loan-events is not the topic that was taken in before: that one was taken in up to the offset "
        f"5 of partition {HOME}, and what it had behind is not in this one; was it made anew, or is this another Kafka?",
    )
    check_goes_on(installation)


def test_topics_made_anew_under_a_running_worker(installation: Installation, apache_kafka: Kafka) -> None:
    worker = installation.worker()
    set_topics_up_anew(apache_kafka)
    wait_until(lambda: not worker.running, "the worker has stopped", 30)
    assert worker.status == 4
    assert "loan-events was made anew while it was read" in worker.last_words()
