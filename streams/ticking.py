"""What time does: parked events expire, rules are evaluated, quiet books are written back, a standstill is noticed."""

import asyncio
import time
from typing import Final

from streams.cluster import Unready
from streams.engine import Engine
from streams.heads import Heads

TICK: Final = 0.5
ASK_EVERY: Final = 1.0
"""Seconds between two questions for the ends of the partitions, while events come in."""
QUIET: Final = 3.0
"""Seconds without events after which dirty books are written back, one a tick."""
REGISTRY_FIRST: Final = 10.0
"""Seconds that loans wait for a registry that does not move: its last records may lie in an open transaction."""
STANDSTILL: Final = 60.0
"""Seconds without any progress, while there is something to read, after which the worker starts anew."""


class Standstill(RuntimeError):
    """Kafka has records that do not come."""


class Ticker:
    """Runs beside the engine in the same event loop, so never in the middle of a chunk."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._heads = Heads(engine.store, engine.owns)
        self._clock: int | None = None
        self._clock_of = (-1, -1)
        self._asked_at = float("-inf")
        self._watched_at = time.monotonic()

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
        still = time.monotonic() - engine.moved_at
        if still > REGISTRY_FIRST:
            engine.resume_later()
        if clock is not None:
            await self._at(clock)
        if still > QUIET:
            engine.intake.flush_one()
        if still > STANDSTILL:
            await self._watch()

    async def _at(self, clock: int) -> None:
        engine = self._engine
        taken = engine.intake.expire(clock)
        if taken is not None:
            await engine.note(taken)
        if self._heads.tick(clock, engine.turn):
            engine.wake()
        if engine.evaluator is not None:
            await engine.evaluator.tick(clock)

    async def clock(self) -> int | None:
        """The wall clock; where records carry the clock, the least one of all partitions; None while it is unknown.

        A partition that is read to its end does not hold the clock back.
        """
        engine = self._engine
        if not engine.intake.by_record_clock:
            return time.time_ns() // 1000
        state = (engine.turn, engine.steps)
        if state[0] != self._clock_of[0]:
            self._clock = None
        if state == self._clock_of or time.monotonic() - self._asked_at < ASK_EVERY:
            return self._clock
        self._asked_at = time.monotonic()
        newest = max(
            engine.clocks.values(), default=0
        )  # before asking: later records may be ahead of the ends
        ends = await asyncio.to_thread(engine.cluster.ends, stable=True)
        if state[0] != engine.turn:
            return None
        behind = [at for at, position in engine.positions().items() if position < ends[at]]
        if any(at not in engine.clocks for at in behind):
            return None
        least = min((engine.clocks[at] for at in behind), default=newest)
        self._clock = max(least, engine.known_until) if not behind else least
        self._clock_of = state
        return self._clock or None

    async def _watch(self) -> None:
        """End the worker when records are there and do not come: a client may have lost its way after an outage."""
        engine = self._engine
        if time.monotonic() - self._watched_at < STANDSTILL:
            return
        self._watched_at = time.monotonic()
        steps, turn = engine.steps, engine.turn
        try:
            ends = await asyncio.to_thread(engine.cluster.ends, stable=True)
        except Unready:
            return  # no standstill of ours
        waiting = [at for at, position in engine.positions().items() if position < ends[at]]
        if waiting and (steps, turn) == (engine.steps, engine.turn):
            names = ", ".join(f"{at.topic}/{at.partition}" for at in sorted(waiting))
            raise Standstill(
                f"nothing was taken in for {STANDSTILL:g} s, though there is something to read in {names}"
            )
