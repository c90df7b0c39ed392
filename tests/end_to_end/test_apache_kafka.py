"""The real worker on a real Apache Kafka: any producer, either store, outages; every event taken in exactly once."""

import json
import os
import random
import shutil
import signal
import string
import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from pathlib import Path

import psutil
import pytest
from confluent_kafka import Producer

from puhui.contract.catalogue import ALERTS, LOAN_EVENTS, REGISTRY_EVENTS, REJECTED_EVENTS
from streams.topics import Topic, ensure_topics
from tests.conftest import do_without
from tests.events import Event, Message, Sender, message, yuan
from tests.examples import BANK, SHOP, balance_and_bridge
from tests.installation import Installation, expected, wait_until
from tests.parts import Absent
from tests.parts.kafka import Kafka
from tests.parts.postgres import Postgres
from tests.references import social_credit_code

pytestmark = [pytest.mark.parts, pytest.mark.slow]

TOPICS = [LOAN_EVENTS, REGISTRY_EVENTS, REJECTED_EVENTS, ALERTS]
DAYS = [date(2023, 12, 31), date(2024, 3, 31), date(2026, 3, 31), date(2026, 6, 30)]
BANKS = [social_credit_code(number) for number in range(1, 9)]
SOON = {"PUHUI_SESSION": "6"}
"""A silent worker is taken for dead as soon as the broker allows."""


@pytest.fixture
def fresh_kafka(apache_kafka: Kafka) -> Kafka:
    """Apache Kafka without our topics: those of an earlier test are deleted."""
    apache_kafka.delete_topics()
    return apache_kafka


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:{tmp_path / 'puhui.db'}"
    server: Postgres = request.getfixturevalue("postgres")
    return server.create_database()


@pytest.fixture
def on_either_store(fresh_kafka: Kafka, store: str, tmp_path: Path) -> Iterator[Installation]:
    yield from running(Installation(tmp_path / "installation", fresh_kafka.bootstrap, store))


@pytest.fixture
def installation(fresh_kafka: Kafka, tmp_path: Path) -> Iterator[Installation]:
    yield from running(Installation(tmp_path / "installation", fresh_kafka.bootstrap, settings=SOON))


def running(installation: Installation) -> Iterator[Installation]:
    """The installation with a worker, which stops in good order at the end."""
    worker = installation.worker()
    yield installation
    worker.signal(signal.SIGTERM)
    assert worker.status == 0, worker.last_words()


def kill_child(installation: Installation) -> None:
    """End the worker's own process at once; its supervisor stays."""
    ours = [
        process
        for process in psutil.process_iter(["environ"])
        if (process.info["environ"] or {}).get("PUHUI_STORE") == installation.store
    ]
    parents = {process.pid for process in ours}
    for process in ours:
        if process.ppid() in parents:
            os.kill(process.pid, signal.SIGKILL)


def lives(banks: Iterable[str]) -> list[Event]:
    """A few loans of each bank, after its registration."""
    events = []
    for bank in map(Sender, banks):
        events.append(bank.registered())
        for number in range(20):
            events.append(bank.issued(f"L{number}", SHOP, "2023-12-10", yuan(1_000_000)))
            events.append(bank.repaid(f"L{number}", "2024-03-01", yuan(10_000 * (number + 1))))
    return events


def split(events: Iterable[Event]) -> tuple[list[Event], list[Message]]:
    """What goes to the registry, and the messages for `loan-events`."""
    messages = [message(event) for event in events]
    return [m.event for m in messages if m.topic == REGISTRY_EVENTS], [
        m for m in messages if m.topic == LOAN_EVENTS
    ]


def check(installation: Installation, events: list[Event], banks: Iterable[str]) -> None:
    """Everything is taken in, and every balance is the oracle's."""
    installation.wait_until_taken_in()
    for bank in banks:
        assert installation.balances(bank, DAYS) == expected(events, bank, DAYS)


def kcat(kafka: Kafka, messages: Iterable[Message]) -> None:
    """Send with kcat and its default partitioner."""
    if shutil.which("kcat") is None:
        do_without(Absent("kcat"))
    lines = b"\n".join(m.key + b"|" + m.value for m in messages)
    command = ["kcat", "-P", "-b", kafka.bootstrap, "-t", LOAN_EVENTS, "-K", "|", "-H", "origin=kcat"]
    subprocess.run(command, input=lines, check=True, timeout=60)


def console(kafka: Kafka, messages: Iterable[Message]) -> None:
    """Send with Kafka's own console producer."""
    lines = "\n".join(f"{m.key.decode()}|{m.value.decode()}" for m in messages)
    kafka.produce(
        LOAN_EVENTS,
        lines + "\n",
        "--reader-property",
        "parse.key=true",
        "--reader-property",
        "key.separator=|",
    )


