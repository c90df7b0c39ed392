"""Show figures to Prometheus: the one module that knows its client.

Figures are made beside the scrapes and kept as text; what a worker says of itself is put in front of it at each scrape.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple, Protocol, cast

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from projections.board import Board
from projections.metrics import DELAYS, METRICS, Kind, Metric
from projections.readings import Distribution, Sample

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4
"""Of what `Exporter.text` returns."""
Family = GaugeMetricFamily | CounterMetricFamily | HistogramMetricFamily
Place = tuple[str, int]
"""A topic and the number of a partition."""
_FAMILIES: Final[Mapping[Kind, Any]] = {
    Kind.GAUGE: GaugeMetricFamily, Kind.COUNTER: CounterMetricFamily, Kind.HISTOGRAM: HistogramMetricFamily,
}  # fmt: skip
_BOUNDS: Final = tuple(str(bound) for bound in DELAYS)


class Told(NamedTuple):
    """How the telling of one Alertmanager gets on: notices taken, failures, and what is due and not taken."""

    notices: int
    failures: int
    waiting: int


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
    def restarts(self) -> int:
        """How often its consumer was started again in place."""

    @property
    def delays(self) -> Distribution:
        """How long events took from their record's timestamp to their commit (s)."""

    @property
    def presides(self) -> bool:
        """Does it judge for all, and send the alerts?"""

    @property
    def judged_at(self) -> float | None:
        """Alerts rest on all that was stored by then (seconds since 1970); None where it does not judge."""

    @property
    def sent(self) -> Mapping[str, int]:
        """Messages that Kafka has acknowledged, by topic."""

    @property
    def send_failures(self) -> int:
        """How often Kafka took none."""

    @property
    def told(self) -> Mapping[str, Told]:
        """How the telling of each Alertmanager gets on, by its address."""

    @property
    def outbox(self) -> Mapping[str, int]:
        """Messages that have not left yet, by topic."""

    @property
    def store_bytes(self) -> int | None:
        """The size of the store, when it was last asked."""

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
    family = _FAMILIES[metric.kind](metric.name, metric.help, labels=metric.labels)
    for sample in samples:
        if isinstance(sample.value, Distribution):
            buckets = [*zip(_BOUNDS, sample.value.within, strict=True), ("+Inf", sample.value.count)]
            family.add_metric(sample.labels, buckets=buckets, sum_value=sample.value.sum)
        else:
            family.add_metric(sample.labels, sample.value)
    return cast(Family, family)


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
    yield _one("puhui_judging_seconds_total", worker.stages.get("judge", 0.0))
    yield _one("puhui_recovery_seconds", worker.stages.get("recover", 0.0))
    yield Sample(METRICS["puhui_event_delay_seconds"], (), worker.delays)
    for institution, events in sorted(worker.parked.items()):
        yield _one("puhui_parked_events", events, institution)
    yield _one("puhui_register_behind_facts", worker.behind)
    yield _one("puhui_assignments_total", worker.assignments)
    yield _one("puhui_consumer_restarts_total", worker.restarts)
    yield _one("puhui_assigned_partitions", len(worker.tracked))
    yield _one("puhui_presides", worker.presides)
    if worker.judged_at is not None:
        yield _one("puhui_judged_timestamp_seconds", worker.judged_at)
    yield from _deliveries(worker)
    if worker.store_bytes is not None:
        yield _one("puhui_store_bytes", worker.store_bytes)
    yield _one("puhui_ready", worker.ready)
    yield _one("puhui_healthy", worker.healthy)


def _deliveries(worker: Worker) -> Iterator[Sample]:
    """What leaves: messages on Kafka, and notices to Alertmanagers."""
    for topic in sorted(worker.outbox.keys() | worker.sent.keys()):
        yield _one("puhui_outbox_messages", worker.outbox.get(topic, 0), topic)
        yield _one("puhui_sent_messages_total", worker.sent.get(topic, 0), topic)
    yield _one("puhui_send_failures_total", worker.send_failures)
    for receiver, told in sorted(worker.told.items()):
        yield _one("puhui_alertmanager_notices_total", told.notices, receiver)
        yield _one("puhui_alertmanager_failures_total", told.failures, receiver)
        yield _one("puhui_alertmanager_waiting_notices", told.waiting, receiver)


def _one(metric: str, value: float, *labels: str) -> Sample:
    return Sample(METRICS[metric], labels, float(value))
