"""Publish what the simulated county tells, a day at a time: a day is acknowledged before the next one is sent.

So every partition is at most within one day of all others, and the least clock of a worker is right. Each record has the
timestamp at which it would have been recorded; batches are built here, for a client would take a day's work for a record.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import groupby
from types import TracebackType
from typing import Any, Final, Self

from aiokafka import AIOKafkaProducer

from aggregates.partitioning import partition_of
from puhui.policy.periods import microseconds
from streams.simulation import Message

_BATCH: Final = 512 * 1024
"""Bytes of one batch: half of what the topics take."""


def by_day(messages: Iterable[Message]) -> Iterator[list[Message]]:
    """The messages of each day on which something was recorded."""
    for _, day in groupby(messages, key=lambda message: message.recorded_at.date()):
        yield list(day)


class DayPublisher:
    """Publishes days; leaving the `async with` block ends it."""

    def __init__(self, bootstrap: str, partitions: int) -> None:
        self._bootstrap, self._partitions = bootstrap, partitions
        self._producer: Any = None
        self.sent = 0

    async def __aenter__(self) -> Self:
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap, acks="all", max_batch_size=_BATCH, max_request_size=4 * _BATCH
        )
        await self._producer.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._producer.stop()

    async def publish(self, day: Iterable[Message]) -> None:
        """Publish one day, and wait until all of it is acknowledged."""
        places: dict[tuple[str, int], list[Message]] = defaultdict(list)
        for message in day:
            places[message.topic, partition_of(message.key, self._partitions)].append(message)
        answers = [
            answer for place, messages in places.items() async for answer in self._send(place, messages)
        ]
        for answer in answers:
            await answer
        self.sent += sum(len(messages) for messages in places.values())

    async def _send(self, place: tuple[str, int], messages: Iterable[Message]) -> Any:
        topic, partition = place
        batch = self._producer.create_batch()
        for message in messages:
            record = {
                "timestamp": microseconds(message.recorded_at) // 1000,
                "key": message.key.encode(),
                "value": message.value,
            }
            if batch.append(**record) is None:
                yield await self._producer.send_batch(batch, topic, partition=partition)
                batch = self._producer.create_batch()
                batch.append(**record)
        yield await self._producer.send_batch(batch, topic, partition=partition)
