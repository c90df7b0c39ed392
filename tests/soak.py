"""`make soak`: hostile messages by the hundred thousand through a real Apache Kafka into a real worker; a report in JSON.

Every codec, signed and unsigned, and batches with damaged bytes where Kafka lets them in. The worker must not end,
its memory must stay flat, each record must come to one end, and everything stored and answered be what rules allow.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from random import Random
from statistics import mean
from typing import Any, Final

import psutil
from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.produce import ProduceRequest
from confluent_kafka import Consumer, TopicPartition

from puhui.contract.catalogue import REJECTED_EVENTS
from puhui.keys import write_secrets
from streams.cluster import Cluster
from tests.feeding import Taken
from tests.hostile import allowed
from tests.hostile.answers import check_answer, speaks_for
from tests.hostile.batches import CODECS, batch
from tests.hostile.messages import SECRETS, Hostile, Wire
from tests.installation import Installation, wait_until
from tests.parts.kafka import Kafka
from tests.parts.process import Server

PARTITIONS: Final = 4
PORTION: Final = 2_000
AHEAD: Final = 20_000
"""So many messages lie on Kafka that are not taken in yet, at most."""
OFFICES: Final = 0.01
"""The share of examples that offices publish: thousands in a run, and not a tenth of all, as no county's do."""
DAMAGED: Final = 0.05
"""The share of batches that are damaged."""
ROWS: Final = "8"
"""Megabytes that rows may take: as many as they are allowed they do take, and so that is soon."""
GROWTH: Final = 0.05
"""By so much the worker's memory in the last third may lie above that in the second: in the first one caches fill."""
PATIENCE: Final = 600.0


