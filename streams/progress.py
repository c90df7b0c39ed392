"""How a worker is getting on: numbers taken in its event loop, the ends that Kafka tells, and two judgements on them.

Alive is who makes progress: a position moves, or nothing waits. A connection that answers proves nothing.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from faust.types import TP
from kafka import KafkaConsumer, TopicPartition

from aggregates.store import Store
from projections.exporter import Told
from projections.metrics import DELAYS
from projections.readings import Distribution
from puhui.contract.catalogue import ALERTS, REJECTED_EVENTS
from streams.asking import asking
from streams.connecting import Kafka, prompt_options
from streams.engine import Engine
from streams.unpacking import bound_unpacking

STALLED: Final = 120.0
"""Seconds without any progress, while something waits, after which a worker is not healthy: it ends itself before."""
SLOW: Final = 15.0
"""Seconds without any progress, while something waits, after which a worker is not ready."""
FRESH: Final = 10.0
"""Seconds after which a worker that has not looked at itself is not ready: it is busy with something else."""
_PATIENCE: Final = 2.0
"""Seconds that looking for the oldest waiting events may take."""
_READABLE: Final = 65_536
"""Bytes of one partition to be fetched for the sake of one timestamp."""


LEAVING: Final = (ALERTS, REJECTED_EVENTS)
"""The topics on which messages leave."""
NOTHING: Final = Distribution((0,) * len(DELAYS), 0, 0.0)
"""No event yet."""


class Leaving(NamedTuple):
    """What is asked of those who send: messages by topic, failures, and how each Alertmanager is told."""

    sent: Callable[[], Mapping[str, int]] = dict
    failures: Callable[[], int] = int
    told: Callable[[], Mapping[str, Told]] = dict


@dataclass(frozen=True, slots=True)
class State:
    """What a worker says of itself: `projections.exporter.Worker`."""

    tracked: Mapping[tuple[str, int], int] = field(default_factory=dict)
    ends: Mapping[tuple[str, int], int] = field(default_factory=dict)
    ends_at: float | None = None
    oldest: Mapping[tuple[str, int], float] = field(default_factory=dict)
    stages: Mapping[str, float] = field(default_factory=dict)
    parked: Mapping[str, int] = field(default_factory=dict)
    behind: int = 0
    assignments: int = 0
    restarts: int = 0
    delays: Distribution = NOTHING
    presides: bool = False
    judged_at: float | None = None
    sent: Mapping[str, int] = field(default_factory=dict)
    send_failures: int = 0
    told: Mapping[str, Told] = field(default_factory=dict)
    outbox: Mapping[str, int] = field(default_factory=dict)
    store_bytes: int | None = None
    ready: bool = False
    healthy: bool = True


@dataclass(frozen=True, slots=True)
class _Ends:
    """What Kafka told: the ends, when, and for partitions with something to read the time of what comes next (s)."""

    ends: Mapping[TP, int] = field(default_factory=dict)
    at: float | None = None
    next: Mapping[TP, tuple[int, float]] = field(default_factory=dict)
    """The position for which it was looked, and the timestamp found there."""


class Progress:
    """The state of one worker: `look` in its event loop, `ask` in a thread that may wait, the rest in any thread."""

    def __init__(self, engine: Engine, leaving: Leaving | None = None) -> None:
        self._engine = engine
        self._leaving = leaving or Leaving()
        self._stored: tuple[Mapping[str, int], int | None] = ({}, None)
        self._state = State()
        self._ends = _Ends()
        self._why_not_ready = "it has just started"
        self._clock = 0.0
        self._turn: int | None = None
        self._looked_at = self._moved_at = time.monotonic()

    # in the event loop

    def look(self) -> None:
        """Take the worker's numbers; nothing here waits."""
        engine, now = self._engine, time.monotonic()
        tracked = {(at.topic, at.partition): offset for at, offset in engine.positions().items()}
        assignments = self._state.assignments
        if tracked and engine.turn != self._turn:
            self._turn, assignments = engine.turn, assignments + 1
        if tracked != self._state.tracked or not self._waiting(tracked):
            self._moved_at = now
        self._looked_at = now
        if engine.intake.by_record_clock:
            self._clock = max((*engine.clocks.values(), engine.known_until)) / 1e6
        self._why_not_ready = _why_not_ready(engine)
        books = engine.intake.books.values()
        self._state = State(
            tracked=tracked,
            stages=engine.intake.seconds | {"judge": engine.evaluator.seconds if engine.evaluator else 0.0},
            parked=engine.intake.parked(),
            behind=sum(book.behind for book in books),
            assignments=assignments,
            restarts=engine.restarts,
            presides=engine.presides,
            judged_at=engine.evaluator.judged_at if engine.evaluator else None,
        )

    # in a thread of its own

    def ask(self) -> None:
        """Ask Kafka for the ends of the partitions, and for the time of what waits longest in each; blocks."""
        cluster = self._engine.cluster
        ends = cluster.ends(stable=True)
        tracked = {TP(*at): offset for at, offset in self._state.tracked.items()}
        behind = {at: offset for at, offset in tracked.items() if offset < ends.get(at, 0)}
        known = {at: found for at, found in self._ends.next.items() if found[0] == behind.get(at)}
        missing = {at: offset for at, offset in behind.items() if at not in known}
        times = times_of(cluster.kafka, missing) if missing else {}
        known |= {at: (missing[at], moment) for at, moment in times.items()}
        self._ends = _Ends(ends, time.time(), known)

    def weigh(self, store: Store) -> None:
        """Ask the store, on a connection of this thread, for its size and for what has not left yet."""
        self._stored = (store.waiting(), store.size())

    # in any thread

    def state(self) -> State:
        """The numbers as they are now."""
        state, told = self._state, self._ends
        now = self._clock if self._engine.intake.by_record_clock else time.time()
        ends = {at: told.ends[TP(*at)] for at in state.tracked if TP(*at) in told.ends}
        oldest = {at: 0.0 for at, end in ends.items() if state.tracked[at] >= end}
        for at in ends.keys() - oldest.keys():
            if (found := told.next.get(TP(*at))) is not None:
                oldest[at] = max(0.0, now - found[1])
        return replace(
            state,
            ends=ends,
            ends_at=told.at,
            oldest=oldest,
            delays=self._engine.delays.distribution,
            sent=self._leaving.sent(),
            send_failures=self._leaving.failures(),
            told=self._leaving.told(),
            outbox=dict.fromkeys(LEAVING, 0) | dict(self._stored[0]),
            store_bytes=self._stored[1],
            ready=not self.why_not_ready(),
            healthy=not self.why_not_healthy(),
        )

    def why_not_ready(self) -> str:
        """Why events are not taken in now; empty where they are."""
        if time.monotonic() - self._looked_at > FRESH:
            return f"it has not looked at itself for {FRESH:g} s: it opens its books, or hangs"
        return self._why_not_ready or self._stands(SLOW)

    def why_not_healthy(self) -> str:
        """Why a new start would help; empty where the worker gets on or has nothing to do."""
        now = time.monotonic()
        if now - self._looked_at > STALLED:
            return f"its event loop has not run for {STALLED:g} s"
        return self._stands(STALLED)

    def _stands(self, limit: float) -> str:
        waiting = self._waiting(self._state.tracked)
        if waiting and time.monotonic() - self._moved_at > limit:
            return f"nothing was taken in for {limit:g} s, though {waiting} partitions have something to read"
        return ""

    def _waiting(self, tracked: Mapping[tuple[str, int], int]) -> int:
        ends = self._ends.ends
        return sum(offset < ends.get(TP(*at), 0) for at, offset in tracked.items())


