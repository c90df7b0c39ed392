"""What time does: the registry is followed, parked events expire, rules are evaluated, quiet books are written back."""

import asyncio
import time
from collections.abc import Collection, Mapping
from typing import Final

from faust.types import TP

from projections.basis import BASIS_BOOK, basis, change_basis
from puhui.keys import Keys
from streams.cluster import Unready
from streams.engine import Engine
from streams.following import A_WHILE, Follower
from streams.heads import Heads

TICK: Final = 0.5
ASK_EVERY: Final = 1.0
"""Seconds between two questions for the ends of the partitions, while events come in."""
QUIET: Final = 3.0
"""Seconds without events after which dirty books are written back, one a tick."""
REGISTRY_FIRST: Final = 10.0
"""Seconds that loans wait for a registry that does not move: its last records may lie in an open transaction."""


class Ticker:
    """Runs beside the engine in the same event loop, so never in the middle of a chunk."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._follower = Follower(engine)
        self._heads = Heads(engine.store, engine.owns)
        self._keys: Keys | None = None
        self._clock: int | None = None
        self._clock_of = (-1, -1)
        self._alone = False
        self._asked_at = float("-inf")

    async def run(self) -> None:
        """Tick until cancelled."""
        while True:
            await asyncio.sleep(TICK)
            await self.tick()

    async def tick(self) -> None:
        """Do what is due now."""
        engine = self._engine
        turn = engine.turn
        try:
            clock = await self.clock()
        except Unready:
            clock = None  # what the clock is can wait until Kafka answers again
        if engine.closing or turn != engine.turn or not engine.positions():
            return
        await self._follower.tick()
        still = time.monotonic() - engine.moved_at
        if still > REGISTRY_FIRST:
            engine.resume_later()
        await self._at(clock)
        if still > QUIET:
            engine.intake.flush_one()

    async def _at(self, clock: int | None) -> None:
        engine = self._engine
        if clock is not None:
            await self._expire(clock)
            if engine.closing or not engine.positions():
                return
            self._record(clock)
        if engine.evaluator is not None:
            await engine.evaluator.tick(clock)

    async def _expire(self, clock: int) -> None:
        """End what has waited too long, a portion a transaction, for a while; what comes in goes on in between."""
        engine, turn, until = self._engine, self._engine.turn, time.monotonic() + A_WHILE
        while (taken := engine.intake.expire(clock)) is not None:
            await engine.note(taken)
            await asyncio.sleep(0)
            if engine.turn != turn or engine.closing or time.monotonic() > until:
                return

    def _record(self, clock: int) -> None:
        """What is judged by, whenever it changes; the heads of the chains, once a day."""
        engine = self._engine
        if engine.intake.keys is not self._keys and engine.owns(BASIS_BOOK):
            self._keys = engine.intake.keys
            change_basis(engine.store, basis(self._keys.shown), engine.member, clock, self._keys.hands)
        if self._heads.tick(clock, engine.turn):
            engine.wake()

    async def clock(self) -> int | None:
        """The wall clock; where records carry the clock, the least one of all partitions; None while it is unknown.

        A partition that is read to its end does not hold the clock back; one that another worker reads does until then.
        """
        engine = self._engine
        if not engine.intake.by_record_clock:
            return time.time_ns() // 1000
        state = (engine.turn, engine.steps)
        if state[0] != self._clock_of[0]:
            self._clock, self._alone = None, False
        if (state == self._clock_of and self._alone) or time.monotonic() - self._asked_at < ASK_EVERY:
            return self._clock
        self._asked_at = time.monotonic()
        # before asking: later records may be ahead of the ends
        newest = max(engine.clocks.values(), default=0)
        ends = await asyncio.to_thread(engine.cluster.ends, stable=True)
        if state[0] != engine.turn:
            return None
        behind = [at for at, position in engine.positions().items() if position < ends[at]]
        others = ends.keys() - engine.positions().keys()
        if any(at not in engine.clocks for at in behind) or self._behind(others, ends):
            return None
        least = min((engine.clocks[at] for at in behind), default=newest)
        self._clock = least if behind else max(least, self._known_until(others))
        self._clock_of, self._alone = state, not others
        return self._clock or None

    def _behind(self, others: Collection[TP], ends: Mapping[TP, int]) -> bool:
        """Has any of these partitions, which other workers read, something that is not taken in yet?"""
        store, source = self._engine.store, self._engine.cluster.source
        taken = store.positions() if others else {}
        return any(taken.get(source(at).key, 0) < ends[at] for at in others)

    def _known_until(self, others: Collection[TP]) -> int:
        """The latest instant of knowledge, also of what other workers have taken in."""
        return max(self._engine.known_until, self._engine.store.latest() if others else 0)
