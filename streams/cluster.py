"""What a worker must know of its Kafka: which cluster, which topics, and what of them is still to be had."""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, Self

from faust.types import TP
from kafka.errors import KafkaError

from aggregates.hashing import text_hash
from aggregates.store import Store, Transaction
from aggregates.store.transaction import Last, Position
from puhui.contract.catalogue import LOAN_EVENTS, REGISTRY_EVENTS
from streams.arrival import Source
from streams.comparing import others
from streams.connecting import Kafka
from streams.ending import Undecided
from streams.topics import check_topics, end_offsets, start_offsets

EVENT_TOPICS = (LOAN_EVENTS, REGISTRY_EVENTS)


class LostRange(Undecided):
    """Kafka does not have what comes next; the message names topic, partition and the lost range."""


class Unready(RuntimeError):
    """Kafka does not answer, or the topics are not there yet; the message says which."""


class Missing(Unready):
    """Kafka answers, and has not both topics."""


class Cluster(NamedTuple):
    """One Kafka cluster and the two topics of events in it."""

    kafka: Kafka
    cluster_id: str
    topic_ids: Mapping[str, str]
    partitions: int

    @classmethod
    def ask(cls, kafka: Kafka) -> Self:
        """Ask the cluster; Unready where it does not answer or has not both topics, NotLetIn where it refuses us."""
        try:
            report = check_topics(kafka)
        except (KafkaError, OSError) as error:
            raise Unready(f"Kafka at {kafka} does not answer: {type(error).__name__}") from error
        missing = [name for name in EVENT_TOPICS if name not in report.topic_ids]
        if missing:
            raise Missing(f"Kafka at {kafka} has no topic {' and no '.join(missing)}: run `puhui topics`")
        loan, registry = (report.partitions[name] for name in EVENT_TOPICS)
        if loan != registry:
            raise Undecided(
                f"{LOAN_EVENTS} has {loan} partitions and {REGISTRY_EVENTS} has {registry}: they must have the same"
            )
        return cls(kafka, report.cluster_id, report.topic_ids, loan)

    def source(self, at: TP) -> Source:
        """One partition, as intake knows it."""
        return Source(f"{self._place(at.topic)}/{at.partition}", at.topic, at.partition, self.partitions)

    def _place(self, topic: str) -> str:
        return f"{self.cluster_id}/{self.topic_ids[topic]}"

    def ends(self, *, stable: bool = False) -> dict[TP, int]:
        """The end of every partition, asked anew; with `stable`, open transactions are left out.

        This and `starts` block, and raise Unready where Kafka does not answer.
        """
        return self._offsets(lambda: end_offsets(self.kafka, EVENT_TOPICS, stable=stable))

    def starts(self) -> dict[TP, int]:
        """The start of every partition; blocks."""
        return self._offsets(lambda: start_offsets(self.kafka, EVENT_TOPICS))

    def _offsets(self, ask: Callable[[], Mapping[tuple[str, int], int]]) -> dict[TP, int]:
        try:
            return {TP(*at): offset for at, offset in ask().items()}
        except (KafkaError, OSError) as error:
            raise Unready(f"Kafka at {self.kafka} does not answer: {type(error).__name__}") from error

    def begin(
        self, store: Store, partitions: Iterable[TP], starts: Mapping[TP, int], ends: Mapping[TP, int]
    ) -> dict[TP, int]:
        """Where to read on: at the stored position, or at the log's start when the store meets the topic.

        LostRange where the store was fed from other topics of these names, or Kafka does not have what comes next.
        """
        if any(store.mark(name) is None for name, _ in map(self.identity, EVENT_TOPICS)):
            new = {at: start for at, start in starts.items() if store.position(self.source(at).key) is None}
            self.adopt(store, new)
        return {at: self.next_offset(store, at, starts[at], ends[at]) for at in sorted(partitions)}

    def identity(self, topic: str) -> tuple[str, int]:
        """The mark by which a store remembers the topic that it is fed from, and what it says of this one."""
        return f"topic:{topic}", text_hash(self._place(topic))

    def adopt(self, store: Store, starts: Mapping[TP, int]) -> None:
        """Take these topics for those that the store is fed from, each partition at least from its log's start.

        What was taken in last of them is compared with nothing any more.
        """
        for at, start in starts.items():
            key = self.source(at).key
            stored, known = store.position(key) or 0, store.last(key)
            if stored < start or known is not None:
                forgotten = known and Last(-1, 0)
                store.write(Transaction(position=Position(key, stored, max(stored, start), forgotten)))
        store.write(Transaction(marks=dict(map(self.identity, EVENT_TOPICS))))

    def next_offset(self, store: Store, at: TP, start: int, end: int) -> int:
        """The stored position of a partition, 0 where nothing ever came; LostRange where it is of no use."""
        name, identity = self.identity(at.topic)
        known = store.mark(name)
        if known not in (None, identity):
            raise LostRange(f"{at.topic} is not the topic that was taken in before: {_former(store, known)}")
        stored = store.position(self.source(at).key) or 0
        if stored < start:
            raise LostRange(
                f"{at.topic}, partition {at.partition}: the offsets {stored} to {start - 1} were deleted from "
                f"Kafka before they were taken in: the store stands at {stored}, the log starts at {start}"
            )
        if stored > end:
            raise LostRange(
                f"{at.topic}, partition {at.partition}: the offsets {end} to {stored - 1} are not in Kafka any "
                f"more: the store stands at {stored}, the log ends at {end}; was Kafka set back to an older state?"
            )
        return stored

    def lasts(self, store: Store, begin: Iterable[TP], starts: Mapping[TP, int]) -> dict[TP, Last]:
        """The records that were taken in last of these partitions, where Kafka still keeps what is so old."""
        found = ((at, store.last(self.source(at).key)) for at in begin)
        return {at: last for at, last in found if last is not None and last.offset >= starts[at]}

    def check_lasts(self, lasts: Mapping[TP, Last]) -> None:
        """LostRange where other records lie now where these were taken in; blocks, Unready where Kafka does not answer."""
        try:
            changed = others(self.kafka, lasts)
        except (KafkaError, OSError) as error:
            raise Unready(f"Kafka at {self.kafka} does not answer: {type(error).__name__}") from error
        if changed:
            raise LostRange("; ".join(_set_back(at, lasts[at].offset) for at in changed))

    def check_identity(self) -> None:
        """LostRange where the topics were made anew since they were asked for; blocks."""
        now = type(self).ask(self.kafka)
        for topic in EVENT_TOPICS:
            if now.identity(topic) != self.identity(topic):
                raise LostRange(
                    f"{topic} was made anew while it was read: what the former one had and was not taken in is lost"
                )


def lost(positions: Mapping[tuple[str, int], int]) -> LostRange:
    """Kafka said, while it was read, that it does not know these positions."""
    places = ", ".join(f"{at[0]}, partition {at[1]}: offset {offset}" for at, offset in positions.items())
    return LostRange(f"Kafka does not have the next record any more: {places} and what follows")


def _set_back(at: TP, offset: int) -> str:
    return (
        f"{at.topic}, partition {at.partition}: at the offset {offset} is not the record that was taken in there: Kafka "
        f"was set back to an older state and has grown again, and of what it has up to {offset} some was never taken in"
    )


def _former(store: Store, known: int | None) -> str:
    """What is known of a topic that is there no more, from the positions in it."""
    stored = ((*key.rpartition("/"), offset) for key, offset in sorted(store.positions().items()))
    told = [f"{offset} of partition {at}" for place, _, at, offset in stored if text_hash(place) == known]
    return (
        f"that one was taken in up to the offset {', '.join(told)}, and what it had behind is not in this one; "
        "was it made anew, or is this another Kafka?"
    )
