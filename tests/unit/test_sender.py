"""The sender: what one topic refuses holds up nothing that goes to another, and nothing holds up an alert."""

import asyncio
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiokafka.errors import KafkaError, TopicAuthorizationFailedError, UnknownTopicOrPartitionError

from aggregates.partitioning import partition_of
from aggregates.store import Store, Transaction, open_store
from aggregates.store.transaction import Outgoing
from streams.answering import Answering, answers_topic
from streams.lane import PORTION, PORTION_BYTES, Lane
from streams.sender import Sender
from tests.unit.test_answering import Topics


class Picky:
    """A producer that may not write to one topic, hears nothing of another, and waits in vain for a third."""

    def __init__(self) -> None:
        self.refused = self.silent = self.absent = ""
        self.taken: list[str] = []
        self.asked: Counter[str] = Counter()

    async def send(self, topic: str, value: bytes, **options: Any) -> "asyncio.Future[None]":
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.asked[topic] += 1
        if topic == self.absent:
            raise UnknownTopicOrPartitionError(topic)
        if topic == self.refused:
            answer.set_exception(TopicAuthorizationFailedError(topic))
        elif topic != self.silent:
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


@pytest.fixture
def producer(monkeypatch: pytest.MonkeyPatch) -> Picky:
    """The producer of every lane."""
    made = Picky()

    async def ready(self: Lane) -> Any:
        return made

    monkeypatch.setattr(Lane, "_ready", ready)
    return made


def sender(store: Store) -> Sender:
    return Sender(store, "127.0.0.1:9", lambda message: True)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0)


def test_what_goes_elsewhere_leaves_though_a_topic_with_many_older_messages_takes_none(
    store: Store, producer: Picky
) -> None:
    producer.refused = "rejected-events"
    lane = sender(store).lanes[1]

    async def attempts() -> None:
        with pytest.raises(KafkaError):
            await lane.send_some()
        await lane.send_some()

    asyncio.run(attempts())
    assert producer.taken == ["heads"]
    assert store.waiting() == {"rejected-events": 600, "alerts": 2}


def test_a_topic_that_is_not_there_is_waited_for_once_and_not_for_each_of_its_messages(
    store: Store, producer: Picky
) -> None:
    producer.absent = "rejected-events"
    lane = sender(store).lanes[1]
    with pytest.raises(KafkaError):
        asyncio.run(lane.send_some())
    assert producer.asked == {"rejected-events": 1}


def test_answers_that_the_topic_of_one_institution_does_not_take_hold_up_no_others(
    store: Store, producer: Picky
) -> None:
    body = b'{"data":{"topic":"loan-events","rule":"V04"}}'
    others = [Outgoing("rejected-events", f"o{n}", "other", body, b"") for n in range(2 * PORTION)]
    store.forget("rejected-events", [f"r{n}" for n in range(600)])
    store.write(Transaction(outbox=[*others, Outgoing("rejected-events", "b", "bank", body, b"")]))
    producer.refused = answers_topic("other")
    lane = sender(store).lanes[1]
    lane._answering = Answering(Topics({answers_topic(name) for name in ("other", "bank")}))

    async def attempts() -> None:
        with pytest.raises(KafkaError):
            await lane.send_some()
        await lane.send_some()

    asyncio.run(attempts())
    assert producer.asked[answers_topic("bank")] == 1
    assert store.waiting() == {"rejected-events": 2 * PORTION, "alerts": 2}


def test_an_alert_leaves_while_kafka_does_not_answer_for_the_topic_of_many_answers(
    store: Store, producer: Picky
) -> None:
    producer.silent = "rejected-events"
    it = sender(store)

    async def play() -> None:
        running = asyncio.create_task(it.run())
        await until(lambda: it.sent["alerts"] == 2)
        store.write(Transaction(outbox=[Outgoing("alerts", "late", None, b"late alert", b"")]))
        it.wake()
        await until(lambda: it.sent["alerts"] == 3)
        running.cancel()

    asyncio.run(play())
    assert producer.taken == ["alert 0", "alert 1", "late alert"]


def test_an_alert_that_comes_while_many_answers_leave_waits_for_one_portion_of_them_at_most(
    store: Store, producer: Picky
) -> None:
    it = sender(store)
    answers = [Outgoing("rejected-events", f"s{n}", None, b"s%d" % n, b"") for n in range(2 * PORTION)]
    store.write(Transaction(outbox=answers))

    async def play() -> None:
        running = asyncio.create_task(it.run())
        await until(lambda: it.sent["rejected-events"] > 0)
        store.write(Transaction(outbox=[Outgoing("alerts", "late", None, b"late alert", b"")]))
        sent = len(producer.taken)
        it.wake()
        await until(lambda: not store.waiting())
        running.cancel()
        assert producer.taken.index("late alert") <= sent + 2 * PORTION

    asyncio.run(play())
    left = [value for value in producer.taken if value.startswith("s")]
    assert left == [f"s{n}" for n in range(2 * PORTION)]  # within a topic nothing changes places
    assert it.sent == {"alerts": 3, "rejected-events": 600 + 2 * PORTION, "integrity": 1}


