"""Show figures to Prometheus: the one module that knows its client.

Figures are made beside the scrapes and kept as text; what a worker says of itself is put in front of it at each scrape.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import Final, Protocol

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from projections.board import Board
from projections.metrics import METRICS, Kind, Metric
from projections.readings import Sample

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4
"""Of what `Exporter.text` returns."""
Family = GaugeMetricFamily | CounterMetricFamily
Place = tuple[str, int]
"""A topic and the number of a partition."""


class Worker(Protocol):
    """What a worker says of itself, in plain numbers; nothing of Kafka and nothing of Faust."""

    @property
    def tracked(self) -> Mapping[Place, int]:
        """The next offset to take in of each partition that it owns."""

    @property
    def ends(self) -> Mapping[Place, int]:
        """The end of each partition, as Kafka last told it."""

    @property
    def ends_at(self) -> float | None:
        """When Kafka told it (seconds since 1970)."""

    @property
    def oldest(self) -> Mapping[Place, float]:
        """The age in seconds of the oldest event that waits in each partition; 0 where none waits."""

    @property
    def stages(self) -> Mapping[str, float]:
        """Seconds spent on batches by stage, and under `recover` on opening the books."""

    @property
    def parked(self) -> Mapping[str, int]:
        """Events that wait for something, by institution."""

    @property
    def behind(self) -> int:
        """Facts that are not written back to the register yet."""

    @property
    def assignments(self) -> int:
        """How often it was given its partitions."""

    @property
    def ready(self) -> bool:
        """Is it assigned, recovered and reading?"""

    @property
    def healthy(self) -> bool:
        """Do its positions move, or is there nothing to do?"""


class Samples(Collector):
    """Samples as families, in the order of the table; a metric without a sample is left out."""

    def __init__(self, samples: Callable[[], Iterable[Sample]]) -> None:
        self._samples = samples

    def collect(self) -> Iterator[Family]:
        """What a registry asks at each scrape."""
        found: dict[str, list[Sample]] = {}
        for sample in self._samples():
            found.setdefault(sample.metric.name, []).append(sample)
        for name, metric in METRICS.items():
            if name in found:
                yield _family(metric, found[name])


def _family(metric: Metric, samples: Iterable[Sample]) -> Family:
    make = GaugeMetricFamily if metric.kind is Kind.GAUGE else CounterMetricFamily
    family: Family = make(metric.name, metric.help, labels=metric.labels)
    for sample in samples:
        family.add_metric(sample.labels, sample.value)
    return family


def text(*collectors: Collector) -> bytes:
    """What these collectors tell, as Prometheus reads it."""
    registry = CollectorRegistry(auto_describe=False)
    for collector in collectors:
        registry.register(collector)
    return generate_latest(registry)


class Exporter:
    """One exposition: the figures of a board as they were when it was last `take`n, and a worker's state as it is now.

    `take` is called by whoever refreshes the board, in one thread; `text` by any thread, and it asks no store.
    """

    def __init__(self, worker: Callable[[], Worker | None] = lambda: None) -> None:
        self._worker = worker
        self._figures: tuple[bytes, Hashable] = (b"", None)
        self._updated_at: float | None = None
        self._refresh = 0.0
        self.failures = 0
        self._process = ProcessCollector(registry=None)

    def take(self, board: Board) -> None:
        """Keep the board's samples as text."""
        self._figures = text(Samples(board.samples)), board.share

    def updated(self, at: float, seconds: float | None = None) -> None:
        """The figures hold all that was stored by then (seconds since 1970); they took so much CPU time, if any."""
        self._updated_at = at
        self._refresh = self._refresh if seconds is None else seconds

    def text(self, share: Hashable = None) -> bytes:
        """The exposition; without the figures when they are those of an earlier share: another worker may show them."""
        figures, shown = self._figures
        own = text(Samples(self._state), self._process)
        return own + figures if shown == share else own

    def _state(self) -> Iterator[Sample]:
        if self._updated_at is not None:
            yield _one("puhui_figures_updated_timestamp_seconds", self._updated_at)
            yield _one("puhui_figures_refresh_seconds", self._refresh)
        yield _one("puhui_figures_failures_total", self.failures)
        worker = self._worker()
        if worker is not None:
            yield from worker_readings(worker)


def worker_readings(worker: Worker) -> Iterator[Sample]:
    """A worker's state as samples."""
    for (topic, partition), offset in sorted(worker.tracked.items()):
        place = (topic, str(partition))
        yield _one("puhui_partition_tracked_offset", offset, *place)
        if (topic, partition) in worker.ends:
            yield _one("puhui_partition_end_offset", worker.ends[topic, partition], *place)
        if (topic, partition) in worker.oldest:
            yield _one("puhui_oldest_unprocessed_seconds", worker.oldest[topic, partition], *place)
    if worker.ends_at is not None:
        yield _one("puhui_partition_ends_timestamp_seconds", worker.ends_at)
    for stage in ("decide", "pack", "write"):
        yield _one("puhui_batch_seconds_total", worker.stages.get(stage, 0.0), stage)
    yield _one("puhui_recovery_seconds", worker.stages.get("recover", 0.0))
    for institution, events in sorted(worker.parked.items()):
        yield _one("puhui_parked_events", events, institution)
    yield _one("puhui_register_behind_facts", worker.behind)
    yield _one("puhui_assignments_total", worker.assignments)
    yield _one("puhui_assigned_partitions", len(worker.tracked))
    yield _one("puhui_ready", worker.ready)
    yield _one("puhui_healthy", worker.healthy)


def _one(metric: str, value: float, *labels: str) -> Sample:
    return Sample(METRICS[metric], labels, float(value))
