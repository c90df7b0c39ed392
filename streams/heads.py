"""Heads of the chains 链头: published daily, so that commits which are cut off are missed, and read back to verify.

A book that rests is not published again: its last head still proves it, and any number of books costs no message a day.
Who may change the store must not be able to change this topic: its messages are kept for good, and only workers write it.
"""

import time
from collections.abc import Callable, Iterator
from datetime import date
from typing import Final

import msgspec
from kafka import KafkaConsumer, TopicPartition

from aggregates.codes import day_number
from aggregates.messages import told
from aggregates.store import Store, StoreIncomplete, Transaction
from aggregates.store.chain import HEADS
from aggregates.store.transaction import Outgoing
from projections.verifying import Head
from puhui.contract.catalogue import INTEGRITY
from puhui.policy.periods import date_at, moment_at
from streams.asking import asking
from streams.cluster import Unready
from streams.connecting import Kafka, prompt_options
from streams.topics import end_offsets

TYPE: Final = "cn.puhui.integrity.head.v1"
PATIENCE: Final = 10.0
"""Seconds that the next message may take to come."""
PUBLISHED: Final = 500
"""Heads that leave with one tick."""
LOOKED_AT: Final = 2000
"""Books that one tick looks at."""
_DAY: Final = 1 << 16
"""A mark holds the version that was published last times this, and the number of the day."""


class Message(msgspec.Struct, frozen=True):
    """What is read of a CloudEvent on the topic."""

    type: str
    data: Head


_decode: Final = msgspec.json.Decoder(Message).decode


class Heads:
    """Publishes the heads of this worker's books that have changed, from the first tick of each day of the commit clock on.

    A portion of the books a tick, in the order of their names; what a day has begun ends before the next one begins.
    """

    def __init__(self, store: Store, mine: Callable[[str], bool]) -> None:
        self._store = store
        self._mine = mine
        self._begun: tuple[int, date] | None = None
        self._after: str | None = None

    def tick(self, clock: int, turn: int) -> bool:
        """Is anything there to send? `clock` in µs; `turn` is another one where other books may be this worker's."""
        day = date_at(clock)
        if self._begun == (turn, day) and self._after is None:
            return False
        if self._begun is None or self._begun[0] != turn or self._after is None:
            self._begun, self._after = (turn, day), ""
        heads, self._after = self._next(self._after, day)
        if heads:
            marks = {f"{HEADS}{head.book}": head.version * _DAY + day_number(day) for head in heads}
            self._store.write(Transaction(outbox=[_message(head, clock) for head in heads], marks=marks))
        return bool(heads)

    def _next(self, after: str, day: date) -> tuple[list[Head], str | None]:
        """The heads to publish of the next books behind a name, and the last one's name; None where it was the last of all."""
        books = self._store.books(after=after, limit=LOOKED_AT)
        marks = self._store.marks_between(f"{HEADS}{books[0][0]}", f"{HEADS}{books[-1][0]}") if books else {}
        heads: list[Head] = []
        for book, _, last, _ in books:
            version, published = divmod(marks.get(f"{HEADS}{book}", 0), _DAY)
            if last != version and published < day_number(day) and self._mine(book):
                link = self._link(book, last) if len(heads) < PUBLISHED else None
                if link is None:
                    return heads, after
                heads.append(Head(book, last, link.hex(), day.isoformat()))
            after = book
        return heads, after if len(books) == LOOKED_AT else None

    def _link(self, book: str, last: int) -> bytes | None:
        """The link of a last commit; None where another worker, who owns the book, has gone on with it since."""
        try:
            return self._store.link(book, last)
        except StoreIncomplete:
            found = self._store.book(book)
            if found is None or found[1] == last:
                raise
            return None


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
    with asking(KafkaConsumer, **prompt_options(kafka), enable_auto_commit=False) as consumer:
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
