"""Answers go to the topic of their institution where there is one, and never where somebody else reads them."""

import asyncio

import pytest

from aggregates.outcomes import Refused
from aggregates.store.transaction import Outgoing
from puhui.contract.catalogue import LOAN_EVENTS, REGISTRY_EVENTS, REJECTED_EVENTS
from streams.access import rights
from streams.answering import Answering
from streams.rejections import rejection
from tests.examples import BANK
from tests.references import social_credit_code


class Topics(frozenset[str]):
    """A producer's client that knows these topics, and counts how often it is asked."""

    asked = 0

    async def fetch_all_metadata(self) -> "Topics":
        self.asked += 1
        return self

    def topics(self) -> "Topics":
        return self


def answer(refused: Refused, institution: str | None = BANK, topic: str = LOAN_EVENTS) -> Outgoing:
    return rejection(
        refused, event=1, content=2, institution=institution, topic=topic, partition=0, offset=3, value=b"{}",
        rejected_at="2024-01-01T00:00:00+00:00",
    )  # fmt: skip


OWN = f"{REJECTED_EVENTS}.{BANK}"
WRONG = Refused("V04", "data.principal_fen", {})


@pytest.mark.parametrize(
    ("message", "topic"),
    [
        (answer(WRONG), OWN),
        (answer(WRONG, social_credit_code(2)), REJECTED_EVENTS),  # it has no topic
        (answer(WRONG, None), REJECTED_EVENTS),
        (answer(WRONG, topic=REGISTRY_EVENTS), REJECTED_EVENTS),  # an office asked
        (answer(Refused("V05", "source", {}, "foreign_sender")), REJECTED_EVENTS),
        (answer(Refused("V05", "data.business_date", {}, "closed")), OWN),
        (Outgoing(LOAN_EVENTS, "forward", BANK, b"not JSON", b""), LOAN_EVENTS),
    ],
)
def test_the_topic_of_an_answer(message: Outgoing, topic: str) -> None:
    assert asyncio.run(Answering(Topics({OWN, REJECTED_EVENTS})).topic(message)) == topic


def test_kafka_is_not_asked_for_every_answer() -> None:
    client = Topics({REJECTED_EVENTS})
    answering = Answering(client)
    for _ in range(3):
        assert asyncio.run(answering.topic(answer(WRONG))) == REJECTED_EVENTS
    assert client.asked == 1


def test_an_institution_may_read_nothing_but_its_own_answers() -> None:
    readable = [
        right.name for right in rights("institution", "bank", "workers", BANK) if "READ" in right.operations
    ]
    assert readable == [OWN, "bank"]
