"""The simulated county played into a worker without Kafka: taken in and judged day by day, as a worker would do it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from itertools import groupby

import msgspec

from aggregates.facts import AlertChanged, decode_record
from aggregates.partitioning import partition_of
from projections.alerts import ALERT_BOOK, Alert
from projections.judging import Judge
from projections.views import Figures
from puhui.policy.periods import BEIJING, microseconds
from streams.arrival import Source
from streams.simulation import Message
from tests.worker import PARTITIONS, DirectWorker, FakeRecord

_decode = msgspec.json.Decoder(Alert).decode


def known(text: str) -> int:
    """The instant (µs) of `2024-10-18`, at its start, or of a moment, +08:00."""
    moment = (
        datetime.fromisoformat(text) if "T" in text else datetime.combine(date.fromisoformat(text), time())
    )
    return microseconds(moment.replace(tzinfo=BEIJING))


@dataclass
class Play:
    """A worker and its judge."""

    worker: DirectWorker
    judge: Judge = field(init=False)

    def __post_init__(self) -> None:
        self.judge = Judge(self.worker.store, by_record_clock=True)

    @property
    def figures(self) -> Figures:
        """The figures as the judge has them."""
        return self.judge.figures

    def take(self, messages: Iterable[Message]) -> None:
        """Take in and judge messages in the order of recording, a day at a time."""
        for _, day in groupby(messages, key=lambda message: message.recorded_at.date()):
            clock = 0
            for source, records in self._fetches(day):
                for taken in self.worker.intake.take(
                    source, records, records[0].offset, records[-1].offset + 1
                ):
                    self.judge.after(taken.reported)
                clock = max(clock, records[-1].timestamp * 1000)
            self.worker.intake.expire(clock)
            self.judge.tick(clock)

    def _fetches(self, messages: Iterable[Message]) -> Iterator[tuple[Source, list[FakeRecord]]]:
        """One fetch a partition, `registry-events` first: a bank is registered before it reports."""
        batches: dict[tuple[str, int], list[FakeRecord]] = {}
        for message in messages:
            place = (message.topic, partition_of(message.key, PARTITIONS))
            offset = self.worker.offsets.get(place, 0)
            self.worker.offsets[place] = offset + 1
            stamp = microseconds(message.recorded_at) // 1000
            batches.setdefault(place, []).append(
                FakeRecord(offset, stamp, message.key.encode(), message.value)
            )
        for (topic, partition), records in sorted(batches.items(), reverse=True):
            yield Source(f"test/{topic}/{partition}", topic, partition, PARTITIONS), records

    def changes(self) -> Iterator[Alert]:
        """Every state that an alert ever had, in order."""
        for _, state in self.worker.store.records(ALERT_BOOK):
            for fact in decode_record(state).facts:
                if isinstance(fact, AlertChanged):
                    yield _decode(fact.alert)

    def counted(self) -> Mapping[tuple[str, str], int]:
        """Events by result and rule."""
        found: dict[tuple[str, str], int] = {}
        for _, result, rule, _, events in self.worker.store.counted():
            found[result, rule] = found.get((result, rule), 0) + events
        return found
