"""What a worker must know of its Kafka: which cluster, which topics, and what of them is still to be had."""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, Self

from faust.types import TP
from kafka.errors import KafkaError

from aggregates.store import Store, Transaction
from aggregates.store.transaction import Position
from puhui.contract.catalogue import LOAN_EVENTS, REGISTRY_EVENTS
from streams.arrival import Source
from streams.connecting import Kafka
from streams.ending import Undecided
from streams.topics import check_topics, end_offsets, start_offsets

EVENT_TOPICS = (LOAN_EVENTS, REGISTRY_EVENTS)


class LostRange(Undecided):
    """Kafka does not have what comes next; the message names topic, partition and the lost range."""


class Unready(RuntimeError):
    """Kafka does not answer, or the topics are not there yet; the message says which."""


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
            raise Unready(f"Kafka at {kafka} has no topic {' and no '.join(missing)}: run `puhui topics`")
        loan, registry = (report.partitions[name] for name in EVENT_TOPICS)
        if loan != registry:
            raise Undecided(
                f"{LOAN_EVENTS} has {loan} partitions and {REGISTRY_EVENTS} has {registry}: they must have the same"
            )
        return cls(kafka, report.cluster_id, report.topic_ids, loan)

    def source(self, at: TP) -> Source:
        """One partition, as intake knows it."""
        key = f"{self.cluster_id}/{self.topic_ids[at.topic]}/{at.partition}"
        return Source(key, at.topic, at.partition, self.partitions)

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
        """Where to read on: at the stored position, or at the log's start where nothing was ever taken in."""
        found = {}
        for at in partitions:
            key = self.source(at).key
            stored = store.position(key)
            if stored is None:
                found[at] = starts[at]
                if starts[at]:
                    store.write(Transaction(position=Position(key, 0, starts[at])))
                continue
            if stored < starts[at]:
                raise LostRange(
                    f"{at.topic}, partition {at.partition}: the offsets {stored} to {starts[at] - 1} were deleted from "
                    f"Kafka before they were taken in: the store stands at {stored}, the log starts at {starts[at]}"
                )
            if stored > ends[at]:
                raise LostRange(
                    f"{at.topic}, partition {at.partition}: the offsets {ends[at]} to {stored - 1} are not in Kafka any "
                    f"more: the store stands at {stored}, the log ends at {ends[at]}; was Kafka set back to an older state?"
                )
            found[at] = stored
        return found
