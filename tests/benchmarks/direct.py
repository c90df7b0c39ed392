"""Events straight into the intake, without Kafka: where the time goes; `python -m tests.benchmarks.direct`."""

import argparse
import cProfile
import gc
import io
import os
import pstats
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

import psutil

from aggregates.partitioning import partition_of
from aggregates.store import Store, open_store
from puhui.contract.catalogue import LOAN_EVENTS, REGISTRY_EVENTS
from streams.arrival import Source
from streams.intake import Intake
from streams.running import QUIET
from tests.benchmarks.load import INSTITUTIONS, PARTITIONS, REGISTERED_AT, load, registrations
from tests.benchmarks.wire import Published


@dataclass(slots=True)
class FakeRecord:
    """A record as a consumer hands it over."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()


FETCH: Final = 3_000
"""Records of one fetch: about what Kafka hands over in one mebibyte."""
_HOME: Final = [partition_of(code, PARTITIONS) for code in INSTITUTIONS]
_KEYS: Final = [code.encode() for code in INSTITUTIONS]


@dataclass
class Direct:
    """Takes the load in as a worker would, a fetch of one partition at a time."""

    store: Store
    environment: str = "test"
    flush_every: int = 250_000
    intake: Intake = field(init=False)
    chunks: int = 0
    longest: float = 0.0
    seconds: float = 0.0
    cpu: float = 0.0

    def __post_init__(self) -> None:
        self.intake = Intake(self.store, environment=self.environment, flush_every=self.flush_every)
        self.intake.open()

    def register(self) -> None:
        """Let the office register all institutions."""
        by_partition: dict[int, list[FakeRecord]] = defaultdict(list)
        for key, value in registrations(self.environment):
            records = by_partition[partition_of(key, PARTITIONS)]
            records.append(FakeRecord(len(records), REGISTERED_AT, key.encode(), value))
        for partition, records in by_partition.items():
            self._take(Source(f"b/{REGISTRY_EVENTS}/{partition}", REGISTRY_EVENTS, partition, 8), records)

    def feed(self, fetches: Iterable[tuple[int, list[FakeRecord]]]) -> int:
        """Take fetches in; how many events they held."""
        events = 0
        for partition, records in fetches:
            self._take(Source(f"b/{LOAN_EVENTS}/{partition}", LOAN_EVENTS, partition, PARTITIONS), records)
            events += len(records)
        return events

    def _take(self, source: Source, records: list[FakeRecord]) -> None:
        began, cpu = time.perf_counter(), time.thread_time()
        last = began
        for _ in self.intake.take(source, records, records[0].offset, records[-1].offset + 1):
            now = time.perf_counter()
            self.longest, last, self.chunks = max(self.longest, now - last), now, self.chunks + 1
        self.seconds += time.perf_counter() - began
        self.cpu += time.thread_time() - cpu


def fetches(
    events: Iterable[Published], size: int = FETCH, offsets: dict[int, int] | None = None
) -> Iterator[tuple[int, list[FakeRecord]]]:
    """The records of each partition in fetches, as a worker far behind would get them.

    `offsets` is where each partition goes on; it is moved on.
    """
    waiting: dict[int, list[FakeRecord]] = defaultdict(list)
    offsets = defaultdict(int) if offsets is None else offsets
    for at, institution, value in events:
        partition = _HOME[institution]
        records = waiting[partition]
        records.append(FakeRecord(offsets[partition], at, _KEYS[institution], value))
        offsets[partition] += 1
        if len(records) == size:
            yield partition, waiting.pop(partition)
    yield from waiting.items()


class Outcome(NamedTuple):
    """What one run came to."""

    events: int
    seconds: float
    cpu: float
    chunks: int
    longest: float
    stages: dict[str, float]
    bytes_per_event: float
    rss: int
    counted: dict[str, int]


def run(
    events: int, loans: int, days: int, environment: str, url: str, profile: cProfile.Profile | None = None
) -> Outcome:
    """Take in the first events of a load, and write back what is dirty at the end."""
    history = load(loans, days, environment)
    before = psutil.Process().memory_info().rss
    store = open_store(url)
    direct = Direct(store, environment)
    direct.register()
    direct.chunks, direct.longest, direct.seconds, direct.cpu = 0, 0.0, 0.0, 0.0
    direct.intake.seconds.clear()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*QUIET)  # as a worker does
    if profile:
        profile.enable()
    count = direct.feed(fetches(islice(history, events)))
    if profile:
        profile.disable()
    stages = dict(direct.intake.seconds)
    rss = psutil.Process().memory_info().rss - before
    direct.intake.flush_all()
    counted: dict[str, int] = defaultdict(int)
    for _, result, rule, _, number in store.counted():
        counted[f"{result} {rule}".strip()] += number
    size = settled_size(store, url)
    return Outcome(
        count, direct.seconds, direct.cpu, direct.chunks, direct.longest, stages, size / count, rss,
        dict(sorted(counted.items())),
    )  # fmt: skip


def settled_size(store: Store, url: str) -> int:
    """Bytes on disk after a checkpoint."""
    if url.startswith("sqlite:"):
        import sqlite3

        with sqlite3.connect(url.removeprefix("sqlite:")) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return store.size()


def show(found: Outcome) -> None:
    """Print what was measured."""
    print(
        f"{found.events:,} events in {found.seconds:.2f} s: {found.events / found.seconds:,.0f} events/s",
        end="",
    )
    print(f" ({found.cpu:.2f} s of CPU: {found.cpu / found.events * 1e6:.1f} µs an event)")
    print(
        f"{found.chunks:,} chunks of {found.events / found.chunks:.0f}, longest {found.longest * 1e3:.0f} ms"
    )
    for stage, seconds in found.stages.items():
        print(f"  {stage:8} {seconds / found.events * 1e6:6.2f} µs an event")
    print(f"{found.bytes_per_event:.1f} bytes an event, {found.rss / 1e6:.0f} MB more resident memory")
    print("counted:", ", ".join(f"{name} {number:,}" for name, number in found.counted.items()))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.direct", description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--loans", type=int, default=300_000)
    parser.add_argument("--days", type=int, default=1_095)
    parser.add_argument("--environment", default="test", choices=("test", "production"))
    parser.add_argument("--profile", type=Path, help="write the 25 dearest functions into this file")
    given = parser.parse_args()
    profile = cProfile.Profile() if given.profile else None
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:{os.path.join(folder, 'store.sqlite')}"
        show(run(given.events, given.loans, given.days, given.environment, url, profile))
    if profile:
        text = io.StringIO()
        pstats.Stats(profile, stream=text).sort_stats("tottime").print_stats(25)
        given.profile.write_text(text.getvalue())


if __name__ == "__main__":
    main()
