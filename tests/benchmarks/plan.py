"""The steps of a run: which rows each of them measures, what it needs, and how often there is time for it."""

import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from tests.benchmarks import box, pair, throughput
from tests.benchmarks.figures import figures
from tests.benchmarks.many import many
from tests.benchmarks.rebalance import rebalance
from tests.benchmarks.recovery import delays, replay, restart
from tests.benchmarks.rows import DEMANDS, Row, median
from tests.benchmarks.scene import Scene


class Step(NamedTuple):
    """Something that is measured as a whole."""

    rows: tuple[str, ...]
    seconds: float
    """About how long it takes in a full run: so much is kept free for it until its turn comes."""
    measure: Callable[[Scene], dict[str, Row]]
    needs: tuple[str, ...] = ()
    """Rows of earlier steps without which it cannot be measured."""


ROUND: Final = (
    Step(("agent", "agent_lean"), 60, throughput.agent),
    Step(("intake_sqlite", "bytes_per_event", "memory"), 90, throughput.sqlite, ("agent",)),
    Step(("rules_on_off",), 80, throughput.without_rules, ("intake_sqlite",)),
    Step(("intake_sqlite_two",), 40, pair.sqlite, ("agent",)),
    Step(("intake_postgres",), 40, throughput.postgres, ("agent",)),
    Step(("intake_postgres_two", "lock_waits"), 40, pair.postgres, ("agent",)),
    Step(("restart",), 25, restart),
    Step(("replay",), 20, replay, ("agent", "intake_sqlite")),
)
"""On the load alone."""
LIVE: Final = (
    Step(
        ("delay_commit_p50", "delay_commit", "delay_alert_p50", "delay_alert"), 45, delays, ("intake_sqlite",)
    ),
)
"""These add events to the topic, so they come after all rounds of the others."""
ONCE: Final = (
    Step(("rebalance",), 75, rebalance),
    Step(("intake_many", "memory_many"), 330, many, ("agent",)),
    Step(("figures_balance", "figures_customers"), 15, figures, ("intake_sqlite",)),
    Step(("demo_box",), 45, box.demo),
)
"""Measured once, or several times within the step."""
_PAGE: Final = 40
"""Seconds for the page."""


def wanted_steps(names: Iterable[str]) -> frozenset[str]:
    """These rows and what they need."""
    found = set(names)
    for step in reversed((*ROUND, *LIVE, *ONCE)):
        if found & set(step.rows):
            found |= set(step.needs)
    return frozenset(found)


class Run:
    """What was found so far, and how much time is left."""

    def __init__(
        self, wanted: frozenset[str], limit: float, *, strict: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        """After `limit` seconds nothing is measured again; where it is strict, nothing at all."""
        self._wanted, self._limit, self._strict = wanted, limit, strict
        self._clock, self._began = clock, clock()
        self._took: dict[Step, float] = {}
        self._found: dict[str, list[Row]] = defaultdict(list)

    def wants(self, steps: Iterable[Step]) -> bool:
        """Is any of them to be measured?"""
        return any(map(self._is_wanted, steps))

    def broken(self, steps: Iterable[Step], error: Exception) -> None:
        """What of these was not measured yet cannot be, because of that."""
        for step in steps:
            if self._is_wanted(step) and step not in self._took:
                self._note(_failed(step, error))

    def rounds(self, steps: Sequence[Step], scene: Scene) -> None:
        """Measure these, as often as it is wanted and there is time for; each of them once in any case.

        A round in which a step is left out is over for those that need it: they are compared within their round.
        """
        for number in range(scene.rounds):
            scene.number, left_out = number, set[str]()
            for step in filter(self._is_wanted, steps):
                if number and (left_out & set(step.needs) or not self._has_time(step)):
                    self.say(f"no time to measure again: {' '.join(step.rows)}")
                    left_out |= set(step.rows)
                else:
                    self._measure(step, scene)
        scene.number = 0

    def once(self, steps: Iterable[Step], scene: Scene) -> None:
        """Measure these one time."""
        for step in filter(self._is_wanted, steps):
            self._measure(step, scene)

    def rows(self) -> dict[str, Row]:
        """Each row that was measured; the median of its runs."""
        return {name: median(self._found[name]) for name in DEMANDS if name in self._found}

    def say(self, text: str) -> None:
        """Tell how it goes."""
        minutes, seconds = divmod(int(self._clock() - self._began), 60)
        print(f"[{minutes:2d}:{seconds:02d}] {text}", file=sys.stderr, flush=True)

    def _is_wanted(self, step: Step) -> bool:
        return bool(self._wanted & set(step.rows))

    def _has_time(self, step: Step) -> bool:
        """Would the rest still fit behind another run of this step?"""
        pending = [s for s in (*ROUND, *LIVE, *ONCE) if self._is_wanted(s) and s not in self._took]
        rest = self._took[step] + sum(s.seconds for s in pending) + _PAGE
        return self._clock() - self._began + rest < self._limit

    def _measure(self, step: Step, scene: Scene) -> None:
        if self._strict and self._clock() - self._began > self._limit:
            self._note({name: Row(None, "the time of a quick run was up") for name in step.rows})
            return
        self.say(f"round {scene.number + 1}: {' '.join(step.rows)} …")
        began = self._clock()
        try:
            rows = step.measure(scene)
        except Exception as error:  # the others are measured all the same
            rows = _failed(step, error)
        self._took[step] = self._clock() - began
        self._note(rows)

    def _note(self, rows: Mapping[str, Row]) -> None:
        for name, row in rows.items():
            self._found[name].append(row)
            self.say(f"  {name}: {'–' if row.value is None else f'{row.value:,.4g}'} ({row.reason})")


def _failed(step: Step, error: Exception) -> dict[str, Row]:
    told = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
    return {name: Row(None, told, failed=True) for name in step.rows}
