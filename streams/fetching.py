"""Fetch from Kafka in batches, with what its client keeps to itself: the fetch position before and after each.

Behind the last record may lie transaction markers and aborted records, which nobody ever sees: a batch of none tells
of them too.
"""

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import aiokafka
from aiokafka.client import ConnectionGroup
from aiokafka.conn import CloseReason
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import ConsumerStoppedError, KafkaError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from streams.connecting import client_options
from streams.unpacking import bound_unpacking, tolerant

FETCH_WAIT: Final = 50
"""Milliseconds that an empty fetch hangs at the broker; Faust's own 1,500 halve the speed of a skewed backlog."""
PATIENCE: Final = 5.0
"""Seconds that a fetch has for letting itself be broken off."""


class Batch(NamedTuple):
    """The records of one fetch of one partition, and the fetch position before and after it.

    `seek` is the number of the seek after which it was fetched: a batch of an earlier one is void.
    """

    at: TP
    records: list[Any]
    base: int
    upto: int
    seek: int


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """Faust's thread around Kafka's client: only what is really stored is read, and nothing is reset."""

    seeks = 0

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:
        bound_unpacking()
        conf = self.app.conf
        self._assignor = RangePartitionAssignor  # both topics alike: partition p of both has one worker
        return aiokafka.AIOKafkaConsumer(
            client_id=conf.broker_client_id,
            group_id=conf.id,
            group_instance_id=conf.consumer_group_instance_id,
            **client_options(self.app.kafka),  # type: ignore[attr-defined]  # streams.app adds it
            partition_assignment_strategy=[self._assignor],
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            fetch_max_wait_ms=FETCH_WAIT,
            max_partition_fetch_bytes=conf.consumer_max_fetch_size,
            max_poll_interval_ms=int((conf.broker_max_poll_interval or 0) * 1000),
            request_timeout_ms=int(conf.broker_request_timeout * 1000),
            session_timeout_ms=int(conf.broker_session_timeout * 1000),
            rebalance_timeout_ms=int(conf.broker_rebalance_timeout * 1000),
            heartbeat_interval_ms=int(conf.broker_heartbeat_interval * 1000),
            metadata_max_age_ms=conf.consumer_metadata_max_age_ms,
            connections_max_idle_ms=conf.consumer_connections_max_idle_ms,
        )

    async def on_thread_stop(self) -> None:
        """Leave the group: a named member would keep its partitions from the others until its session is over."""
        if self._consumer is not None and self._consumer._coordinator is not None:
            self._consumer._coordinator._group_instance_id = None  # only then aiokafka says goodbye
        await super().on_thread_stop()

    async def join_again(self) -> None:
        """Leave the group and join it again: a named member that only came back would get what it had before."""
        await self.call_thread(self._join_again)

    async def _join_again(self) -> None:
        coordinator = self._ensure_consumer()._coordinator
        name, coordinator._group_instance_id = coordinator._group_instance_id, None
        try:
            await coordinator._maybe_leave_group()  # which joins it again
        finally:
            coordinator._group_instance_id = name

    async def begin(self, seek: int, positions: Mapping[TP, int]) -> None:
        """Seek, in the client's own thread and in one step: no batch is fetched half before and half after it."""
        await self.call_thread(self._begin, seek, positions)

    async def begin_anew(self, seek: int, positions: Mapping[TP, int]) -> None:
        """Seek, and fetch on new connections: nothing that the client waits for, or holds, is waited for any more."""
        await self.call_thread(self._begin_anew, seek, positions)

    async def _begin_anew(self, seek: int, positions: Mapping[TP, int]) -> None:
        consumer = self._ensure_consumer()
        await restart(consumer._fetcher, consumer._client)
        await self._begin(seek, positions)

    async def _begin(self, seek: int, positions: Mapping[TP, int]) -> None:
        if seek < self.seeks:
            return  # a later one was quicker
        consumer = self._ensure_consumer()
        ours = consumer.assignment()
        for at, offset in positions.items():
            if at in ours:  # else another rebalance has overtaken this one and seeks itself
                consumer.seek(at, offset)
        self.seeks = seek

    async def _fetch_records(
        self,
        consumer: Any,
        active_partitions: Any,
        timeout: float | None = None,
        max_records: int | None = None,
    ) -> Any:
        """Wait for batches of the active partitions; an empty one where the fetch position moved without records."""
        fetcher = consumer._fetcher
        until = time.monotonic() + (timeout or 0)
        while self.consumer.flow_active:
            if consumer._closed or fetcher._closed:
                raise ConsumerStoppedError
            if fetcher._subscriptions.reassignment_in_progress:
                await asyncio.sleep(0.05)
                return {}
            found = await self._batches(fetcher, active_partitions, max_records)
            left = until - time.monotonic()
            if found or left <= 0:
                return found
            waiter = fetcher._create_fetch_waiter()
            await asyncio.wait([waiter], timeout=left)
            if not waiter.done():
                waiter.cancel()
                return {}
            waiter.result()  # errors of authorization are told this way
        return {}

    async def _batches(self, fetcher: Any, active: Any, max_records: int | None) -> dict[TP, Batch]:
        """Take what is there; nothing else runs in this thread meanwhile, so the positions belong to the records."""
        active = frozenset(active)  # Faust's own set: its thread may let another partition in at any moment
        assignment = fetcher._subscriptions.subscription.assignment
        before = {at: self._position(assignment, at) for at in active}
        for fetched in fetcher._records.values():
            if (records := getattr(fetched, "_partition_records", None)) is not None:
                tolerant(records)
        with fetcher._subscriptions.fetch_context():
            records = await fetcher.fetched_records(active, timeout=0, max_records=max_records)
        found = {}
        for at, base in before.items():
            upto = self._position(assignment, at)
            if base is not None and upto is not None and upto > base:
                found[at] = Batch(at, records.get(at, []), base, upto, self.seeks)
        return found

    @staticmethod
    def _position(assignment: Any, at: TP) -> int | None:
        state = assignment.state_value(at)
        return state.position if state is not None and state.has_valid_position else None

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        """Tell Kafka how far we are; where that fails nothing is lost, and the next time comes soon."""
        ours = self.assignment()
        known = {
            driver.ensure_aiokafka_TP(at): aiokafka.structs.OffsetAndMetadata(offset, "")
            for at, offset in offsets.items()
            if at in ours
        }
        try:
            await self._ensure_consumer().commit(known)
        except KafkaError as error:
            self.log.info("Kafka was not told how far events are taken in: %r", error)
            return False
        return True

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Judge nothing here: the reader knows whether it gets on."""


async def restart(fetcher: Any, client: Any) -> None:
    """Start the fetching of Kafka's client again: no connection, request or record of before is left.

    The connection over which the group is kept is another one, and stays.
    """
    work = [fetcher._fetch_task, *fetcher._pending_tasks]
    for task in work:
        task.cancel()
    await asyncio.wait(work, timeout=PATIENCE)
    fetcher._pending_tasks.clear()
    fetcher._in_flight.clear()
    fetcher._records.clear()
    for (_, group), connection in list(client._conns.items()):
        if group == ConnectionGroup.DEFAULT:
            connection.close(reason=CloseReason.CONNECTION_TIMEOUT)
    fetcher._fetch_task = asyncio.create_task(fetcher._fetch_requests_routine())
