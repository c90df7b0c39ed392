"""A standstill is a partition that stays behind where it is, and nothing else."""

import asyncio
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP

from streams import watching
from streams.cluster import Unready
from streams.watching import LOOK_EVERY, STANDSTILL, Standstill, Watch, watch

ONE, OTHER = TP("loan-events", 0), TP("registry-events", 1)
ENDS = {ONE: 10, OTHER: 10}


def test_a_partition_that_stands_ends_the_worker_though_another_one_moves() -> None:
    watch = Watch()
    watch.look(1, {ONE: 4, OTHER: 1}, ENDS, 0.0)
    watch.look(1, {ONE: 4, OTHER: 2}, ENDS, STANDSTILL - 1)
    with pytest.raises(Standstill, match=r"something to read in loan-events/0$"):
        watch.look(1, {ONE: 4, OTHER: 3}, ENDS, STANDSTILL)


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


def watched(ends: Callable[[bool], dict[TP, int]], taking_in: Callable[[], list[float]]) -> Any:
    """An engine of which one partition stands, and the seconds that it has spent on taking in."""
    cluster = SimpleNamespace(ends=lambda stable: ends(stable), check_identity=lambda: None)
    return SimpleNamespace(
        turn=1, closing=False, cluster=cluster, positions=lambda: {ONE: 4, OTHER: 4}, later=lambda: {ONE},
        intake=SimpleNamespace(seconds=SimpleNamespace(values=taking_in)),
    )  # fmt: skip


def test_what_waits_while_a_backlog_of_others_is_taken_in_does_not_stand(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watching, "LOOK_EVERY", 0.0)
    monkeypatch.setattr(watching, "STANDSTILL", 0.05)
    busy = watched(lambda stable: ENDS, lambda: [time.monotonic()])
    with pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(watch(busy), 0.5))


def test_a_worker_whose_fetching_has_stopped_ends_after_an_outage_that_it_was_not_to_blame_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watching, "LOOK_EVERY", 0.0)
    monkeypatch.setattr(watching, "STANDSTILL", 0.05)
    asked: list[str] = []

    def ends(stable: bool) -> dict[TP, int]:
        asked.append("")
        if len(asked) < 3:
            raise Unready("Kafka does not answer")
        return ENDS

    with pytest.raises(Standstill, match=r"in registry-events/1$"):
        asyncio.run(asyncio.wait_for(watch(watched(ends, lambda: [0.0])), 10))
    assert len(asked) > 3