def _why_not_ready(engine: Engine) -> str:
    if engine.closing:
        return "it stops"
    if not engine.positions():
        return "it has no partitions: it waits for Kafka, or others have them all"
    return "it reads the registry first" if engine.later() else ""


def times_of(kafka: Kafka, positions: Mapping[TP, int]) -> dict[TP, float]:
    """The timestamps (s) of the records that come next; what is not told in time, or cannot be unpacked here, is left out."""
    bound_unpacking()
    found: dict[TP, float] = {}
    deadline = time.monotonic() + _PATIENCE
    with asking(
        KafkaConsumer, **prompt_options(kafka), enable_auto_commit=False, auto_offset_reset="none",
        isolation_level="read_committed", max_partition_fetch_bytes=_READABLE,
    ) as consumer:  # fmt: skip
        while missing := [TopicPartition(*at) for at in positions if at not in found]:
            if time.monotonic() > deadline:
                break
            consumer.assign(missing)
            for at in missing:
                consumer.seek(at, positions[TP(at.topic, at.partition)])
            try:
                found |= _first(consumer.poll(timeout_ms=500, max_records=1))
            except Exception:  # bytes of a stranger fail in many ways; the ends are worth more than this time
                break
    return found


def _first(records: Mapping[TopicPartition, Iterable[object]]) -> dict[TP, float]:
    return {
        TP(at.topic, at.partition): int(record.timestamp) / 1000  # type: ignore[attr-defined]  # a record
        for at, found in records.items()
        for record in list(found)[:1]
    }
