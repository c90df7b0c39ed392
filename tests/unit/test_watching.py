"""A standstill is a partition that stays behind where it is, and nothing else; the first remedy is the gentlest."""

import asyncio
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP
from kafka.errors import KafkaError

from streams import watching
from streams.cluster import LostRange, Missing, Unready
from streams.watching import IN_PLACE, LOOK_EVERY, STANDSTILL, Standstill, Watch, Watcher

ONE, OTHER = TP("loan-events", 0), TP("registry-events", 1)
ENDS = {ONE: 10, OTHER: 10}


def test_a_partition_that_stands_starts_the_consumer_again_once_and_ends_the_worker_then() -> None:
    watch = Watch()
    assert not watch.look(1, {ONE: 4, OTHER: 1}, ENDS, 0.0)
    assert not watch.look(1, {ONE: 4, OTHER: 2}, ENDS, IN_PLACE - 1)
    assert watch.look(1, {ONE: 4, OTHER: 3}, ENDS, IN_PLACE) == {ONE}
    assert not watch.look(1, {ONE: 4, OTHER: 4}, ENDS, STANDSTILL - 1)
    with pytest.raises(Standstill, match=r"something to read in loan-events/0$"):
        watch.look(1, {ONE: 4, OTHER: 5}, ENDS, STANDSTILL)


def test_what_moves_after_a_new_start_of_the_consumer_may_stand_again() -> None:
    watch = Watch()
    watch.look(1, {ONE: 4}, ENDS, 0.0)
    assert watch.look(1, {ONE: 4}, ENDS, IN_PLACE)
    assert not watch.look(1, {ONE: 5}, ENDS, STANDSTILL)
    assert watch.look(1, {ONE: 5}, ENDS, STANDSTILL + IN_PLACE)


def test_what_moves_or_has_nothing_to_read_does_not_stand() -> None:
    watch = Watch()
    for step in range(20):
        watch.look(1, {ONE: 10, OTHER: step % 10}, ENDS, step * LOOK_EVERY)


def test_an_event_after_a_long_silence_is_no_standstill() -> None:
    watch = Watch()
    watch.look(1, {ONE: 10}, ENDS, 0.0)
    watch.look(1, {ONE: 10}, {ONE: 11}, 10 * STANDSTILL)
    watch.look(1, {ONE: 11}, {ONE: 11}, 10 * STANDSTILL + LOOK_EVERY)


def test_another_assignment_begins_anew() -> None:
    watch = Watch()
    watch.look(1, {ONE: 4}, ENDS, 0.0)
    watch.look(2, {ONE: 4}, ENDS, STANDSTILL)


def test_while_kafka_is_away_nothing_stands_but_that() -> None:
    watch = Watch()
    watch.look(1, {ONE: 4}, ENDS, 0.0)
    watch.forget()
    watch.look(1, {ONE: 4}, ENDS, STANDSTILL)


class FakeConsumer:
    """A consumer that counts what is done about it."""

    def __init__(self) -> None:
        self.started = self.joined = 0

    async def start_again(self) -> None:
        self.started += 1

    async def join_again(self) -> None:
        self.joined += 1


def watched(ends: Callable[[bool], dict[TP, int]], taking_in: Callable[[], list[float]]) -> Any:
    """An engine of which one partition stands, and the seconds that it has spent on taking in."""
    cluster = SimpleNamespace(ends=lambda stable: ends(stable), check_identity=lambda: None, kafka="")
    return SimpleNamespace(
        turn=1, closing=False, cluster=cluster, positions=lambda: {ONE: 4, OTHER: 4}, later=lambda: {ONE},
        intake=SimpleNamespace(seconds=SimpleNamespace(values=taking_in)),
    )  # fmt: skip


@pytest.fixture
def consumer() -> FakeConsumer:
    return FakeConsumer()


