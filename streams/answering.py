"""Where an answer goes: to its institution's own topic where there is one, else to the one that all answers share.

What may hold the data of somebody else stays in the shared topic too: answers to offices, to an event that one
institution sent in the name of another, and to what cannot be read and names another than its key: that has no owner.
"""

import time
from typing import Any, Final

import msgspec

from aggregates.store.transaction import Outgoing
from puhui.contract.catalogue import REGISTRY_EVENTS, REJECTED_EVENTS

AGAIN: Final = 10.0
"""Seconds after which is looked again for the topic of an institution that had none."""


class _About(msgspec.Struct):
    topic: str
    rule: str
    case: str = ""


class _Answer(msgspec.Struct):
    data: _About


_ANSWER: Final = msgspec.json.Decoder(_Answer)


def answers_topic(institution: str) -> str:
    """The topic of the answers to one institution alone."""
    return f"{REJECTED_EVENTS}.{institution}"


def is_for_one(message: Outgoing) -> bool:
    """May this message lie where its institution alone can read it, and must nobody else?"""
    if message.topic != REJECTED_EVENTS or message.key is None:
        return False
    about = _ANSWER.decode(message.value).data
    return about.topic != REGISTRY_EVENTS and (about.rule, about.case) != ("V05", "foreign_sender")


class Answering:
    """Knows the topics that are there, as Kafka tells a producer's client."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._topics: frozenset[str] = frozenset()
        self._looked_at = float("-inf")

    async def topic(self, message: Outgoing) -> str:
        """The topic for this message."""
        if message.key is None or not is_for_one(message):
            return message.topic
        own = answers_topic(message.key)
        if own not in self._topics and time.monotonic() - self._looked_at > AGAIN:
            self._topics = frozenset((await self._client.fetch_all_metadata()).topics())
            self._looked_at = time.monotonic()
        return own if own in self._topics else message.topic
