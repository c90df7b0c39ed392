"""The sender: what one topic refuses holds up nothing that goes to another."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiokafka.errors import KafkaError, TopicAuthorizationFailedError

from aggregates.store import Store, Transaction, open_store
from aggregates.store.transaction import Outgoing
from streams.sender import PORTION, Sender


class Picky:
    """A producer that may not write to one topic."""

    def __init__(self, refused: str) -> None:
        self.refused = refused
        self.taken: list[str] = []

    async def send(self, topic: str, value: bytes, **options: Any) -> "asyncio.Future[None]":
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if topic == self.refused:
            answer.set_exception(TopicAuthorizationFailedError(topic))
        else:
            self.taken.append(value.decode())
            answer.set_result(None)
        return answer

    async def stop(self) -> None:
        """Nothing is open."""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = open_store(f"sqlite:{tmp_path / 'store.db'}")
    letters = [Outgoing("rejected-events", f"r{n}", None, b"{}", b"") for n in range(600)]
    letters += [Outgoing("alerts", f"a{n}", None, b"alert %d" % n, b"") for n in range(2)]
    letters += [Outgoing("integrity", "h", None, b"heads", b"")]
    made.write(Transaction(outbox=letters))
    return made


def sender(store: Store, producer: Picky, monkeypatch: pytest.MonkeyPatch) -> Sender:
    async def ready(self: Sender) -> Any:
        return producer

    monkeypatch.setattr(Sender, "_ready", ready)
    return Sender(store, "127.0.0.1:9", lambda message: True)


def test_what_goes_elsewhere_leaves_though_a_topic_with_many_older_messages_takes_none(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    producer = Picky("rejected-events")
    it = sender(store, producer, monkeypatch)

    async def attempts() -> None:
        await it.send_some()
        with pytest.raises(KafkaError):
            await it.send_some()
        await it.send_some()

    asyncio.run(attempts())
    assert producer.taken == ["alert 0", "alert 1", "heads"]
    assert store.waiting() == {"rejected-events": 600}


def test_an_alert_that_comes_while_many_answers_leave_waits_for_one_portion_of_them(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    producer = Picky("")
    it = sender(store, producer, monkeypatch)
    store.write(
        Transaction(
            outbox=[Outgoing("rejected-events", f"s{n}", None, b"s%d" % n, b"") for n in range(PORTION)]
        )
    )

    async def play() -> None:
        for _ in range(3):  # the alerts that are there, and two portions of others
            await it.send_some()
        store.write(Transaction(outbox=[Outgoing("alerts", "late", None, b"late alert", b"")]))
        while await it.send_some():
            pass

    asyncio.run(play())
    assert producer.taken[:2] == ["alert 0", "alert 1"]
    assert producer.taken.index("late alert") == 2 + 2 * PORTION
    answers = [value for value in producer.taken if value.startswith("s")]
    assert answers == [f"s{n}" for n in range(PORTION)]  # within a topic nothing changes places
    assert store.waiting() == {}


def test_a_topic_that_took_none_is_tried_again_after_its_rest(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.sender.REST", 0.0)
    producer = Picky("rejected-events")
    it = sender(store, producer, monkeypatch)

    async def refused_and_then_allowed() -> None:
        with pytest.raises(KafkaError):
            while await it.send_some():
                pass
        producer.refused = ""
        while await it.send_some():
            pass

    asyncio.run(refused_and_then_allowed())
    assert (len(producer.taken), store.waiting()) == (603, {})
