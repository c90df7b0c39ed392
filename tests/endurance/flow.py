"""The events of a soak, published at once or at a pace; it is known when each was published, so that delays can be told."""

import re
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

from confluent_kafka import Producer

from aggregates.partitioning import partition_of
from puhui.contract.catalogue import LOAN_EVENTS, REGISTRY_EVENTS
from tests.benchmarks.load import INSTITUTIONS, PARTITIONS, REGISTERED_AT, registrations
from tests.benchmarks.wire import Published

EVERY: Final = 200
"""One event in so many is told once more with another amount: V02 refuses it."""
_HOMES: Final = [partition_of(code, PARTITIONS) for code in INSTITUTIONS]
_KEYS: Final = [code.encode() for code in INSTITUTIONS]
_AMOUNT: Final = re.compile(rb'"principal_fen":')
_PORTION: Final = 2_000
_STEP: Final = 0.05
"""Seconds between two portions of what is published at a pace."""
_PATIENCE: Final = 180.0


def contradicted(events: Iterable[Published]) -> Iterator[Published]:
    """The events, some of them followed by another content under the same id."""
    for number, event in enumerate(events):
        yield event
        if number % EVERY == 0 and _AMOUNT.search(event.value):
            yield event._replace(value=_AMOUNT.sub(b'"principal_fen":1', event.value, count=1))


class Waits:
    """Since when the events of each partition wait: told by marks, each of a number of events and when they were there."""

    def __init__(self) -> None:
        self._marks: list[deque[tuple[int, float]]] = [deque() for _ in range(PARTITIONS)]

    def note(self, published: Sequence[int], now: float) -> None:
        """So many events of each partition are published by now."""
        for marks, count in zip(self._marks, published, strict=True):
            marks.append((count, now))

    def longest(self, positions: Sequence[int], now: float) -> float:
        """For how many seconds the event that has waited longest waits; 0 where none does. Positions never fall."""
        oldest = 0.0
        for marks, position in zip(self._marks, positions, strict=True):
            while marks and marks[0][0] <= position:
                marks.popleft()
            oldest = max(oldest, now - marks[0][1] if marks else 0.0)
        return oldest


class Flow(threading.Thread):
    """Publishes: first what `at_once` is asked for; as a thread the rest, so many a second, until it is told to end."""

    def __init__(self, bootstrap: str, events: Iterable[Published], pace: float) -> None:
        super().__init__(daemon=True)
        self._events = iter(events)
        self._pace = pace
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap, "enable.idempotence": True, "linger.ms": 5, "log_level": 2,
                "compression.type": "lz4", "queue.buffering.max.messages": 500_000, "reconnect.backoff.max.ms": 500,
            }
        )  # fmt: skip
        self.published = [0] * PARTITIONS
        self._waits = Waits()
        self.last_at = 0
        self.ended = threading.Event()

    def register(self) -> None:
        """The office registers all institutions."""
        for key, value in registrations():
            home = partition_of(key, PARTITIONS)
            self._producer.produce(REGISTRY_EVENTS, value, key.encode(), home, timestamp=REGISTERED_AT)
        self._acknowledged()

    def at_once(self, count: int) -> int:
        """Publish so many events as fast as Kafka takes them; how many there were."""
        before = self.total
        while (left := before + count - self.total) > 0 and self._publish(min(left, _PORTION)):
            self._producer.poll(0)
        self._acknowledged()
        return self.total - before

    def run(self) -> None:
        began, before = time.monotonic(), self.total
        while not self.ended.wait(_STEP):
            due = int((time.monotonic() - began) * self._pace) - (self.total - before)
            if due > 0 and self._publish(due) < due:
                break
            self._producer.poll(0)
        self._acknowledged()

    @property
    def total(self) -> int:
        """How many events were published."""
        return sum(self.published)

    def delay(self, positions: Sequence[int]) -> float:
        """For how many seconds the event that has waited longest has been published; 0 where none waits."""
        return self._waits.longest(positions, time.monotonic())

    def _publish(self, count: int) -> int:
        """Publish the next events; how many there were."""
        done = 0
        for at, institution, value in islice(self._events, count):
            home = _HOMES[institution]
            self._produce(value, _KEYS[institution], home, at)
            self.published[home] += 1
            self.last_at = at
            done += 1
        self._waits.note(self.published, time.monotonic())
        return done

    def _produce(self, value: bytes, key: bytes, partition: int, at: int) -> None:
        while True:
            try:
                self._producer.produce(LOAN_EVENTS, value, key, partition, timestamp=at)
                return
            except BufferError:
                self._producer.poll(0.1)

    def _acknowledged(self) -> None:
        left = self._producer.flush(_PATIENCE)
        assert not left, f"{left} events were not acknowledged"