def test_a_topic_that_took_none_is_tried_again_after_its_rest(
    store: Store, producer: Picky, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.lane.REST", 0.0)
    producer.refused = "rejected-events"
    lane = sender(store).lanes[1]

    async def refused_and_then_allowed() -> None:
        with pytest.raises(KafkaError):
            await lane.send_some()
        producer.refused = ""
        while await lane.send_some():
            pass

    asyncio.run(refused_and_then_allowed())
    assert (len(producer.taken), store.waiting()) == (601, {"alerts": 2})


def test_behind_many_messages_of_other_workers_ours_is_found_a_portion_at_a_time(
    store: Store, producer: Picky, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = counting(store, monkeypatch)
    lane = Lane(store, "127.0.0.1:9", lambda message: message.topic == "integrity")
    assert asyncio.run(lane.send_some())
    assert producer.taken == ["heads"]
    assert max(read) == PORTION
    assert sum(read) > 600


def test_what_waits_for_a_topic_that_rests_is_not_read_again_and_again(
    store: Store, producer: Picky, monkeypatch: pytest.MonkeyPatch
) -> None:
    producer.refused = "rejected-events"
    lane = sender(store).lanes[1]
    with pytest.raises(KafkaError):
        asyncio.run(lane.send_some())
    asked: list[dict[str, Any]] = []

    def noted(*_: Any, **options: Any) -> list[Outgoing]:
        asked.append(options)
        return []

    monkeypatch.setattr(store, "outbox", noted)
    asyncio.run(lane.send_some())
    assert [options["without"] for options in asked] == [["rejected-events"]]


def foreign(count: int, begin: int = 0, key: str = "other") -> Transaction:
    """Messages of another worker."""
    return Transaction(
        outbox=[Outgoing("rejected-events", f"f{n}", key, b"{}", b"") for n in range(begin, begin + count)]
    )


def counting(store: Store, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many messages each question to the store has read."""
    outbox, read = store.outbox, list[int]()

    def counted(*arguments: Any, **options: Any) -> list[Outgoing]:
        found = outbox(*arguments, **options)
        read.append(len(found))
        return found

    monkeypatch.setattr(store, "outbox", counted)
    return read


@pytest.fixture
def empty(tmp_path: Path) -> Store:
    """A store of a file a partition, in which nothing waits."""
    return open_store(f"sqlite:{tmp_path}/store/", partitions=4)


def a_key_of(partition: int) -> str:
    return next(f"key{n}" for n in range(100) if partition_of(f"key{n}", 4) == partition)


@pytest.mark.parametrize("of_ours", [1, 2], ids=["in the same file", "in another file"])
def test_many_messages_of_another_worker_are_read_once_and_not_at_each_wake(
    empty: Store, producer: Picky, monkeypatch: pytest.MonkeyPatch, of_ours: int
) -> None:
    monkeypatch.setattr("streams.lane.POLL", 1000.0)
    other, our = a_key_of(1), a_key_of(of_ours)
    empty.write(foreign(10 * PORTION, key=other))
    lane = Lane(empty, "127.0.0.1:9", lambda message: message.id.startswith("ours"))
    read = counting(empty, monkeypatch)
    assert not asyncio.run(lane.send_some())
    assert sum(read) >= 10 * PORTION
    for n in range(5):
        read.clear()
        empty.write(foreign(3, begin=100_000 + 3 * n, key=other))
        empty.write(Transaction(outbox=[Outgoing("rejected-events", f"ours{n}", our, b"ours%d" % n, b"")]))
        assert asyncio.run(lane.send_some())
        assert not asyncio.run(lane.send_some())
        assert producer.taken[-1] == f"ours{n}"
        assert sum(read) <= 4 * PORTION


def test_messages_that_become_this_workers_leave_though_they_were_passed_and_it_is_woken_all_the_time(
    store: Store, producer: Picky, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.lane.POLL", 0.05)
    ours = {"integrity"}
    lane = Lane(store, "127.0.0.1:9", lambda message: message.topic in ours)

    async def play() -> None:
        running = asyncio.create_task(lane.run())
        await until(lambda: lane.sent["integrity"] == 1)
        ours.add("rejected-events")

        def sent() -> bool:
            lane.wake()
            return lane.sent["rejected-events"] == 600

        await until(sent)
        running.cancel()

    asyncio.run(play())
    assert store.waiting() == {"alerts": 2}


def test_what_waited_for_a_topic_that_rested_leaves_though_it_was_passed(
    empty: Store, producer: Picky, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.lane.POLL", 1000.0)
    monkeypatch.setattr("streams.lane.REST", 0.0)
    empty.write(Transaction(outbox=[Outgoing("alerts", "a", None, b"alert", b"")]))
    empty.write(foreign(3 * PORTION))
    empty.write(Transaction(outbox=[Outgoing("integrity", "h", None, b"heads", b"")]))
    producer.refused = "alerts"
    lane = Lane(empty, "127.0.0.1:9", lambda message: message.key is None)

    async def play() -> None:
        with pytest.raises(KafkaError):
            await lane.send_some()
        lane._rests_until["alerts"] = float("inf")
        assert await lane.send_some()
        assert not await lane.send_some()
        assert producer.taken == ["heads"]
        producer.refused = ""
        lane._rests_until["alerts"] = 0.0
        assert await lane.send_some()

    asyncio.run(play())
    assert producer.taken == ["heads", "alert"]


def test_large_messages_are_in_memory_a_few_at_a_time(
    empty: Store, producer: Picky, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = [b"%04d" % n + bytes(PORTION_BYTES // 4) for n in range(11)] + [
        b"last" + bytes(2 * PORTION_BYTES)
    ]
    letters = [Outgoing("integrity", str(n), None, value, b"") for n, value in enumerate(large)]
    empty.write(Transaction(outbox=letters))
    read = counting(empty, monkeypatch)
    lane = Lane(empty, "127.0.0.1:9", lambda message: True)

    async def all_of_them() -> None:
        while await lane.send_some():
            pass

    asyncio.run(all_of_them())
    assert [value[:4] for value in producer.taken] == [value[:4].decode() for value in large]
    assert max(read) == 4
    assert empty.waiting() == {}
