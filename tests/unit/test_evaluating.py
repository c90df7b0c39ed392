"""Judging beside the intake: in pieces, and a clock that no partition's unread records are behind."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, ClassVar, cast

import pytest
from faust.types import TP

from aggregates.store import Superseded
from projections.judging import Judge
from streams.engine import Engine
from streams.evaluating import Judging
from streams.fetching import ConsumerThread
from streams.intake import Taken
from streams.lease import Lease
from streams.ticking import Ticker

ONE, OTHER = TP("loan-events", 0), TP("loan-events", 1)


@pytest.fixture(autouse=True)
def a_step_is_a_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.evaluating.PORTION", -1.0)


class FakeJudge:
    """Judges one day a step, as if each took too long."""

    def __init__(self, days: int) -> None:
        self.left = days
        self.overtaken = False
        self.began = 0
        self.began_at = 0.0
        self.reported: list[frozenset[str]] = []
        self.figures = SimpleNamespace(institutions=lambda view: {"bank": None})

    def after(self, books: Any) -> list[str]:
        self.reported.append(frozenset(books))
        return ["an alert"]

    def steps(self, clock: int) -> Iterator[list[str]]:
        self.began += 1
        while self.left > 0:
            if self.overtaken:
                raise Superseded("another judge has taken over")
            self.began_at = time.time()
            self.left -= 1
            yield []


class FakeEngine:
    """An engine that stands still until it is told to move."""

    def __init__(self) -> None:
        self.turn, self.steps, self.closing, self.woken = 1, 0, False, 0
        self.intake = SimpleNamespace(hurried=False)

    def wake(self) -> None:
        self.woken += 1


class FakeLease:
    """A lease that is held as long as nobody takes it."""

    def __init__(self) -> None:
        self.held = True

    def hold(self) -> bool:
        return self.held

    def lose(self) -> None:
        self.held = False

    def give_up(self) -> None:
        """Nobody else wants it."""


@dataclass
class Chair:
    """Who judges behind which engine, and under which lease."""

    judge: FakeJudge
    engine: FakeEngine = field(default_factory=FakeEngine)
    lease: FakeLease = field(default_factory=FakeLease)
    appointed: int = 0

    def appoint(self) -> Judge:
        self.appointed += 1
        return cast(Judge, self.judge)


def judging(days: int) -> tuple[Judging, Chair]:
    chair = Chair(FakeJudge(days))
    return Judging(cast(Engine, chair.engine), cast(Lease, chair.lease), chair.appoint), chair


def test_in_a_quiet_moment_a_tick_judges_all_that_is_due() -> None:
    it, chair = judging(3)
    asyncio.run(it.tick(0))
    assert chair.judge.left == 0


def test_while_events_come_in_a_tick_is_one_piece() -> None:
    it, chair = judging(3)

    async def tick_while_something_is_taken_in() -> None:
        asyncio.get_running_loop().call_soon(setattr, chair.engine, "steps", 1)
        await it.tick(0)

    asyncio.run(tick_while_something_is_taken_in())
    assert chair.judge.left == 2


def test_the_next_tick_goes_on_with_what_was_begun() -> None:
    it, chair = judging(3)
    chair.engine.closing = True  # which ends each tick after one piece
    for left in (2, 1, 0):
        asyncio.run(it.tick(0))
        assert (chair.judge.left, chair.judge.began, it.judged_at) == (left, 1, None)
    asyncio.run(it.tick(0))
    assert it.judged_at is not None


def test_who_judges_next_begins_anew() -> None:
    it, chair = judging(3)
    chair.engine.closing = True
    asyncio.run(it.tick(0))
    it.close()
    asyncio.run(it.tick(0))
    assert (chair.judge.began, chair.appointed) == (2, 2)


def test_what_was_reported_is_judged_at_once_and_wakes_the_sender() -> None:
    it, chair = judging(0)
    it.preside()
    assert chair.judge.reported == [frozenset({"bank"})]  # what was left at the last end
    asyncio.run(it.after(Taken(frozenset({"bank"}), 1, 1)))
    asyncio.run(it.after(Taken(frozenset({"bank"}), 1, 1, frozenset({"bank"}))))
    assert chair.judge.reported == [frozenset({"bank"})] * 2
    assert chair.engine.woken == 2


def test_in_a_backlog_judging_rests_and_then_takes_up_all_that_was_reported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("streams.evaluating.REST", 1e9)
    it, chair = judging(3)
    it.preside()
    chair.engine.intake.hurried = True
    for bank in ("one", "two"):
        asyncio.run(it.after(Taken(frozenset(), 1000, 1000, frozenset({bank}))))
    asyncio.run(it.tick(0))
    assert chair.judge.reported[1:] == []
    assert chair.judge.left == 3
    chair.engine.intake.hurried = False
    asyncio.run(it.after(Taken(frozenset(), 10, 10)))
    assert chair.judge.reported[1:] == [frozenset({"one", "two"})]


def test_without_the_lease_nobody_judges() -> None:
    it, chair = judging(3)
    chair.lease.held = False
    asyncio.run(it.tick(0))
    asyncio.run(it.after(Taken(frozenset({"bank"}), 1, 1, frozenset({"bank"}))))
    assert (chair.appointed, chair.judge.reported, it.presides) == (0, [], False)


def test_a_judge_that_was_overtaken_leaves_and_the_next_one_takes_up_what_stands() -> None:
    it, chair = judging(3)
    chair.judge.overtaken = True
    asyncio.run(it.tick(0))
    assert not it.presides
    chair.judge.overtaken, chair.lease.held = False, True
    asyncio.run(it.tick(0))
    assert (chair.appointed, chair.judge.left) == (2, 0)


def test_who_judges_says_up_to_when_once_nothing_is_due() -> None:
    it, chair = judging(3)
    assert it.judged_at is None
    asyncio.run(it.tick(0))
    assert it.judged_at is not None
    assert it.judged_at <= chair.judge.began_at, "what is stored while it judges is not in it"
    assert it.seconds > 0
    chair.lease.held = False
    asyncio.run(it.tick(0))
    assert it.judged_at is None


def test_while_something_is_due_alerts_are_not_up_to_date() -> None:
    it, chair = judging(3)
    chair.engine.closing = True  # which ends the tick after one piece
    asyncio.run(it.tick(0))
    assert (chair.judge.left, it.judged_at) == (2, None)


def test_a_lease_goes_on_while_the_clock_is_unknown() -> None:
    it, chair = judging(3)
    asyncio.run(it.tick(None))
    assert (chair.appointed, chair.judge.left) == (1, 3)


def test_the_clock_leaves_out_what_came_while_kafka_was_asked() -> None:
    clocks, positions = {ONE: 10, OTHER: 10}, {ONE: 5, OTHER: 5}

    def ends(stable: bool) -> dict[TP, int]:
        told = dict(positions)
        clocks[ONE], positions[ONE] = 99, 6  # OTHER may have got records of an earlier day meanwhile
        return told

    assert clock_of(clocks, positions, ends) == 10


def test_the_clock_waits_for_what_other_workers_have_not_taken_in_yet() -> None:
    ends = {ONE: 5, OTHER: 7}
    for taken, clock in ((6, None), (7, 30)):
        found = clock_of({ONE: 10}, {ONE: 5}, lambda stable: ends, {"loan-events/1": taken}, known=30)
        assert found == clock


def clock_of(
    clocks: dict[TP, int], positions: dict[TP, int], ends: Any, taken: Any = None, known: int = 0
) -> int | None:
    """The clock of a worker with these partitions, in a store where others have taken in so much."""
    store = SimpleNamespace(positions=lambda: taken, latest=lambda: known)
    source = SimpleNamespace(ends=ends, source=lambda at: SimpleNamespace(key=f"{at.topic}/{at.partition}"))
    engine = SimpleNamespace(
        intake=SimpleNamespace(by_record_clock=True), cluster=source, clocks=clocks, store=store,
        positions=lambda: positions, turn=1, steps=1, known_until=0, owns=None,
    )  # fmt: skip
    return asyncio.run(Ticker(cast(Engine, engine)).clock())


def test_a_partition_let_in_while_records_are_taken_is_not_read_half() -> None:
    live = {ONE}
    states = {at: SimpleNamespace(position=0, has_valid_position=True) for at in (ONE, OTHER)}

    class Fetcher:
        _subscriptions = SimpleNamespace(
            subscription=SimpleNamespace(assignment=SimpleNamespace(state_value=states.__getitem__)),
            fetch_context=nullcontext,
        )
        _records: ClassVar[dict[TP, Any]] = {}

        async def fetched_records(
            self, active: Any, timeout: int, max_records: int | None
        ) -> dict[TP, list[str]]:
            live.add(OTHER)
            for at in active:
                states[at].position += 1
            return {at: ["record"] for at in active}

    thread = SimpleNamespace(_position=ConsumerThread._position, turn=1, seeks=0)
    found = asyncio.run(ConsumerThread._batches(cast(Any, thread), Fetcher(), live, None))
    assert {at: (batch.base, batch.upto) for at, batch in found.items()} == {ONE: (0, 1)}
    assert states[OTHER].position == 0
