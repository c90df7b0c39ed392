"""Create and check the topics, and read what a position is about: cluster id, topic ids, end offsets.

The one module that uses Kafka's administration interface. Calls are blocking: a worker that is at work makes them in a thread.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient, OffsetSpec
from kafka.protocol.consumer import IsolationLevel

from puhui.contract.catalogue import ALERTS, INTEGRITY, LOAN_EVENTS, REGISTRY_EVENTS, REJECTED_EVENTS
from streams.asking import asking
from streams.broker import is_embedded
from streams.connecting import Kafka, prompt_options, prove_access

DEFAULT_PARTITIONS = 8
MAX_MESSAGE_BYTES = 1024 * 1024
_PATIENCE = 10.0
_SHARING_OUT = ("PreparingRebalance", "CompletingRebalance")
_SETTINGS: Mapping[str, str] = {"max.message.bytes": str(MAX_MESSAGE_BYTES)}


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as it should be."""

    name: str
    partitions: int
    settings: Mapping[str, str] = field(default_factory=lambda: _SETTINGS)


@dataclass(frozen=True, slots=True)
class Difference:
    """Something about a topic that is not as it should be."""

    topic: str
    what: str
    wanted: str
    found: str

    def __str__(self) -> str:
        return f"{self.topic}: {self.what} should be {self.wanted} and is {self.found}"


@dataclass(frozen=True, slots=True)
class TopicReport:
    """What was found, and what was created."""

    cluster_id: str
    topic_ids: Mapping[str, str]
    partitions: Mapping[str, int]
    created: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()

    @property
    def good(self) -> bool:
        """Whether everything is as it should be."""
        return not self.differences


def topics(
    partitions: int = DEFAULT_PARTITIONS, rejected_partitions: int = DEFAULT_PARTITIONS
) -> tuple[Topic, ...]:
    """List the topics: both topics of events have the same partitions, so that a key is in the same one."""
    return (
        Topic(LOAN_EVENTS, partitions),
        Topic(REGISTRY_EVENTS, partitions),
        Topic(REJECTED_EVENTS, rejected_partitions),
        Topic(ALERTS, 1),
        Topic(INTEGRITY, 1, {**_SETTINGS, "retention.ms": "-1"}),
    )


def ensure_topics(kafka: Kafka, wanted: Iterable[Topic] = topics(), replication: int = -1) -> TopicReport:
    """Create the topics that are missing, change nothing that exists, and report what differs.

    A replication of -1 takes the cluster's default.
    """
    wanted = tuple(wanted)
    prove_access(kafka)
    with asking(KafkaAdminClient, **prompt_options(kafka)) as admin:
        missing = [topic for topic in wanted if topic.name not in _describe(admin, wanted)]
        if missing:
            order = {
                topic.name: {
                    "num_partitions": topic.partitions,
                    "replication_factor": replication,
                    "configs": dict(topic.settings),
                }
                for topic in missing
            }
            # Somebody else may create them at the same moment: the report says what is there.
            admin.create_topics(order, raise_errors=False)
            admin.wait_for_topics(list(order))
        return _report(admin, wanted, tuple(topic.name for topic in missing))


def check_topics(kafka: Kafka, wanted: Iterable[Topic] = topics()) -> TopicReport:
    """Report what differs, a missing topic included, and change nothing."""
    prove_access(kafka)
    with asking(KafkaAdminClient, **prompt_options(kafka)) as admin:
        return _report(admin, tuple(wanted), ())


def end_offsets(kafka: Kafka, names: Iterable[str], *, stable: bool = False) -> dict[tuple[str, int], int]:
    """Say for each partition of these topics the offset that its next record will get.

    With `stable`, an open transaction ends a partition: so far a reader of committed records gets.

    Use this, not a client's own function: asked for the end, the embedded broker answers with the
    *first* offset of the last batch plus one. What it says with a fetch is right.
    """
    with asking(KafkaAdminClient, **prompt_options(kafka)) as admin:
        isolation = IsolationLevel.READ_COMMITTED if stable else IsolationLevel.READ_UNCOMMITTED
        claimed = _offsets(admin, names, OffsetSpec.LATEST, isolation)
        if is_embedded(admin.describe_cluster()["cluster_id"]):
            claimed |= _fetched_ends(kafka, {at: end for at, end in claimed.items() if end > 0})
    return {(at.topic, at.partition): end for at, end in sorted(claimed.items())}


