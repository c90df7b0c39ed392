"""Rules beside the intake: what is taken in is judged in the same event loop, in portions, so that figures come first.

Alerts have one writer: of all workers with rules the one that holds the lease judges, for the whole county. It reads
what the others take in out of the store.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Final

from aggregates.store import Store, Superseded
from projections.alerts import Alert
from projections.judging import Judge
from projections.views import Figures, View
from puhui.settings import Settings
from streams.ending import log
from streams.engine import Engine, Evaluator
from streams.intake import Taken
from streams.lease import Lease

PORTION: Final = 0.2
"""Seconds that judging may take in one piece; while events come in, there is one such piece a tick."""
_LISTEN: Final = 0.02
"""Seconds between two pieces in which waiting events may come first."""
REST: Final = 19
"""In a backlog judging rests so many times as long as it took: it gets a twentieth of the time."""


class Judging:
    """One judge behind one engine, while the lease is held: `streams.engine.Evaluator`."""

    def __init__(self, engine: Engine, lease: Lease, appoint: Callable[[], Judge]) -> None:
        self._engine = engine
        self._lease = lease
        self._appoint = appoint
        self._judge: Judge | None = None
        self._reported: set[str] = set()
        self._work: Iterator[list[Alert]] | None = None
        self._began_at = 0.0
        self._rests_until = 0.0
        self.judged_at: float | None = None
        self.seconds = 0.0

    @property
    def presides(self) -> bool:
        """Is it this worker that judges?"""
        return self._lease.held

    async def after(self, taken: Taken) -> None:
        """Judge what was reported in a chunk; in a backlog now and then what was reported in many."""
        self._reported |= taken.reported
        if self._reported and self._judge is not None and not self._rests:
            reported, self._reported = self._reported, set()
            self._try(lambda judge: judge.after(reported))

    async def tick(self, clock: int | None) -> None:
        """Judge the days that are over; after each piece what waits to be taken in comes first, and ends this tick."""
        turn = self._engine.turn
        while self.preside() and clock is not None and not self._rests:
            steps = self._engine.steps
            self._try(lambda judge: self._piece(judge, clock))
            if self._work is None:
                self.judged_at = self._began_at if self._judge else None
                return
            await asyncio.sleep(_LISTEN)
            if self._engine.closing or (self._engine.turn, self._engine.steps) != (turn, steps):
                return

    def _piece(self, judge: Judge, clock: int) -> Iterator[Alert]:
        """Go on for a while with what was begun, or begin; the alerts that changed."""
        if self._work is None:
            self._work, self._began_at = judge.steps(clock), time.time()
        until = time.monotonic() + PORTION
        for changed in self._work:
            yield from changed
            if time.monotonic() > until:
                return
        self._work = None

    @property
    def _rests(self) -> bool:
        return self._engine.intake.hurried and time.monotonic() < self._rests_until

    def close(self) -> None:
        """Let another worker judge."""
        self._judge = self._work = None
        self._lease.give_up()

    def preside(self) -> bool:
        """Hold the lease, or try to; who has just taken it takes up what stands, and judges what was left unjudged."""
        if not self._lease.hold():
            self._judge = self._work = self.judged_at = None
        elif self._judge is None:
            self._judge = self._appoint()
            self._try(lambda judge: judge.after(judge.figures.institutions(View(0))))
        return self._judge is not None

    def _try(self, judge: Callable[[Judge], Iterable[Alert]]) -> None:
        """Judge; a judge that was overtaken has written nothing, and leaves."""
        if self._judge is None:
            return
        began = time.perf_counter()
        try:
            if list(judge(self._judge)):
                self._engine.wake()
        except Superseded:
            log.warning("another worker judges now: it has taken the lease over")
            self._judge = self._work = None
            self._lease.lose()
        spent = time.perf_counter() - began
        self.seconds += spent
        self._rests_until = time.monotonic() + REST * spent


def evaluator(settings: Settings, store: Store, engine: Engine) -> Evaluator | None:
    """The evaluator of a worker; None where rules are switched off, on this worker or on all."""
    if not settings.rules:
        return None
    lease = Lease(store, "judge", settings.member)

    @cache  # read once: were it done at each appointment, a large store could outlast the lease every time
    def figures() -> Figures:
        return Figures(store)

    def appoint() -> Judge:
        return Judge(store, engine.intake.by_record_clock, lease.guard, figures())

    judging = Judging(engine, lease, appoint)
    judging.preside()  # all figures are read now, before there is anything to take in
    return judging
