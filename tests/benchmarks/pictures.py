"""The charts of the page: what is drawn, and out of what."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

from tests.benchmarks.chart import Chart, Point
from tests.benchmarks.live import quantile
from tests.benchmarks.scene import Shown
from tests.benchmarks.worker import Pace, Sample

_POINTS: Final = 40
RUNS: Final = {
    "intake_sqlite": "SQLite",
    "intake_many": "SQLite, many loans",
    "intake_postgres": "PostgreSQL",
}


def draw(shown: Shown, folder: Path) -> list[tuple[str, str]]:
    """Write every chart for which something was measured, and remove the others; their titles and file names."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    for name, chart in _charts(shown):
        path = folder / f"{name}.svg"
        if any(chart.series.values()):
            path.write_text(chart.svg())
            drawn.append((chart.title, path.name))
        else:
            path.unlink(missing_ok=True)
    return drawn


def _charts(shown: Shown) -> Iterator[tuple[str, Chart]]:
    yield "throughput", Chart(
        "Throughput by batch size", "events a transaction (logarithmic)", "events/s, straight into the intake on SQLite",
        {"one core": shown.batches} if shown.batches else {}, logarithmic=True,
    )  # fmt: skip
    costs = {RUNS[name]: _costs(pace) for name, pace in shown.paces.items() if name in RUNS}
    yield "history", Chart("Cost against history", "million events in the store", "µs of CPU an event", costs)
    yield (
        "latency",
        Chart("Latency at 5,000 events/s", "ms (logarithmic)", "% of the events", _latency(shown), True),
    )
    memory = {}
    if "intake_many" in shown.paces:
        memory = {"one worker on SQLite": _memory(shown.paces["intake_many"], shown.many)}
    yield "memory", Chart("Memory by loans", "million loans in the store", "MB resident", memory)


def _costs(pace: Pace) -> list[Point]:
    """What events cost, part of the way by part."""
    parts = pairwise(_some(pace.samples))
    return [
        (after.events / 1e6, (after.cpu - before.cpu) / (after.events - before.events) * 1e6)
        for before, after in parts
        if after.events > before.events
    ]


def _memory(pace: Pace, loans: int) -> list[Point]:
    return [(sample.events / 1e6, sample.rss / 1e6) for sample in _some(pace.upto(loans).samples)]


def _latency(shown: Shown) -> dict[str, list[Point]]:
    if shown.delays is None:
        return {}
    found = {"committed": shown.delays.commits, "alert read": shown.delays.alerts}
    shares = [n / 200 for n in range(200)] + [0.999]
    return {
        name: [(max(1.0, quantile(values, share)), share * 100) for share in shares]
        for name, values in found.items()
        if values
    }


def _some(samples: Sequence[Sample]) -> list[Sample]:
    """A few of many samples, the first and the last among them."""
    step = max(1, len(samples) // _POINTS)
    return [*samples[:-1:step], samples[-1]] if samples else []
