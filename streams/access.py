"""Who may do what in Kafka: the rights of workers, offices and institutions, for a cluster that has an authorizer.

Kafka knows rights to topics, not to keys. So the answers to an institution lie in a topic of its own, and the shared
topic `rejected-events` is for those who run the installation.
"""

from collections.abc import Iterable
from typing import NamedTuple

from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    KafkaAdminClient,
    ResourcePattern,
    ResourceType,
)

from puhui.contract.catalogue import ALERTS, INTEGRITY, LOAN_EVENTS, REGISTRY_EVENTS, REJECTED_EVENTS
from streams.answering import answers_topic
from streams.asking import asking
from streams.connecting import Kafka, prompt_options, prove_access
from streams.topics import Topic, ensure_topics, topics


class Right(NamedTuple):
    """What may be done with a topic or a group; of a prefix: with all whose names begin so."""

    kind: str
    name: str
    operations: tuple[str, ...]
    prefix: bool = False

    def __str__(self) -> str:
        of = f"{self.kind} {self.name}{'*' if self.prefix else ''}"
        return f"{of}: {', '.join(self.operations)}"


def rights(role: str, user: str, group: str, institution: str = "") -> list[Right]:
    """All that a role needs. Workers read in the installation's group, all others in one that is called as they are."""
    if role == "worker":
        read = (LOAN_EVENTS, REGISTRY_EVENTS, INTEGRITY)
        sent = [topic.name for topic in topics() if topic.name not in read]
        return [
            *(Right("topic", name, ("READ", "WRITE", "DESCRIBE_CONFIGS")) for name in read),
            *(Right("topic", name, ("WRITE", "DESCRIBE_CONFIGS")) for name in sent),
            Right("topic", f"{REJECTED_EVENTS}.", ("WRITE",), prefix=True),
            Right("group", group, ("READ",)),
        ]
    own_group = Right("group", user, ("READ",))
    if role == "office":
        shared = [Right("topic", name, ("READ",)) for name in (ALERTS, REJECTED_EVENTS)]
        return [Right("topic", REGISTRY_EVENTS, ("WRITE",)), *shared, own_group]
    answers = Right("topic", answers_topic(institution), ("READ",))
    return [Right("topic", LOAN_EVENTS, ("WRITE",)), answers, own_group]


def admit(kafka: Kafka, user: str, granted: Iterable[Right], institution: str = "") -> None:
    """Give a user these rights, and an institution its topic; KafkaError where the cluster has no authorizer."""
    if institution:
        ensure_topics(kafka, [Topic(answers_topic(institution), 1)])
    prove_access(kafka)
    entries = [entry for right in granted for entry in _entries(user, right)]
    with asking(KafkaAdminClient, **prompt_options(kafka)) as admin:
        for failure in admin.create_acls(entries)["failed"]:
            raise failure("the rights were not given")


def _entries(user: str, right: Right) -> list[ACL]:
    pattern = ACLResourcePatternType.PREFIXED if right.prefix else ACLResourcePatternType.LITERAL
    resource = ResourcePattern(ResourceType[right.kind.upper()], right.name, pattern)
    return [
        ACL(f"User:{user}", "*", ACLOperation[name], ACLPermissionType.ALLOW, resource)
        for name in right.operations
    ]