def test_a_killed_worker_goes_on_where_it_was(on_either_store: Installation) -> None:
    events = balance_and_bridge()
    on_either_store.publish(events[:5])
    on_either_store.wait_until_taken_in()
    kill_child(on_either_store)
    on_either_store.publish(events[5:])
    on_either_store.publish(events)
    check(on_either_store, events, [BANK])
    assert on_either_store.counted() == {"accepted": len(events), "repeated": len(events)}


@pytest.mark.parametrize(("send", "forwards"), [(kcat, True), (console, False)])
def test_a_producer_that_is_not_python(
    installation: Installation,
    apache_kafka: Kafka,
    send: Callable[[Kafka, Iterable[Message]], None],
    forwards: bool,
) -> None:
    events = lives(BANKS)
    registry, messages = split(events)
    installation.publish(registry)
    send(apache_kafka, messages)
    check(installation, events, BANKS)
    counted = installation.counted()
    assert (counted.pop("forwarded", 0) > 0) is forwards
    assert counted == {"accepted": len(events)}


def test_an_aborted_transaction_is_not_taken_in(on_either_store: Installation, apache_kafka: Kafka) -> None:
    kept, aborted = lives(BANKS[:1]), lives(BANKS[1:2])
    on_either_store.publish([kept[0], aborted[0]])
    producer = Producer(
        {
            "bootstrap.servers": apache_kafka.bootstrap,
            "transactional.id": "bank",
            "partitioner": "murmur2_random",
        }
    )
    producer.init_transactions(30)
    for events, end in (
        (aborted[1:9], producer.abort_transaction),
        (kept[1:], producer.commit_transaction),
        (aborted[9:], producer.abort_transaction),
    ):
        producer.begin_transaction()
        for m in map(message, events):
            producer.produce(m.topic, m.value, m.key)
        producer.flush(30)
        end(30)
    check(on_either_store, kept, BANKS[:1])
    assert on_either_store.counted() == {"accepted": len(kept) + 1}


def test_a_frozen_broker_loses_nothing(installation: Installation, apache_kafka: Kafka) -> None:
    events = lives(BANKS[:4])
    foreign = {**events[1], "id": "foreign", "source": "urn:puhui:inst:somebody-else"}
    installation.publish([*events[:60], foreign])
    apache_kafka.pause()
    threading.Event().wait(8)  # longer than a session: the group has lost its member when the broker wakes
    apache_kafka.resume()
    installation.publish(events[60:])
    check(installation, events, BANKS[:4])
    assert installation.counted() == {"accepted": len(events), "refused": 1}
    (sent,) = apache_kafka.consume(REJECTED_EVENTS, 1)
    assert json.loads(sent)["data"]["rule"] == "V05"


def test_a_rejection_that_is_too_large_leaves_without_its_original_and_no_other_suffers_from_it(
    fresh_kafka: Kafka, tmp_path: Path
) -> None:
    ensure_topics(fresh_kafka.bootstrap, [Topic(REJECTED_EVENTS, 4, {"max.message.bytes": "3000"})])
    installation = Installation(tmp_path / "installation", fresh_kafka.bootstrap)
    letters = "".join(random.Random(1).choices(string.ascii_letters, k=20_000))
    producer = Producer({"bootstrap.servers": fresh_kafka.bootstrap})
    for value in (json.dumps({"note": letters}), *(json.dumps({"note": f"short {n}"}) for n in range(30))):
        producer.produce(LOAN_EVENTS, value, "bank", partition=0)
    producer.flush(30)
    worker = installation.worker("--once")
    installation.wait_until_taken_in()
    worker.signal(signal.SIGTERM)
    sent = [json.loads(line)["data"] for line in fresh_kafka.consume(REJECTED_EVENTS, 31)]
    assert sorted((s["offset"], s["original_base64"] is None) for s in sent) == [
        (n, n == 0) for n in range(31)
    ]


def test_workers_share_the_partitions_and_take_over_from_a_dead_one(
    fresh_kafka: Kafka, postgres: Postgres, tmp_path: Path
) -> None:
    store = postgres.create_database()
    installation = Installation(tmp_path / "installation", fresh_kafka.bootstrap, store, settings=SOON)
    events = lives(BANKS)
    one = installation.worker("--once", name="one")
    installation.publish(events[::2])
    two = installation.worker("--once", name="two", PUHUI_MEMBER="two")
    installation.publish(events)
    check(installation, events, BANKS)
    wait_until(lambda: "partitions 0-1: " in one.log.read_text(), "the first has half of the partitions")
    one.kill()
    installation.publish(events[-5:])
    installation.wait_until_taken_in()
    two.signal(signal.SIGTERM)
    assert two.status == 0
    assert "partitions 0-3: " in two.log.read_text()
    check(installation, events, BANKS)
    assert installation.counted()["accepted"] == len(events)
