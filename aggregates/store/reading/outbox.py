"""What is to leave on Kafka."""

from collections import Counter
from collections.abc import Collection
from itertools import accumulate, islice
from operator import itemgetter

from aggregates.store.reading.asking import Asking
from aggregates.store.transaction import Outgoing


class Outbox(Asking):
    """Messages by topic and number."""

    def outbox(
        self,
        limit: int = 500,
        topic: str | None = None,
        *,
        first: int = 0,
        without: Collection[str] = (),
        room: int | None = None,
    ) -> list[Outgoing]:
        """Messages that have not left yet, oldest first, from a number on: of all topics, of one, or of all but some.

        `room`: no more follow where their values have so many bytes.
        """
        where = "seq >= ?" + " AND topic = ?" * (topic is not None) + " AND topic <> ?" * len(without)
        parameters = (first, *([] if topic is None else [topic]), *without)
        if room is not None:
            statement = f"SELECT seq, LENGTH(value) FROM outbox WHERE {where} ORDER BY seq LIMIT ?"
            sizes = self._of_all(statement, (*parameters, limit), itemgetter(0))[:limit]
            before = accumulate((size for _, size in sizes), initial=0)
            limit = sum(weight < room for weight in islice(before, len(sizes)))
        found = self._of_all(
            "SELECT topic, id, kafka_key, value, headers, kafka_partition, seq "
            f"FROM outbox WHERE {where} ORDER BY seq LIMIT ?",
            (*parameters, limit),
            itemgetter(6),
        )
        return [
            Outgoing(row[0], row[1], row[2], bytes(row[3]), bytes(row[4]), row[5], row[6])
            for row in found[:limit]
        ]

    def waiting(self) -> dict[str, int]:
        """How many messages have not left yet, by topic."""
        found: Counter[str] = Counter()
        for topic, messages in self._of_all("SELECT topic, COUNT(*) FROM outbox GROUP BY topic"):
            found[topic] += messages
        return dict(found)
