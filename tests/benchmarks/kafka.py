"""The broker under the benchmarks, and the load that lies on it."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

from confluent_kafka import Producer
from faust.types import TP

from puhui.contract.catalogue import LOAN_EVENTS, REGISTRY_EVENTS
from streams.cluster import Cluster
from streams.topics import ensure_topics
from tests.benchmarks.load import INSTITUTIONS, PARTITIONS, REGISTERED_AT, registrations
from tests.benchmarks.wire import Published
from tests.parts import Absent
from tests.parts.embedded import embedded
from tests.parts.kafka import VERSION, Kafka

_KEYS: Final = [code.encode() for code in INSTITUTIONS]


class Broker(NamedTuple):
    """A running broker with all topics."""

    name: str
    bootstrap: str

    def keys(self) -> list[str]:
        """The keys under which a store keeps its positions in loan-events, by partition."""
        cluster = Cluster.ask(self.bootstrap)
        return [cluster.source(TP(LOAN_EVENTS, partition)).key for partition in range(PARTITIONS)]

    def ends(self) -> list[int]:
        """The end of each partition of loan-events."""
        cluster = Cluster.ask(self.bootstrap)
        found = cluster.ends()
        return [found[TP(LOAN_EVENTS, partition)] for partition in range(PARTITIONS)]

    def producer(self, linger: int) -> Producer:
        """A producer as a bank should set it: Kafka's own partitioner, acknowledged by all."""
        return Producer(
            {
                "bootstrap.servers": self.bootstrap,
                "partitioner": "murmur2_random",
                "acks": "all",
                "linger.ms": linger,
                "batch.size": 200_000,
                "queue.buffering.max.messages": 500_000,
                "queue.buffering.max.kbytes": 400_000,
                "log_level": 2,
            }
        )

    def register(self, environment: str) -> None:
        """Publish the registrations of all institutions."""
        producer = self.producer(20)
        for key, value in registrations(environment):
            producer.produce(REGISTRY_EVENTS, value, key.encode(), timestamp=REGISTERED_AT)
        _all_sent(producer)

    def publish(self, events: Iterable[Published]) -> int:
        """Publish events with the timestamps that they have; how many."""
        producer, count, waiting = self.producer(20), 0, iter(events)
        while part := list(islice(waiting, 2_000)):
            for at, institution, value in part:
                _produce(producer, value, institution, at)
            count += len(part)
            producer.poll(0)
        _all_sent(producer)
        os.sync()  # what the system still has to write would slow down every commit that is measured
        return count


def _produce(producer: Producer, value: bytes, institution: int, at: int, **options: Any) -> None:
    while True:
        try:
            producer.produce(LOAN_EVENTS, value, _KEYS[institution], timestamp=at, **options)
            return
        except BufferError:
            producer.poll(0.1)


def _all_sent(producer: Producer) -> None:
    left = producer.flush(120)
    if left:
        raise TimeoutError(f"{left} records were not acknowledged")


@contextmanager
def a_broker(folder: Path) -> Iterator[Broker]:
    """Apache Kafka where it is installed, the embedded broker where not."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        kafka = Kafka(folder)
    except Absent:
        with embedded(folder) as broker:
            yield _ready(Broker("the embedded broker", broker.bootstrap))
        return
    kafka.start()
    try:
        yield _ready(Broker(f"Apache Kafka {VERSION}", kafka.bootstrap))
    finally:
        kafka.kill()


def _ready(broker: Broker) -> Broker:
    ensure_topics(broker.bootstrap)
    return broker
