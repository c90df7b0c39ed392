"""Rules beside the intake: what is taken in is judged in the same event loop, in portions, so that figures come first.

Alerts have one writer. A second judge must never run beside this one, so an installation has one worker with rules;
others that share its partitions must run with PUHUI_RULES=off.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from aggregates.store import Store
from projections.alerts import Alert
from projections.judging import Judge
from projections.views import View
from puhui.settings import Settings
from streams.engine import Engine, Evaluator
from streams.intake import Taken

PORTION: Final = 0.2
"""Seconds that judging may take in one piece; while events come in, there is one such piece a tick."""
_LISTEN: Final = 0.02
"""Seconds between two pieces in which waiting events may come first."""


class Judging:
    """One judge behind one engine: `streams.engine.Evaluator`."""

    def __init__(self, engine: Engine, judge: Judge) -> None:
        self._engine = engine
        self._judge = judge
        self._turn = engine.turn
        self._opened = True
        self.presides = True
        self.judged_at: float | None = None
        self.seconds = 0.0

    async def after(self, taken: Taken) -> None:
        """Judge what was reported in a chunk."""
        if taken.reported:
            self._take_up()
            self._told(lambda judge: judge.after(taken.reported))

    async def tick(self, clock: int) -> None:
        """Judge the days that are over; after each piece what waits to be taken in comes first, and ends this tick."""
        self._take_up()
        turn = self._turn
        while True:
            steps, until = self._engine.steps, time.monotonic() + PORTION
            self._told(lambda judge: judge.tick(clock, lambda: time.monotonic() > until))  # noqa: B023 - called at once
            if not self._judge.is_due(clock):
                self.judged_at = time.time()
                return
            await asyncio.sleep(_LISTEN)
            if self._engine.closing or (self._engine.turn, self._engine.steps) != (turn, steps):
                return

    def _take_up(self) -> None:
        """After a start or another assignment: take up what stands, and judge what was left unjudged."""
        if self._turn != self._engine.turn:
            self._turn, self._opened = self._engine.turn, True
            self._judge.open()
        if self._opened:
            self._opened = False
            self._told(lambda judge: judge.after(judge.figures.institutions(View(0))))

    def _told(self, judge: Callable[[Judge], list[Alert]]) -> None:
        began = time.perf_counter()
        if judge(self._judge):
            self._engine.wake()
        self.seconds += time.perf_counter() - began


def evaluator(settings: Settings, store: Store, engine: Engine) -> Evaluator | None:
    """The evaluator of a worker; None where rules are switched off."""
    if not settings.rules:
        return None
    return Judging(engine, Judge(store, by_record_clock=engine.intake.by_record_clock))
