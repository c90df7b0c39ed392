"""Publish events as an institution would: one structured CloudEvent a line, with kafka-python."""

import logging
from collections.abc import Iterable
from contextlib import closing
from typing import Any, NamedTuple

import msgspec
from kafka import KafkaProducer
from kafka.errors import KafkaError

from puhui.contract.base import BY_RECORD_CLOCK
from puhui.contract.catalogue import LOAN_EVENTS, LOAN_TOPIC_TYPES, REGISTRY_EVENTS, REGISTRY_TOPIC_TYPES
from puhui.contract.signing import SIGNATURE
from puhui.keys import NOBODY, Keys
from streams.connecting import Kafka, prompt_options, prove_access

log = logging.getLogger("puhui.publish")


class Unpublishable(ValueError):
    """A line that cannot be published; the message says why."""


class Published(msgspec.Struct):
    """What came of publishing: lines that were sent, acknowledged, and failed with their reasons.

    `clocking`: of those sent, the ones of environments whose clock is the moment of sending.
    """

    sent: int = 0
    acknowledged: int = 0
    failures: list[str] = []
    clocking: int = 0

    def warnings(self) -> list[str]:
        """What the sender should be told of: each failure, and that an installation's clock was set."""
        if not self.clocking:
            return self.failures
        return [
            *self.failures,
            f"puhui: {self.clocking} of them are of the environment demo or test, whose clock is the moment of sending: "
            "that installation stands at today from now on",
        ]


class _Data(msgspec.Struct):
    institution_id: str


class _Event(msgspec.Struct):
    type: str
    data: _Data
    environment: Any = None


class Place(NamedTuple):
    """Where an event goes: its topic and its key; `clocking`: its sending sets the clock of who takes it in."""

    topic: str
    key: bytes
    clocking: bool


def place(line: bytes) -> Place:
    """Where one event goes; Unpublishable where it cannot be told."""
    try:
        event = msgspec.json.decode(line, type=_Event)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unpublishable(f"no event with type and data.institution_id: {error}") from error
    key, clocking = event.data.institution_id.encode(), str(event.environment) in BY_RECORD_CLOCK
    if event.type in LOAN_TOPIC_TYPES:
        return Place(LOAN_EVENTS, key, clocking)
    if event.type in REGISTRY_TOPIC_TYPES:
        return Place(REGISTRY_EVENTS, key, clocking)
    raise Unpublishable(f"unknown type {event.type}")


def signatures(keys: Keys, line: bytes) -> list[tuple[str, bytes]]:
    """The headers that sign one event; none without keys, Unpublishable where its source has none of them."""
    if not keys:
        return []
    source = msgspec.json.decode(line).get("source")
    key = keys.newest(source) if isinstance(source, str) else None
    if key is None:
        raise Unpublishable("there is no key for its source")
    return [(SIGNATURE, key.signature(line))]


def publish(kafka: Kafka, lines: Iterable[bytes], keys: Keys = NOBODY) -> Published:
    """Send every line, signed where there are keys, and say what was acknowledged; empty lines are skipped."""
    done = Published()
    prove_access(kafka)
    with closing(KafkaProducer(**prompt_options(kafka), acks="all", linger_ms=5)) as producer:
        pending = []
        for number, line in enumerate(lines, 1):
            if not (value := line.strip()):
                continue
            try:
                to = place(value)
                headers = signatures(keys, value)
                pending.append((number, producer.send(to.topic, key=to.key, value=value, headers=headers)))
                done.sent += 1
                done.clocking += to.clocking
            except (Unpublishable, KafkaError) as error:
                done.failures.append(f"line {number}: {error}")
            if len(pending) >= 10_000:
                _acknowledge(pending, done)
        _acknowledge(pending, done)
    return done


def _acknowledge(pending: list[tuple[int, Any]], done: Published) -> None:
    for number, answer in pending:
        try:
            answer.get(timeout=60)
            done.acknowledged += 1
        except KafkaError as error:
            done.failures.append(f"line {number}: {error!r}")
    pending.clear()
