"""Watching for a standstill, and what is done about it: first the consumer starts again in place, then the process ends.

A client may have lost its way after an outage while its connections answer. So a partition that has something to read
and brings nothing is read anew on new connections; and where nobody has a partition though this worker has none (a
group remembers for a named member what it had, also that it had nothing) the worker joins its group anew. What does
not help within moments ends the worker, and `puhui worker` starts it again.
"""

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Final, Protocol

from faust.types import TP
from kafka.errors import KafkaError

from streams.cluster import LostRange, Missing, Unready
from streams.ending import log
from streams.engine import Engine
from streams.topics import held_partitions

IN_PLACE: Final = 10.0
"""Seconds for which a partition may have something to read and bring nothing before the consumer starts again."""
STANDSTILL: Final = 20.0
"""Seconds after which the process ends: starting the consumer again has not helped."""
LOOK_EVERY: Final = 5.0


class Standstill(RuntimeError):
    """Kafka has records that do not come; the message names the partitions."""


class Consumer(Protocol):
    """What can be done about a consumer without a new start of the process."""

    async def start_again(self) -> None:
        """Read anew from where events are taken in, on new connections."""

    async def join_again(self) -> None:
        """Leave the group and join it again."""


class Watch:
    """Remembers since when each partition stands at a position with something to read behind it."""

    def __init__(self) -> None:
        self._turn = -1
        self._behind: dict[TP, tuple[int, float]] = {}
        self._tried: set[TP] = set()

    def look(
        self, turn: int, positions: Mapping[TP, int], ends: Mapping[TP, int], now: float
    ) -> frozenset[TP]:
        """Note what stands, in one turn of an assignment, and say for which partitions the consumer must start again.

        Standstill where that was tried and has not helped.
        """
        before = self._behind if turn == self._turn else {}
        behind = ((at, position) for at, position in positions.items() if position < ends.get(at, 0))
        self._turn, self._behind = turn, {}
        for at, position in behind:
            known = before.get(at)
            self._behind[at] = known if known is not None and known[0] == position else (position, now)
        if stuck := self._standing(now, STANDSTILL):
            raise Standstill(
                f"nothing came for {STANDSTILL:g} s, though there is something to read in {_names(stuck)}"
            )
        due = self._standing(now, IN_PLACE)
        untried, self._tried = due - self._tried, set(due)
        return untried

    def _standing(self, now: float, limit: float) -> frozenset[TP]:
        return frozenset(at for at, (_, since) in self._behind.items() if now - since >= limit)

    def forget(self) -> None:
        """Kafka itself was away: nothing stood but that."""
        self._behind = {}


class Absence:
    """Remembers since when something that should be there is not."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._tried = False

    def lasts(self, there: bool, now: float) -> float:
        """Seconds for which it has not been there."""
        self._since = None if there else now if self._since is None else self._since
        self._tried = self._tried and not there
        return 0.0 if self._since is None else now - self._since

    def first(self) -> bool:
        """Is this the first time that is asked since it is away?"""
        tried, self._tried = self._tried, True
        return not tried


class Watcher:
    """Watches one worker: its positions, its partitions, and the topics."""

    def __init__(self, engine: Engine, group: str, consumer: Consumer) -> None:
        self._engine = engine
        self._group = group
        self._consumer = consumer
        self._watch = Watch()
        self._topics, self._partitions = Absence(), Absence()

    async def run(self) -> None:
        """Watch until cancelled; Standstill where starting again in place has not helped.

        LostRange where the topics were made anew, or are not there any more.
        """
        while True:
            await asyncio.sleep(LOOK_EVERY)
            await self._look()

    async def _look(self) -> None:
        engine, turn, asked_at = self._engine, self._engine.turn, time.monotonic()
        try:
            await asyncio.to_thread(engine.cluster.check_identity)
            ends = await asyncio.to_thread(engine.cluster.ends, stable=True)
        except Missing as missing:
            self._gone(missing)
            return
        except Unready:
            self._watch.forget()
            return
        self._topics.lasts(True, time.monotonic())
        if time.monotonic() - asked_at > LOOK_EVERY:
            self._watch.forget()  # it was away, and is back just now
            return
        if turn != engine.turn or engine.closing:
            return
        if engine.positions():
            await self._look_at_positions(ends)
        await self._look_at_partitions(turn, ends)

    def _gone(self, missing: Missing) -> None:
        if self._topics.lasts(False, time.monotonic()) >= IN_PLACE:
            raise LostRange(f"{missing}; it was there: what it had and was not taken in is lost")

    async def _look_at_positions(self, ends: Mapping[TP, int]) -> None:
        """The clock stands while events are taken in: what others' backlog keeps waiting comes in its turn."""
        engine = self._engine
        later = engine.later()  # these wait for the registry, and are let in by the ticker
        positions = {at: offset for at, offset in engine.positions().items() if at not in later}
        now = time.monotonic() - sum(engine.intake.seconds.values())
        if stuck := self._watch.look(engine.turn, positions, ends, now):
            log.warning("nothing came for %g s in %s: the consumer starts again", IN_PLACE, _names(stuck))
            with suppress(TimeoutError):  # then the next looks end the process
                await asyncio.wait_for(self._consumer.start_again(), LOOK_EVERY)

    async def _look_at_partitions(self, turn: int, ends: Mapping[TP, int]) -> None:
        """Who has no partition while nobody has some joins the group again."""
        engine = self._engine
        nobodys = set() if engine.positions() else await asyncio.to_thread(self._nobodys, ends)
        if turn != engine.turn or nobodys is None:
            return
        lasts = self._partitions.lasts(not nobodys, time.monotonic())
        if lasts >= STANDSTILL:
            raise Standstill(
                f"nobody has {_names(nobodys)} for {STANDSTILL:g} s, and this worker gets nothing"
            )
        if lasts >= IN_PLACE and self._partitions.first():
            log.warning(
                "nobody has %s, and this worker has nothing: it joins its group again", _names(nobodys)
            )
            with suppress(TimeoutError):
                await asyncio.wait_for(self._consumer.join_again(), LOOK_EVERY)

    def _nobodys(self, ends: Mapping[TP, int]) -> set[TP] | None:
        """The partitions that no member of the group has; None while they are shared out, or Kafka does not say."""
        try:
            held = held_partitions(self._engine.cluster.kafka, self._group)
        except (KafkaError, OSError):
            return None
        return None if held is None else {at for at in ends if at not in held}


def _names(partitions: set[TP] | frozenset[TP]) -> str:
    return ", ".join(f"{at.topic}/{at.partition}" for at in sorted(partitions))
