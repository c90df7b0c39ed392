"""What keeps events flowing: records published in their order while a worker takes them in."""

import threading
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Final

from confluent_kafka import Producer

from aggregates.store import Store, StoreFailed
from puhui.contract.catalogue import REGISTRY_EVENTS
from tests.flow import Record
from tests.installation import Installation

AHEAD: Final = 3_000
"""So many records lie on Kafka that are not taken in yet, as long as there are so many."""
PORTION: Final = 250


class Taken:
    """How far a store is, seen from outside; a store that was away is opened anew."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._store: Store | None = None
        self._last: dict[str, int] = {}

    def __call__(self) -> int:
        """The number of events taken in; as many as before while the store does not answer, 0 at first."""
        return sum(self.positions().values())

    def positions(self) -> dict[str, int]:
        """The same by partition, under the store's keys."""
        try:
            if self._store is None:
                self._store = self._installation.open()
            self._last = self._store.positions()
        except StoreFailed:
            self.close()
        return self._last

    def close(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None


class Feed(threading.Thread):
    """Publishes records in their order, never far ahead of what is taken in.

    What an office says has no order against what banks say: nothing else is under way while it is published.
    """

    def __init__(self, installation: Installation, records: Sequence[Record]) -> None:
        super().__init__(daemon=True)
        self._records = records
        self._taken = Taken(installation)
        self._kafka = installation.bootstrap
        self.published = 0
        """How many Kafka has acknowledged. Some lie on it twice, where it died before it could say so."""
        self.ended = threading.Event()

    def run(self) -> None:
        producer = Producer({"bootstrap.servers": self._kafka, "enable.idempotence": True, "log_level": 3})
        for topic, records in groupby(self._records, key=lambda record: record.topic):
            office = topic == REGISTRY_EVENTS
            if not self._wait(0 if office else AHEAD):
                return
            for portion in _portions(list(records)):
                if not self._wait(AHEAD):
                    return
                self._publish(producer, portion)
            if office and not self._wait(0):
                return
        self._taken.close()

    def _wait(self, ahead: int) -> bool:
        while self.published - self._taken() > ahead:
            if self.ended.wait(0.01):
                return False
        return True

    def _publish(self, producer: Producer, portion: Sequence[Record]) -> None:
        for at, topic, partition, key, value in portion:
            producer.produce(topic, value, key, partition, timestamp=at)
        assert producer.flush(60) == 0, "Kafka acknowledges no more"
        self.published += len(portion)


def _portions(records: Sequence[Record]) -> Iterable[Sequence[Record]]:
    return (records[start : start + PORTION] for start in range(0, len(records), PORTION))
