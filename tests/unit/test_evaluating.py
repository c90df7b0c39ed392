"""Judging beside the intake: in pieces, and a clock that no partition's unread records are behind."""

import asyncio
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any, cast

from faust.types import TP

from projections.judging import Judge
from streams.engine import Engine
from streams.evaluating import Judging
from streams.fetching import ConsumerThread
from streams.intake import Taken
from streams.ticking import Ticker

ONE, OTHER = TP("loan-events", 0), TP("loan-events", 1)


class FakeJudge:
    """Judges one day a call, as if each took too long."""

    def __init__(self, days: int) -> None:
        self.left = days
        self.opened = 0
        self.reported: list[frozenset[str]] = []
        self.figures = SimpleNamespace(institutions=lambda view: {"bank": None})

    def open(self) -> None:
        self.opened += 1

    def after(self, books: Any) -> list[str]:
        self.reported.append(frozenset(books))
        return ["an alert"]

    def tick(self, clock: int, enough: Any) -> list[str]:
        self.left -= 1
        return []

    def is_due(self, clock: int) -> bool:
        return self.left > 0


class FakeEngine:
    """An engine that stands still until it is told to move."""

    def __init__(self) -> None:
        self.turn, self.steps, self.closing, self.woken = 1, 0, False, 0

    def wake(self) -> None:
        self.woken += 1


def judging(days: int) -> tuple[Judging, FakeJudge, FakeEngine]:
    judge, engine = FakeJudge(days), FakeEngine()
    return Judging(cast(Engine, engine), cast(Judge, judge)), judge, engine


def test_in_a_quiet_moment_a_tick_judges_all_that_is_due() -> None:
    it, judge, _ = judging(3)
    asyncio.run(it.tick(0))
    assert judge.left == 0


def test_while_events_come_in_a_tick_is_one_piece() -> None:
    it, judge, engine = judging(3)

    async def tick_while_something_is_taken_in() -> None:
        asyncio.get_running_loop().call_soon(setattr, engine, "steps", 1)
        await it.tick(0)

    asyncio.run(tick_while_something_is_taken_in())
    assert judge.left == 2


def test_what_was_reported_is_judged_at_once_and_wakes_the_sender() -> None:
    it, judge, engine = judging(0)
    asyncio.run(it.after(Taken(frozenset({"bank"}), 1, 1)))
    assert not judge.reported
    asyncio.run(it.after(Taken(frozenset({"bank"}), 1, 1, frozenset({"bank"}))))
    assert judge.reported == [frozenset({"bank"})] * 2  # first what was left at the last end
    assert engine.woken == 2


def test_another_assignment_takes_up_what_stands_in_the_store() -> None:
    it, judge, engine = judging(0)
    asyncio.run(it.tick(0))
    engine.turn = 2
    asyncio.run(it.tick(0))
    asyncio.run(it.tick(0))
    assert judge.opened == 1


def test_the_clock_leaves_out_what_came_while_kafka_was_asked() -> None:
    clocks, positions = {ONE: 10, OTHER: 10}, {ONE: 5, OTHER: 5}

    def ends(stable: bool) -> dict[TP, int]:
        told = dict(positions)
        clocks[ONE], positions[ONE] = 99, 6  # OTHER may have got records of an earlier day meanwhile
        return told

    engine = SimpleNamespace(
        intake=SimpleNamespace(by_record_clock=True), cluster=SimpleNamespace(ends=ends), clocks=clocks,
        positions=lambda: positions, turn=1, steps=1, known_until=0,
    )  # fmt: skip
    assert asyncio.run(Ticker(cast(Engine, engine)).clock()) == 10


def test_a_partition_let_in_while_records_are_taken_is_not_read_half() -> None:
    live = {ONE}
    states = {at: SimpleNamespace(position=0, has_valid_position=True) for at in (ONE, OTHER)}

    class Fetcher:
        _subscriptions = SimpleNamespace(
            subscription=SimpleNamespace(assignment=SimpleNamespace(state_value=states.__getitem__)),
            fetch_context=nullcontext,
        )

        async def fetched_records(
            self, active: Any, timeout: int, max_records: int | None
        ) -> dict[TP, list[str]]:
            live.add(OTHER)
            for at in active:
                states[at].position += 1
            return {at: ["record"] for at in active}

    thread = SimpleNamespace(_position=ConsumerThread._position, turn=1)
    found = asyncio.run(ConsumerThread._batches(cast(Any, thread), Fetcher(), live, None))
    assert {at: (batch.base, batch.upto) for at, batch in found.items()} == {ONE: (0, 1)}
    assert states[OTHER].position == 0
