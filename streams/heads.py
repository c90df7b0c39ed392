"""Heads of the chains 链头: published once a day, so that commits which are cut off are missed, and read back to verify.

Who may change the store must not be able to change this topic: its messages are kept for good, and only workers write it.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date
from typing import Final

import msgspec
from kafka import KafkaConsumer, TopicPartition

from aggregates.codes import day_number
from aggregates.messages import told
from aggregates.store import Store, Transaction
from aggregates.store.transaction import Outgoing
from projections.verifying import Head
from puhui.contract.catalogue import INTEGRITY
from puhui.policy.periods import date_at, moment_at
from streams.cluster import Unready
from streams.connecting import Kafka, client_options
from streams.topics import end_offsets

TYPE: Final = "cn.puhui.integrity.head.v1"
PATIENCE: Final = 10.0
"""Seconds that the next message may take to come."""
_MARK: Final = "integrity:"
"""Begins the marks that hold the day on which a book's head was published last."""


class Message(msgspec.Struct, frozen=True):
    """What is read of a CloudEvent on the topic."""

    type: str
    data: Head


_decode: Final = msgspec.json.Decoder(Message).decode


class Heads:
    """Publishes the heads of this worker's books with the first tick of each day of the commit clock."""

    def __init__(self, store: Store, mine: Callable[[str], bool]) -> None:
        self._store = store
        self._mine = mine
        self._done: tuple[int, date] | None = None

    def tick(self, clock: int, turn: int) -> bool:
        """Is anything there to send? `clock` in µs; `turn` is another one where other books may be this worker's."""
        day = date_at(clock)
        if self._done == (turn, day):
            return False
        published = self._store.marks(_MARK)
        number = day_number(day)
        due = [
            (book, last)
            for book, _, last, _ in self._store.books()
            if last and published.get(f"{_MARK}{book}", 0) < number and self._mine(book)
        ]
        heads = [Head(book, last, self._store.link(book, last).hex(), day.isoformat()) for book, last in due]
        if heads:
            marks = {f"{_MARK}{head.book}": number for head in heads}
            self._store.write(Transaction(outbox=[_message(head, clock) for head in heads], marks=marks))
        self._done = (turn, day)
        return bool(heads)


def _message(head: Head, clock: int) -> Outgoing:
    identity = f"{head.book}/{head.day}"
    at = moment_at(clock).isoformat()
    return told(INTEGRITY, TYPE, identity, head.book, time=at, subject=head.book, data=head)


def published_heads(kafka: Kafka, since: date = date.min) -> list[Head]:
    """All heads that were published from a day on; what else lies on the topic says nothing.

    Unready, or an error of Kafka's client, where they cannot all be read.
    """
    return [head for head in _heads(kafka) if head.day >= since.isoformat()]


def _heads(kafka: Kafka) -> Iterator[Head]:
    ends = {TopicPartition(*at): end for at, end in end_offsets(kafka, [INTEGRITY]).items() if end}
    with closing(KafkaConsumer(**client_options(kafka), enable_auto_commit=False)) as consumer:
        consumer.assign(sorted(ends))
        for at in ends:
            consumer.seek_to_beginning(at)
        patience = time.monotonic() + PATIENCE
        while any(consumer.position(at) < end for at, end in ends.items()):
            for records in consumer.poll(500).values():
                patience = time.monotonic() + PATIENCE
                yield from (head for record in records if (head := _head(record.value)) is not None)
            if time.monotonic() > patience:
                raise Unready(f"the messages of {INTEGRITY} do not come")


def _head(value: bytes | None) -> Head | None:
    try:
        message = _decode(value or b"")
    except msgspec.MsgspecError:
        return None
    return message.data if message.type == TYPE else None
