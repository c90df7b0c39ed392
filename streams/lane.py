"""A lane of the sender: messages of the store leave on Kafka in order, at least once, the same on every attempt.

They leave a portion at a time. While a backlog is taken in each answer of Kafka takes a few chunks to be heard of: so a
portion goes in few requests.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from aggregates.store import Store
from aggregates.store.transaction import Outgoing
from streams.answering import Answering, answers_topic, is_for_one
from streams.connecting import Kafka, client_options
from streams.forwarding import unpacked

log = logging.getLogger("puhui.sender")

POLL: Final = 1.0
"""Seconds after which the store is asked unwoken: another worker may have left a message for this one."""
LONGEST_PAUSE: Final = 10.0
REST: Final = 2.0
"""Seconds for which a topic that took no message is left alone, so that others do not wait behind it."""
LARGEST_REQUEST: Final = 32 * 1024 * 1024
"""Beyond what any topic of ours takes: the broker judges what is too large, after compression."""
PORTION: Final = 200
"""Messages that are sent at once."""
PORTION_BYTES: Final = 8 * 1024 * 1024
"""Bytes of messages that are sent at once, and what the last of them has beyond that."""
_SELDOM: Final = 19
"""All that waits is looked through from its beginning again after so many times as long as that took last."""
BATCH: Final = 256 * 1024
"""Bytes of one partition in one request, unless one message is larger."""
_SMALLER: Final = " without its original"
STRUCTURED: Final = [("content-type", b"application/cloudevents+json; charset=UTF-8")]


class Lane:
    """Sends the messages of the store for which `mine` holds, of one topic or of all, through a producer of its own.

    The producer is idempotent, except on the embedded broker, which gives aiokafka no producer id.
    """

    def __init__(
        self, store: Store, kafka: Kafka, mine: Callable[[Outgoing], bool], topic: str | None = None, *,
        idempotent: bool = True,
    ) -> None:  # fmt: skip
        self._topic = topic
        self._store = store
        self._kafka = kafka
        self._mine = mine
        self._idempotent = idempotent
        self._woken = asyncio.Event()
        self._producer: AIOKafkaProducer | None = None
        self._answering: Answering | None = None
        self._alone = False
        self._too_large: set[tuple[str, str]] = set()
        self._rests_until: dict[str, float] = {}
        self._passed = 0
        self._resting: list[str] = []
        self._whole_at = 0.0
        self.sent: Counter[str] = Counter()
        self.failures = 0

    def wake(self) -> None:
        """Something may be there to send."""
        self._woken.set()

    async def run(self) -> None:
        """Send until cancelled; while Kafka is away everything waits in the store."""
        pause = 0.1
        while True:
            try:
                while await self.send_some():
                    pause = 0.1
                await self._wait()
            except (KafkaError, TimeoutError) as error:
                self.failures += 1
                log.warning("messages wait in the store, Kafka takes none: %s", type(error).__name__)
                await self._drop_producer()
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    async def _wait(self) -> None:
        try:
            await asyncio.wait_for(self._woken.wait(), POLL)
        except TimeoutError:
            return
        self._woken.clear()

    async def send_some(self) -> bool:
        """Send the oldest messages and forget those that Kafka has acknowledged; False where nothing was due."""
        due = await self._due()
        if not due:
            return False
        producer = await self._ready()
        topics = [await self._topic_of(message) for message in due]
        answers = await self._answers(producer, due, topics)
        self._forget([message for message, answer in zip(due, answers, strict=True) if not _failed(answer)])
        await self._go_on_after(
            [failure for failure in zip(due, topics, answers, strict=True) if _failed(failure[2])]
        )
        return True

    def _forget(self, left: Sequence[Outgoing]) -> None:
        """Messages that Kafka has acknowledged leave the store, and count."""
        for topic in sorted({message.topic for message in left}):
            ids = [message.id for message in left if message.topic == topic]
            self._store.forget(topic, ids)
            self.sent[topic] += len(ids)

    async def _go_on_after(self, failures: Sequence[tuple[Outgoing, str, BaseException]]) -> None:
        """Topics that failed rest, and the first failure is raised; what was too large goes alone from now on, or smaller."""
        others = [(topic, why) for _, topic, why in failures if not isinstance(why, MessageSizeTooLargeError)]
        for message, _, why in failures:
            if isinstance(why, MessageSizeTooLargeError) and self._alone:
                self._refused_as_too_large(message)
        for topic, _ in others:  # what goes elsewhere does not wait behind it
            self._rests_until[topic] = time.monotonic() + REST
        if others:
            raise others[0][1]
        if failures or self._alone:
            # Kafka refuses a whole batch: alone each message shows whether it is the one. The numbering has a hole now.
            self._alone = bool(failures)
            await self._drop_producer()

    async def _answers(
        self, producer: AIOKafkaProducer, due: Sequence[Outgoing], topics: Sequence[str]
    ) -> list[Any]:
        """What Kafka says to each message: an acknowledgement, or why it takes it not."""
        sent: list[asyncio.Future[Any]] = []
        away: dict[str, KafkaError] = {}
        for message, topic in zip(due, topics, strict=True):
            try:
                if topic in away:
                    raise away[topic]
                sent.append(await self._send(producer, message, topic))
            except KafkaError as error:
                if not isinstance(error, MessageSizeTooLargeError):
                    away[topic] = error  # a topic that is not there is waited for: once is enough
                sent.append(refused := asyncio.get_running_loop().create_future())
                refused.set_exception(error)
        return await asyncio.gather(*sent, return_exceptions=True)

    async def _due(self) -> Sequence[Outgoing]:
        """The oldest messages that are ours; other workers' and other lanes' may lie before them.

        A portion is in memory at a time. What is not ours is passed once, and not at each wake; from the beginning it is looked
        through again now and then, for it may have become ours, and when a topic begins or ends to rest.
        """
        now, spent = time.monotonic(), 0.0
        resting = sorted(topic for topic, until in self._rests_until.items() if until > now)
        whole = now >= self._whole_at or resting != self._resting
        if whole:
            self._passed, self._resting = 0, resting
        while True:
            began = time.perf_counter()
            due, following = self._portion()
            spent += time.perf_counter() - began
            if due or following is None:
                break
            self._passed = following
            await asyncio.sleep(0)
        if whole:
            self._whole_at = time.monotonic() + max(POLL, _SELDOM * spent)
        return due

    def _portion(self) -> tuple[Sequence[Outgoing], int | None]:
        """What is ours among the next messages, and the number at which those after them begin; None where there are none."""
        found = self._store.outbox(
            PORTION, self._topic, first=self._passed, without=self._resting, room=PORTION_BYTES
        )
        ours = (m for m in found if self._mine(m) and not _goes_to(m, self._resting))
        due = [fit for m in ours if (fit := self._fitting(m)) is not None]
        full = len(found) == PORTION or sum(len(m.value) for m in found) >= PORTION_BYTES
        return due, found[-1].seq if full and found[-1].seq != self._passed else None

    def _refused_as_too_large(self, message: Outgoing) -> None:
        again = (message.topic, message.id) in self._too_large
        self._too_large.add((message.topic, f"{message.id}{_SMALLER}" if again else message.id))
        if again or without_original(message.value) is None:
            log.error(
                "%s takes no message of %d bytes: %s stays in the store",
                message.topic,
                len(message.value),
                message.id,
            )

    def _fitting(self, message: Outgoing) -> Outgoing | None:
        """The message, without its original where it was too large; None where even so it is."""
        if (message.topic, message.id) not in self._too_large:
            return message
        smaller = without_original(message.value)
        if smaller is None or (message.topic, f"{message.id}{_SMALLER}") in self._too_large:
            return None
        return msgspec.structs.replace(message, value=smaller)

    async def _topic_of(self, message: Outgoing) -> str:
        return message.topic if self._answering is None else await self._answering.topic(message)

    async def _send(self, producer: AIOKafkaProducer, message: Outgoing, topic: str) -> "asyncio.Future[Any]":
        headers, published = unpacked(message.headers) if message.headers else (STRUCTURED, None)
        key = None if message.key is None else message.key.encode()
        future: asyncio.Future[Any] = await producer.send(
            topic,
            message.value,
            key=key,
            partition=message.partition,
            headers=headers,
            timestamp_ms=published,
        )
        return future

    async def _ready(self) -> AIOKafkaProducer:
        if self._producer is None:
            producer = AIOKafkaProducer(
                **client_options(self._kafka),
                enable_idempotence=self._idempotent,
                acks="all",
                compression_type="gzip",
                max_request_size=LARGEST_REQUEST,
                linger_ms=2,
                max_batch_size=1 if self._alone else BATCH,
            )
            try:
                await producer.start()
            except BaseException:
                await producer.stop()
                raise
            self._producer, self._answering = producer, Answering(producer.client)
        return self._producer

    async def _drop_producer(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            try:
                await asyncio.wait_for(producer.stop(), 5)
            except (KafkaError, TimeoutError):
                log.debug("the old producer did not stop in good order")

    async def close(self) -> None:
        """Send what is still there, if Kafka takes it within moments; the rest waits in the store."""
        try:
            async with asyncio.timeout(3):
                while await self.send_some():
                    pass
        except (KafkaError, TimeoutError) as error:
            log.warning("messages wait in the store until the next start: %s", type(error).__name__)
        await self._drop_producer()


def _failed(answer: object) -> bool:
    return isinstance(answer, BaseException)


def _goes_to(message: Outgoing, topics: Sequence[str]) -> bool:
    """Would it leave on one of these, as the answer to one institution alone?"""
    return message.key is not None and answers_topic(message.key) in topics and is_for_one(message)


def without_original(value: bytes) -> bytes | None:
    """A rejection without the original that it returns; None where the message is none."""
    try:
        message = msgspec.json.decode(value)
        if message["data"].get("original_base64") is None:
            return None
        message["data"]["original_base64"] = None
    except (msgspec.DecodeError, KeyError, TypeError, AttributeError):
        return None
    return msgspec.json.encode(message)
