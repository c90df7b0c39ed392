"""The course of a soak: a backlog is worked off, events flow while things are killed, then a quiet worker takes all in again."""

import time
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

from puhui.contract.catalogue import ALERTS, REJECTED_EVENTS
from tests import digests
from tests.benchmarks.load import PARTITIONS
from tests.benchmarks.wire import Published
from tests.endurance.crew import Crew, Positions
from tests.endurance.figures import Digest, both, same_messages
from tests.endurance.flow import Flow, contradicted
from tests.flow import Record
from tests.installation import Installation
from tests.killing import settled
from tests.parts.kafka import Kafka

FRESH: Final = 1.0
"""Seconds: an event that has waited longer is late."""
_CALM: Final = 30.0
"""Seconds of undisturbed flow after the backlog, in which delays are looked at."""
_LOOK: Final = 0.1
_BROKER: Final = 0.12
"""The share of strikes that hit the broker."""
_SOON: Final = 5
"""So many samples after a strike its delay begins to show, if it delays anything."""
_STANDSTILL: Final = 240.0
"""Seconds in which nothing is taken in though something is there: a failure."""


class Standstill(AssertionError):
    """Nothing goes on any more."""


class Sample(NamedTuple):
    """One second: when, what went on, events published and taken in, the longest wait, and the memory of each worker."""

    at: float
    phase: str
    published: int
    taken: int
    delay: float
    memory: list[float]


class Strike(NamedTuple):
    """What was killed, and when."""

    at: float
    what: str


@dataclass
class Outcome:
    """What a soak came to."""

    samples: list[Sample] = field(default_factory=list)
    strikes: list[Strike] = field(default_factory=list)
    events: int = 0
    backlog: int = 0
    worked_off: float = 0.0
    """Seconds from the start of the workers to the end of the backlog."""
    shaken: Digest = field(default_factory=dict)
    quiet: Digest = field(default_factory=dict)
    messages: dict[str, tuple[int, bool]] = field(default_factory=dict)
    """By topic: how many ids, and whether each had one form, and the quiet run has sent the same ones."""

    def of(self, phase: str) -> list[Sample]:
        """The samples of one phase."""
        return [sample for sample in self.samples if sample.phase == phase]

    def back_after(self, strike: Strike) -> float:
        """Seconds from a strike until no event that waits is late; 0 where it delayed none.

        Until what was killed is started again there may be no sample: the first one after that tells.
        """
        after = [sample for sample in self.samples if sample.at >= strike.at][:_SOON]
        late = next((sample.at for sample in after if sample.delay > FRESH), None)
        if late is None:
            return 0.0
        fresh = (sample.at for sample in self.samples if sample.at > late and sample.delay <= FRESH)
        return next(fresh, late) - strike.at


