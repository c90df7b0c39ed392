"""Faust's transport in batches: one message is what one fetch brought of one partition.

Faust hands an agent one record at a time, forty times slower than this. Its own counting of offsets is switched off:
positions come from the reader, and go to Kafka only as a hint for tools.
"""

import time
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Protocol, cast

from aiokafka.errors import KafkaError
from faust.transport.consumer import ensure_TP
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from streams.fetching import Batch, ConsumerThread


class Reader(Protocol):
    """Who reads: it knows the positions, and is told what becomes of its partitions."""

    async def assigned(self, partitions: set[TP]) -> tuple[int, Mapping[TP, int]]:
        """The number of a new seek, and where reading begins; batches of earlier seeks are void from now on."""

    def again(self) -> tuple[int, Mapping[TP, int]]:
        """The same without a new assignment: where reading goes on."""

    def revoked(self) -> None:
        """Nothing is this reader's any more, until the next `assigned`."""

    def later(self) -> set[TP]:
        """Partitions that shall not be delivered before `Consumer.resume_partitions`."""

    def positions(self) -> Mapping[TP, int]:
        """What is taken in, for Kafka's committed offsets: a hint for tools, never read by us."""

    def failed(self, error: BaseException) -> None:
        """Reading cannot go on; does not return."""


class Consumer(driver.Consumer):
    """Delivers batches, and begins where the reader says."""

    @property
    def reader(self) -> Reader:
        """The reader, as the app knows it."""
        reader: Reader = self.app.reader  # type: ignore[attr-defined]  # streams.app adds it
        return reader

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    @property
    def _fetching(self) -> ConsumerThread:
        return cast(ConsumerThread, self._thread)

    async def getmany(self, timeout: float) -> Any:
        """One message a batch; its offset is the last one before the next fetch position."""
        try:
            fetched, active = await self._wait_next_records(timeout)
        except KafkaError as error:
            self.reader.failed(error)
            raise
        batches = cast(Mapping[TP, Batch], fetched or {})  # what our own thread fetches
        for at, batch in batches.items():
            if self.should_stop or not self.flow_active:
                return  # whoever stopped the flow seeks before it flows again
            if not (active is None or at in active or at in self._buffered_partitions):
                continue
            self._read_offset[at] = None  # Faust would drop what is read again; the reader sees every hole
            stamp = batch.records[-1].timestamp / 1000 if batch.records else time.time()
            yield (
                at,
                ConsumerMessage(
                    at.topic, at.partition, batch.upto - 1, stamp, 0, None, None, cast(Any, batch), None, 0, 0,
                    at, generation_id=self.app.consumer_generation_id,
                ),
            )  # fmt: skip

    async def perform_seek(self) -> None:
        """Begin at our own positions: the last call before the flow resumes, the only one whose seek holds."""
        partitions = {ensure_TP(at) for at in self.assignment()}
        try:
            seek, begin = await self.reader.assigned(partitions)
            if not begin:
                return  # another rebalance has overtaken this one, or the worker stops
            await self._fetching.begin(seek, begin)
        except Exception as error:  # whatever it is ends the process, by our status
            self.reader.failed(error)
            raise
        for at in begin:
            self._committed_offset[at] = None
        self.pause_partitions(self.reader.later())

    async def start_again(self) -> None:
        """Fetch anew, in place, from where events are taken in; the group hears nothing of it."""
        seek, begin = self.reader.again()
        await self._fetching.begin_anew(seek, begin)
        self.resume_partitions(begin.keys() - self.reader.later())

    async def join_again(self) -> None:
        """Have the group share out its partitions anew."""
        await self._fetching.join_again()

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Tell the reader first: it drops what it holds before anybody waits for it."""
        self.reader.revoked()
        await super().on_partitions_revoked(revoked)

    def _filter_committable_offsets(self, tps: Iterable[TP]) -> dict[TP, int]:
        """Commit what the reader has taken in; what Faust counts are its own messages."""
        self._acked.clear()
        self._acked_index.clear()
        taken = self.reader.positions().items()
        return {at: offset for at, offset in taken if offset and offset != self._committed_offset[at]}

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Between two batches there is none."""


class Transport(driver.Transport):
    """The transport behind `batch://`."""

    Consumer: ClassVar[type] = Consumer