def start_offsets(kafka: Kafka, names: Iterable[str]) -> dict[tuple[str, int], int]:
    """Say for each partition of these topics the offset of the first record that is still kept."""
    with asking(KafkaAdminClient, **prompt_options(kafka)) as admin:
        found = _offsets(admin, names, OffsetSpec.EARLIEST)
    return {(at.topic, at.partition): start for at, start in sorted(found.items())}


def held_partitions(kafka: Kafka, group: str) -> set[tuple[str, int]] | None:
    """Say which partitions the members of a consumer group have; None while they are shared out.

    The embedded broker does not tell: None too.
    """
    with asking(KafkaAdminClient, **prompt_options(kafka)) as admin:
        if is_embedded(admin.describe_cluster()["cluster_id"]):
            return None
        found = admin.describe_groups([group])[group]
    if found["group_state"] in _SHARING_OUT:
        return None
    return {
        (held["topic"], partition)
        for member in found["members"]
        for held in (member["member_assignment"] or {}).get("assigned_partitions", ())
        for partition in held["partitions"]
    }


def _offsets(
    admin: Any, names: Iterable[str], spec: OffsetSpec, isolation: Any = IsolationLevel.READ_UNCOMMITTED
) -> dict[TopicPartition, int]:
    asked = {
        TopicPartition(found["name"], partition["partition_index"]): spec
        for found in admin.describe_topics(list(names))
        for partition in found["partitions"]
    }
    found = admin.list_partition_offsets(asked, isolation_level=isolation)
    return {at: known.offset for at, known in found.items()}


def _fetched_ends(kafka: Kafka, claimed: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
    """Fetch the last records of partitions that have some, for the end that comes with them."""
    ends: dict[TopicPartition, int] = {}
    deadline = time.monotonic() + _PATIENCE
    settings = {"enable_auto_commit": False, "check_crcs": False}  # of the records only the end is looked at
    with asking(KafkaConsumer, **prompt_options(kafka), **settings) as consumer:
        while missing := sorted(claimed.keys() - ends.keys()):
            if time.monotonic() > deadline:
                raise TimeoutError(f"no end of {missing} in {_PATIENCE} s")
            consumer.assign(missing)
            for at in missing:
                consumer.seek(at, claimed[at] - 1)
            consumer.poll(timeout_ms=200)
            ends |= {at: end for at in missing if (end := consumer.highwater(at)) is not None}
    return ends


def _describe(admin: Any, wanted: Iterable[Topic]) -> dict[str, Any]:
    found = admin.describe_topics([topic.name for topic in wanted])
    return {topic["name"]: topic for topic in found if topic["error_code"] == 0}


def _report(admin: Any, wanted: tuple[Topic, ...], created: tuple[str, ...]) -> TopicReport:
    found = _describe(admin, wanted)
    return TopicReport(
        cluster_id=admin.describe_cluster()["cluster_id"],
        topic_ids={name: str(uuid.UUID(str(topic["topic_id"]))) for name, topic in found.items()},
        partitions={name: len(topic["partitions"]) for name, topic in found.items()},
        created=created,
        differences=tuple(_differences(wanted, found, _settings(admin, found))),
    )


def _settings(admin: Any, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Read the settings in force; the embedded broker tells none."""
    asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    answer = admin.describe_configs(asked, config_filter="all") if asked else {}
    found: dict[str, dict[str, Any]] = answer.get("topic", {})
    return found


def _differences(
    wanted: Iterable[Topic], found: Mapping[str, Any], settings: Mapping[str, Mapping[str, Any]]
) -> Iterator[Difference]:
    for topic in wanted:
        if topic.name not in found:
            yield Difference(topic.name, "the topic", "there", "missing")
            continue
        partitions = len(found[topic.name]["partitions"])
        if partitions != topic.partitions:
            yield Difference(topic.name, "the number of partitions", str(topic.partitions), str(partitions))
        known = settings.get(topic.name, {})
        for name, value in topic.settings.items():
            if name in known and str(known[name]["value"]) != value:
                yield Difference(topic.name, name, value, str(known[name]["value"]))