class Course:
    """One soak on one broker; `store` is that of the shaken workers, SQLite in `folder` where none is given."""

    def __init__(self, folder: Path, kafka: Kafka, store: str, workers: int, seed: int) -> None:
        self._kafka, self._workers, self._dice = kafka, workers, Random(seed)
        self._shaken = self._installation(folder / "shaken", store)
        self._quiet = self._installation(folder / "quiet")
        self._began = time.monotonic()
        self._second = 0.0
        self._moved_at = self._began
        self.outcome = Outcome()

    def _installation(self, folder: Path, store: str = "") -> Installation:
        return Installation(folder / "installation", self._kafka.bootstrap, store, partitions=PARTITIONS)

    def run(self, events: Iterable[Published], backlog: int, pace: float, seconds: float) -> Outcome:
        """A backlog first, then so many events a second for so many seconds; then all of them again, quietly."""
        flow = Flow(self._kafka.bootstrap, contradicted(events), pace)
        flow.register()
        self.outcome.backlog = flow.at_once(backlog)
        self._shake(flow, seconds)
        self.outcome.events = flow.total
        before = {
            topic: digests.messages(self._kafka.bootstrap, topic) for topic in (ALERTS, REJECTED_EVENTS)
        }
        self._repeat(flow)
        for topic, sent in before.items():
            again = digests.messages(self._kafka.bootstrap, topic)
            self.outcome.messages[topic] = len(again), same_messages(sent, again)
        self.outcome.shaken, self.outcome.quiet = both(self._shaken.store, self._quiet.store)
        return self.outcome

    def _shake(self, flow: Flow, seconds: float) -> None:
        """Workers under kills."""
        crew = Crew(self._shaken, self._workers, self._dice)
        with closing(Positions(self._shaken)) as positions:
            try:
                look = self._looker(flow, crew, positions)
                began = self._now
                self._until(lambda: sum(positions()) >= self.outcome.backlog, look, "backlog")
                self.outcome.worked_off = self._now - began
                flow.start()
                calm = self._now + min(_CALM, seconds / 4)
                self._until(lambda: self._now > calm, look, "calm")
                self._strikes(flow, crew, look, self._now + seconds)
                flow.ended.set()
                flow.join()
                self._finish(flow, crew, positions, look, self._shaken, "rest")
            finally:
                flow.ended.set()
                crew.end()

    def _strikes(self, flow: Flow, crew: Crew, look: Callable[[str], None], end: float) -> None:
        """Kill something every now and then, as long as events flow."""
        while flow.is_alive() and self._now < end:
            due = self._now + self._dice.uniform(5, 25)
            self._until(lambda due=due: self._now > min(due, end) or not flow.is_alive(), look, "kills")  # type: ignore[misc]  # bound at once
            crew.check()
            if self._now < end and flow.is_alive():
                at = self._now
                self.outcome.strikes.append(Strike(at, self._strike(crew)))

    def _strike(self, crew: Crew) -> str:
        if self._dice.random() >= _BROKER:
            return crew.kill()
        self._kafka.kill()
        self._kafka.start()
        return "the broker"

    def _repeat(self, flow: Flow) -> None:
        """One worker, on SQLite, which nothing disturbs."""
        crew = Crew(self._quiet, 1, self._dice)
        with closing(Positions(self._quiet)) as positions:
            try:
                self._finish(flow, crew, positions, self._looker(flow, crew, positions), self._quiet, "quiet")
            finally:
                crew.end()

    def _finish(
        self, flow: Flow, crew: Crew, positions: Positions, look: Callable[[str], None], of: Installation, phase: str
    ) -> None:  # fmt: skip
        """Wait until all is taken in and judged, and has left; then let the workers stop."""
        last = [Record(flow.last_at, "", 0, b"", b"")]
        self._until(lambda: sum(positions()) >= flow.total and not of.behind(), look, phase, every=0.5)
        self._until(lambda: settled(of, last), look, phase, every=1.0)
        of.wait_until_taken_in(_STANDSTILL)
        crew.stop()

    # looking

    @property
    def _now(self) -> float:
        return time.monotonic() - self._began

    def _looker(self, flow: Flow, crew: Crew, positions: Positions) -> Callable[[str], None]:
        """What notes a sample a second, with the longest delay of that second; AssertionError at a standstill."""
        longest, seen = 0.0, -1

        def look(phase: str) -> None:
            nonlocal longest, seen
            now, taken = self._now, positions()
            longest = max(longest, flow.delay(taken))
            if sum(taken) != seen or sum(taken) >= flow.total:
                seen, self._moved_at = sum(taken), now
            if now - self._moved_at > _STANDSTILL:
                raise Standstill(
                    f"nothing was taken in for {_STANDSTILL:g} s: published {flow.published}, taken in {taken}: {crew.last_words()}"
                )
            if now - self._second >= 1:
                self._second = now
                self.outcome.samples.append(Sample(now, phase, flow.total, seen, longest, crew.memory()))
                longest = 0.0

        return look

    def _until(
        self, reached: Callable[[], bool], look: Callable[[str], None], phase: str, every: float = _LOOK
    ) -> None:
        while not reached():
            look(phase)
            time.sleep(every)