def watch(engine: Any, consumer: FakeConsumer, seconds: float) -> None:
    """Watch it for so long; TimeoutError where nothing ends it before."""

    async def play() -> None:
        async with asyncio.timeout(seconds):
            await Watcher(engine, "group", consumer).run()

    asyncio.run(play())


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Little patience."""
    monkeypatch.setattr(watching, "LOOK_EVERY", 0.01)
    monkeypatch.setattr(watching, "IN_PLACE", 0.05)
    monkeypatch.setattr(watching, "STANDSTILL", 0.1)


@pytest.mark.usefixtures("hasty")
def test_what_waits_while_a_backlog_of_others_is_taken_in_does_not_stand(consumer: FakeConsumer) -> None:
    with pytest.raises(TimeoutError):
        watch(watched(lambda stable: ENDS, lambda: [time.monotonic()]), consumer, 0.5)


@pytest.mark.usefixtures("hasty")
def test_a_worker_whose_fetching_has_stopped_ends_after_an_outage_that_it_was_not_to_blame_for(
    consumer: FakeConsumer,
) -> None:
    asked: list[str] = []

    def ends(stable: bool) -> dict[TP, int]:
        asked.append("")
        if len(asked) < 3:
            raise Unready("Kafka does not answer")
        return ENDS

    with pytest.raises(Standstill, match=r"in registry-events/1$"):
        watch(watched(ends, lambda: [0.0]), consumer, 10)
    assert len(asked) > 3
    assert consumer.started == 1


@pytest.mark.usefixtures("hasty")
def test_while_kafka_takes_long_to_answer_nothing_stands_but_that(consumer: FakeConsumer) -> None:
    def ends(stable: bool) -> dict[TP, int]:
        time.sleep(0.03)  # longer than from one look to the next
        return ENDS

    with pytest.raises(TimeoutError):
        watch(watched(ends, lambda: [0.0]), consumer, 0.5)


@pytest.mark.usefixtures("hasty")
def test_topics_that_are_gone_for_good_end_the_worker_and_those_that_come_back_do_not(
    consumer: FakeConsumer,
) -> None:
    asked: list[str] = []

    def ends(stable: bool) -> dict[TP, int]:
        asked.append("")
        if len(asked) in (1, 3) or len(asked) > 5:
            raise Missing("Kafka has no topic loan-events")
        return {}

    with pytest.raises(LostRange, match="no topic loan-events; it was there"):
        watch(watched(ends, lambda: [0.0]), consumer, 10)
    assert len(asked) > 7


# partitions that nobody has


@pytest.fixture
def idle() -> Any:
    """An engine without partitions."""
    engine = watched(lambda stable: ENDS, lambda: [0.0])
    engine.positions = dict
    return engine


@pytest.mark.usefixtures("hasty")
def test_who_has_nothing_while_nobody_has_some_ends_when_joining_the_group_again_has_not_helped(
    idle: Any, consumer: FakeConsumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "held_partitions", lambda kafka, group: {ONE})
    with pytest.raises(Standstill, match=r"^nobody has registry-events/1 for"):
        watch(idle, consumer, 10)
    assert consumer.joined == 1


def a_refusal(kafka: str, group: str) -> set[TP]:
    raise KafkaError


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize(
    "held",
    [
        pytest.param(lambda kafka, group: {ONE, OTHER}, id="others have them all"),
        pytest.param(lambda kafka, group: None, id="they are being shared out"),
        pytest.param(a_refusal, id="Kafka does not say"),
    ],
)
def test_who_has_nothing_and_nothing_to_wait_for_stays(
    idle: Any,
    consumer: FakeConsumer,
    monkeypatch: pytest.MonkeyPatch,
    held: Callable[[str, str], set[TP] | None],
) -> None:
    monkeypatch.setattr(watching, "held_partitions", held)
    with pytest.raises(TimeoutError):
        watch(idle, consumer, 0.5)
    assert consumer.joined == 0
