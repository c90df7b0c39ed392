"""The engine: batches of one consumer go into the intake, one after the other, each exactly where the last one ended.

Nothing here catches an error: whatever is raised ends the process, because memory may be ahead of the store then.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NoReturn, Protocol

from aiokafka.errors import OffsetOutOfRangeError
from faust.types import TP

from aggregates.partitioning import partition_of
from aggregates.registry import REGISTRY_BOOK
from aggregates.store import Store
from aggregates.store.transaction import Outgoing
from puhui.contract.catalogue import ALERTS
from puhui.settings import Settings
from streams.assignment import Assignment, numbers_of, ranges
from streams.cluster import Cluster, lost
from streams.delays import Delays
from streams.ending import end_now, log
from streams.fetching import Batch
from streams.intake import Intake, Taken

_HELD: Final = 0.2
"""Seconds until the store is asked again for what another worker is still writing."""


class Evaluator(Protocol):
    """Follows what is taken in: rules and alerts."""

    async def after(self, taken: Taken) -> None:
        """A chunk is committed."""

    async def tick(self, clock: int | None) -> None:
        """Some time has passed; no partition that still has something to read is before `clock` (µs; None: unknown)."""

    def close(self) -> None:
        """The worker stops in good order."""

    @property
    def presides(self) -> bool:
        """Does this worker judge for all, and send the alerts?"""

    @property
    def judged_at(self) -> float | None:
        """Alerts rest on all that was stored by then (seconds since 1970); None where it does not judge."""

    @property
    def seconds(self) -> float:
        """Seconds spent on judging."""


class Engine:
    """One worker's intake, its positions, and the clock of each of its partitions: `streams.transport.Reader`."""

    def __init__(self, settings: Settings, store: Store, cluster: Cluster) -> None:
        self.store = store
        self.cluster = cluster
        self.member = settings.member
        self.intake = Intake(
            store,
            environment=settings.environment,
            flush_every=settings.flush_every,
            row_bytes=settings.row_memory << 20,
            hold_back=settings.hold_back,
        )
        self.evaluator: Evaluator | None = None
        self.wake: Callable[[], None] = lambda: None
        self.resume: Callable[[set[TP]], None] = lambda partitions: None
        self.closing = False
        self.turn = 0
        self.seek = 0
        self.restarts = 0
        self.clocks: dict[TP, int] = {}
        self.known_until = 0
        self.steps = 0
        self.moved_at = time.monotonic()
        self.delays = Delays()
        self._assignment = Assignment(frozenset(), {}, {})

    # what the transport asks and tells

    async def assigned(self, partitions: set[TP]) -> tuple[int, Mapping[TP, int]]:
        """Open the books of these partitions, and say where each partition is read on."""
        self.revoked()
        turn = self.turn
        starts = await asyncio.to_thread(self.cluster.starts)
        while turn == self.turn and not self.closing and not self._take_over(partitions):
            await asyncio.sleep(_HELD)
        # not before: until then the former owner may have taken in more
        ends = await asyncio.to_thread(self.cluster.ends)
        if turn != self.turn or self.closing:
            return self.seek, {}
        numbers = numbers_of(partitions)
        begin = self.cluster.begin(self.store, partitions, starts, ends)
        lasts = self.cluster.lasts(self.store, begin, starts)
        await asyncio.to_thread(self.cluster.check_lasts, lasts)
        if turn != self.turn or self.closing:
            return self.seek, {}
        self._assignment = Assignment(numbers, begin, ends)
        self._open()
        return self.seek, begin

    def _open(self) -> None:
        """Open the books of the partitions that are ours now."""
        began = time.perf_counter()
        applied = self.intake.open(self.owns)
        self.known_until = max(self._recorded(), default=0)
        self.moved_at = time.monotonic()
        log.info(
            "partitions %s: %d books opened, %d facts behind the register applied, %.2f s",
            ranges(self._assignment.numbers), len(self.intake.books), applied, time.perf_counter() - began,
        )  # fmt: skip

    def _take_over(self, partitions: set[TP]) -> bool:
        """Be the one that writes what belongs to these partitions; False while another one cannot be kept from it."""
        return self.store.take_over([self.cluster.source(at).key for at in partitions])

    def _recorded(self) -> Iterator[int]:
        """The last instant of knowledge of each book that is this worker's, and of the registry."""
        for name, *_, recorded_at in self.store.each_book():
            if name.startswith(REGISTRY_BOOK) or self.owns(name):
                yield recorded_at

    def again(self) -> tuple[int, Mapping[TP, int]]:
        """The consumer starts again in place: what is fetched and not taken in is void, and read again from here."""
        self.seek += 1
        self.restarts += 1
        return self.seek, dict(self.positions())

    def revoked(self) -> None:
        """Drop what was held, unwritten rows included: the next owner makes them again from the log."""
        self.turn += 1
        self.seek += 1
        self.store.let_go()
        self._assignment = Assignment(frozenset(), {}, {})
        self.clocks.clear()
        self.intake.books.clear()

    def later(self) -> set[TP]:
        """Loans wait until the registry is read: an event of an unknown institution would be parked first."""
        return self._assignment.later()

    def positions(self) -> Mapping[TP, int]:
        """What is taken in of each partition that is ours."""
        return self._assignment.positions

    def failed(self, error: BaseException) -> NoReturn:
        """End the process; a position that Kafka does not know is told as a lost range."""
        if isinstance(error, OffsetOutOfRangeError):
            error = lost(error.args[0])
        end_now(error)

    # what is this worker's

    @property
    def presides(self) -> bool:
        """Does this worker judge for all, and send the alerts?"""
        return self.evaluator is not None and self.evaluator.presides

    def sends(self, message: Outgoing) -> bool:
        """Is this message to be sent by this worker? An alert by who judges, an answer by the owner of its key."""
        return self.presides if message.topic == ALERTS else self.owns(message.key)

    def owns(self, name: str | None) -> bool:
        """Does a book (or a message's key) belong to this worker? What has no key belongs to partition 0."""
        home = partition_of(name, self.cluster.partitions) if name is not None else 0
        return home in self._assignment.numbers

    # taking in

    async def take(self, batch: Batch) -> None:
        """Take in one batch, in chunks; a batch of an earlier turn is dropped, others may run between two chunks."""
        if self._void(batch):
            return
        ours = self._assignment
        ours.check(batch)
        source = self.cluster.source(batch.at)
        began, done = time.time(), 0
        for taken in self.intake.take(source, batch.records, batch.base, batch.upto):
            self.clocks[batch.at] = self.intake.clock
            self._delayed(batch.records[done : done + taken.events], began)
            done += taken.events
            last = done == len(batch.records)
            ours.positions[batch.at] = batch.upto if last else batch.records[done - 1].offset + 1
            await self.note(taken)
            await asyncio.sleep(0)
            if self._void(batch):
                return
        ours.positions[batch.at] = batch.upto
        self._moved()
        if ours.registry_is_read():
            self.resume_later()

    def _void(self, batch: Batch) -> bool:
        return self.closing or batch.seek != self.seek

    async def note(self, taken: Taken) -> None:
        """A chunk is committed: wake who sends, where there may be something, and evaluate."""
        self._moved()
        if taken.sends:
            self.wake()
        if self.evaluator is not None:
            await self.evaluator.after(taken)

    def _delayed(self, records: Sequence[Any], began: float) -> None:
        """These are in the figures now; where records carry the clock, only their own batch has kept them waiting."""
        moments = [record.timestamp for record in records]
        if self.intake.by_record_clock:
            moments = [int(began * 1000)] * len(records)
        self.delays.note(moments, time.time())

    def _moved(self) -> None:
        self.steps += 1
        self.moved_at = time.monotonic()

    def resume_later(self) -> None:
        """Let the loans in, where they wait."""
        if waiting := self._assignment.let_in():
            self.resume(waiting)

    # the end

    def close(self) -> None:
        """Take in nothing more, and write back every row: call it before the partitions are given up."""
        self.closing = True
        self.intake.flush_all()

    def step_down(self) -> None:
        """Let another worker judge and send the alerts, at once: call it when the last one has left."""
        if self.evaluator is not None:
            self.evaluator.close()