class Publisher:
    """Sends batches as bytes, and counts what Kafka says to them."""

    def __init__(self, bootstrap: str, dice: Random) -> None:
        self._client = AIOKafkaClient(bootstrap_servers=bootstrap)
        self._dice = dice
        self.answers: Counter[str] = Counter()
        self.stored = 0

    async def open(self) -> None:
        await self._client.bootstrap()

    async def close(self) -> None:
        await self._client.close()

    async def send(self, messages: list[Wire]) -> None:
        """Send messages, in batches of one partition and some codec; the order within a partition is kept."""
        dice = self._dice
        for (topic, partition), records in _by_place(messages).items():
            left = iter(records)
            while portion := list(islice(left, dice.choice((1, 5, 50, 300)))):
                damaged = dice.random() < DAMAGED
                codec = dice.choice(list(CODECS))
                made = batch(portion, codec, at=time.time_ns() // 1_000_000, dice=dice if damaged else None)
                error = await self._produce(topic, partition, made)
                self.answers[f"{'damaged' if damaged else 'whole'} {codec}: {error or 'taken'}"] += 1
                assert damaged or not error, (codec, error)
                self.stored += 0 if error else len(portion)

    async def _produce(self, topic: str, partition: int, made: bytes) -> int:
        (node,) = self._client.cluster.brokers()
        request = ProduceRequest(None, -1, 30_000, [(topic, [(partition, made)])])
        answer = await self._client.send(node.nodeId, request)
        ((_, ((_, error, *_),)),) = answer.topics
        return int(error)


def _by_place(messages: list[Wire]) -> dict[tuple[str, int], list[Wire]]:
    found: dict[tuple[str, int], list[Wire]] = {}
    for message in messages:
        found.setdefault((message.topic, message.partition), []).append(message)
    return found


class Soak:
    """One run: a broker, a worker, and so many messages."""

    def __init__(self, folder: Path, kafka: Kafka, count: int, seed: int) -> None:
        self._count = count
        self._dice = Random(seed)
        self._hostile = Hostile(
            Random(seed), partitions=PARTITIONS, environment="production", offices=OFFICES
        )
        keys = folder / "keys.json"
        write_secrets(keys, SECRETS)
        settings = {"PUHUI_ENVIRONMENT": "production", "PUHUI_KEYS_FILE": str(keys), "PUHUI_ROW_MEMORY": ROWS}
        self._installation = Installation(
            folder / "installation", kafka.bootstrap, partitions=PARTITIONS, settings=settings
        )
        self._memory: list[int] = []
        self._broken = 0

    def run(self) -> dict[str, Any]:
        """All of it; AssertionError where something does not hold."""
        worker = self._installation.worker("--once")
        process = psutil.Process(worker.pid)
        began = time.monotonic()
        told = asyncio.run(self._publish(worker, process))
        self._broken = sum(
            number for name, number in told.items() if name.startswith("damaged") and "taken" in name
        )
        wait_until(lambda: not worker.running or not self._installation.behind(), "all is taken in", PATIENCE)
        seconds = time.monotonic() - began
        self._installation.wait_until_taken_in(PATIENCE)
        worker.signal(15, patience=120)
        assert worker.status == 0, worker.last_words()
        return {
            "messages": self._count,
            "seconds": round(seconds),
            "batches": dict(sorted(told.items())),
        } | self._checked()

    async def _publish(self, worker: Server, process: psutil.Process) -> Counter[str]:
        publisher, taken = Publisher(self._installation.bootstrap, self._dice), Taken(self._installation)
        await publisher.open()
        await publisher.send(self._hostile.first())
        for sent in range(0, self._count, PORTION):
            await publisher.send(list(self._hostile.messages(min(PORTION, self._count - sent))))
            while publisher.stored - taken() > AHEAD and worker.running:
                await asyncio.sleep(0.05)
            assert worker.running, worker.last_words()
            self._memory.append(process.memory_full_info().uss)
        taken.close()
        await publisher.close()
        return publisher.answers

    # what is there in the end

    def _checked(self) -> dict[str, Any]:
        """Check the store and the answers; what they come to."""
        ends = Cluster.ask(self._installation.kafka).ends()
        rejected, passed_over = _answers(self._installation.bootstrap)
        with closing(self._installation.open()) as store:
            found = allowed.outcomes(store)
            hidden = sum(ends.values()) - found.total() - passed_over
            assert 0 <= hidden <= self._broken, (hidden, found, passed_over, ends)
            facts = allowed.only_allowed_facts(store)
            allowed.bridges_close(store)
            allowed.register_is_the_fold(store, self._installation.store)
        tenths = self._tenths()
        second, last = mean(tenths[3:6]), mean(tenths[7:])
        return {
            "records": sum(ends.values()),
            "outcomes": dict(found) | {"not unpacked": passed_over, "behind another of their offset": hidden},
            "facts": facts,
            "answers": dict(rejected.most_common()),
            "memory by tenths, MB": [round(used) for used in tenths],
            "flat": last <= second * (1 + GROWTH),
        }

    def _tenths(self) -> list[float]:
        """The mean of the worker's memory in each tenth of the run, in MB."""
        each = len(self._memory)
        seen = [used / 1e6 for used in self._memory for _ in range(10)]
        return [mean(seen[at : at + each]) for at in range(0, 10 * each, each)]


def _answers(bootstrap: str) -> tuple[Counter[str], int]:
    """Check all that left on `rejected-events`: how many by rule, and how many records went with another's answer."""
    found: Counter[str] = Counter()
    passed_over = 0
    for value in _values(bootstrap, REJECTED_EVENTS):
        found[check_answer(value)] += 1
        passed_over += speaks_for(value) - 1
    return found, passed_over


def _values(bootstrap: str, topic: str) -> Iterator[bytes]:
    with closing(Consumer({"bootstrap.servers": bootstrap, "group.id": "soak"})) as consumer:
        there = consumer.list_topics(topic, timeout=30).topics[topic].partitions
        ends = {p: consumer.get_watermark_offsets(TopicPartition(topic, p), 30)[1] for p in there}
        consumer.assign([TopicPartition(topic, partition, 0) for partition, end in ends.items() if end])
        left = sum(ends.values())
        while left:
            read = consumer.consume(min(left, 5_000), 30)
            assert read, f"{left} messages of {topic} do not come"
            left -= len(read)
            for message in read:
                value = message.value()
                assert value is not None, message.error()
                yield value


def main() -> int:
    """Run it, and print the report; 1 where the memory is not flat."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="puhui-soak-") as folder:
        kafka = Kafka(Path(folder) / "kafka")
        kafka.start()
        try:
            report = Soak(Path(folder), kafka, given.messages, given.seed).run()
        finally:
            kafka.kill()
    json.dump(report, sys.stdout, ensure_ascii=False, indent=2)
    print()
    return 0 if report["flat"] else 1


if __name__ == "__main__":
    sys.exit(main())
