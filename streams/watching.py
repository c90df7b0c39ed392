"""Watching for a standstill: a partition that has something to read and brings nothing ends the worker.

A client may have lost its way after an outage while its connections answer. `puhui worker` starts the worker again, and
a new one joins its group at once; a client that is mended in place has the same memory as before.
"""

import asyncio
import time
from collections.abc import Mapping
from typing import Final

from faust.types import TP

from streams.cluster import Unready
from streams.engine import Engine

STANDSTILL: Final = 20.0
"""Seconds for which a partition may have something to read and bring nothing."""
LOOK_EVERY: Final = 5.0


class Standstill(RuntimeError):
    """Kafka has records that do not come; the message names the partitions."""


class Watch:
    """Remembers since when each partition stands at a position with something to read behind it."""

    def __init__(self) -> None:
        self._turn = -1
        self._behind: dict[TP, tuple[int, float]] = {}

    def look(self, turn: int, positions: Mapping[TP, int], ends: Mapping[TP, int], now: float) -> None:
        """Note what stands, in one turn of an assignment; Standstill where something stands for too long."""
        before = self._behind if turn == self._turn else {}
        behind = ((at, position) for at, position in positions.items() if position < ends.get(at, 0))
        self._turn, self._behind = turn, {}
        for at, position in behind:
            known = before.get(at)
            self._behind[at] = known if known is not None and known[0] == position else (position, now)
        stuck = [at for at, (_, since) in self._behind.items() if now - since >= STANDSTILL]
        if stuck:
            names = ", ".join(f"{at.topic}/{at.partition}" for at in sorted(stuck))
            raise Standstill(
                f"nothing came for {STANDSTILL:g} s, though there is something to read in {names}"
            )

    def forget(self) -> None:
        """Kafka itself was away: nothing stood but that."""
        self._behind = {}


async def watch(engine: Engine) -> None:
    """Watch until cancelled; Standstill where a partition stands still, LostRange where the topics were made anew.

    Its clock stands while events are taken in: what others' backlog keeps waiting on a slow machine comes in its turn.
    """
    watched = Watch()
    while True:
        await asyncio.sleep(LOOK_EVERY)
        turn = engine.turn
        try:
            await asyncio.to_thread(engine.cluster.check_identity)
            ends = await asyncio.to_thread(engine.cluster.ends, stable=True)
        except Unready:
            watched.forget()
            continue
        if turn == engine.turn and not engine.closing:
            later = engine.later()  # these wait for the registry, and are let in by the ticker
            positions = {at: offset for at, offset in engine.positions().items() if at not in later}
            watched.look(turn, positions, ends, time.monotonic() - sum(engine.intake.seconds.values()))
