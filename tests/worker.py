"""A worker without Kafka: messages of the contract go straight into the intake, partition by partition."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aggregates.partitioning import partition_of
from aggregates.store import Store, open_store
from projections.ledger import Ledger
from streams.arrival import Source
from streams.flushing import ROW_BYTES
from streams.intake import Intake

PARTITIONS = 4


@dataclass
class FakeRecord:
    """A record as a consumer hands it over."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()


Content = tuple[bytes | None, bytes | None, Sequence[tuple[str, bytes | None]]]
"""Key, value and headers of a record."""


@dataclass
class DirectWorker:
    """Takes messages in as a worker would; `clock` is milliseconds of the records' timestamps."""

    store: Store
    environment: str = "test"
    clock: int = 1_704_067_200_000
    flush_every: int = 250_000
    row_bytes: int = ROW_BYTES
    intake: Intake = field(init=False)
    offsets: dict[tuple[str, int], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.intake = Intake(
            self.store,
            environment=self.environment,
            flush_every=self.flush_every,
            row_bytes=self.row_bytes,
        )
        self.intake.open()

    def send(self, messages: Iterable[tuple[str, str, bytes]], *, at: int | None = None) -> None:
        """Take in messages (topic, key, value) as one fetch a partition."""
        self.fetch(
            (
                ((topic, partition_of(key, PARTITIONS)), (key.encode(), value, ()))
                for topic, key, value in messages
            ),
            at=at,
        )

    def fetch(self, records: Iterable[tuple[tuple[str, int], Content]], *, at: int | None = None) -> None:
        """Take in records, whatever they hold, wherever they lie (topic and partition), as one fetch a partition."""
        batches: dict[tuple[str, int], list[FakeRecord]] = {}
        for place, (key, value, headers) in records:
            offset = self.offsets.get(place, 0)
            self.offsets[place] = offset + 1
            record = FakeRecord(offset, self.clock if at is None else at, key, value, tuple(headers))
            batches.setdefault(place, []).append(record)
        for (topic, partition), fetched in batches.items():
            source = Source(f"test/{topic}/{partition}", topic, partition, PARTITIONS)
            sent: list[Any] = fetched
            for _ in self.intake.take(source, sent, fetched[0].offset, fetched[-1].offset + 1):
                pass

    def ledger(self) -> Ledger:
        """The figures as a reader sees them now."""
        ledger = Ledger(self.store)
        ledger.follow()
        return ledger


def direct_worker(path: Path, **options: Any) -> DirectWorker:
    """A worker on a fresh SQLite file."""
    return DirectWorker(open_store(f"sqlite:{path}"), **options)
