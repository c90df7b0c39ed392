"""Measure: `python -m tests.benchmarks [--quick] [--only NAME …] [--write]`; exit status 1 where a demand is not met.

A full run writes docs/benchmarks.md and its charts.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.benchmarks import page
from tests.benchmarks.batches import by_batch_size
from tests.benchmarks.kafka import a_broker
from tests.benchmarks.load import YEARS, load
from tests.benchmarks.plan import LIVE, ONCE, ROUND, Run, wanted_steps
from tests.benchmarks.rows import DEMANDS, Row, as_json, as_table
from tests.benchmarks.scene import Scene, Shown

LOANS: Final = 320_000
QUICK_LOANS: Final = 40_000
MINUTES: Final = 28.0
QUICK_MINUTES: Final = 4.2
"""What is begun then is done within five."""


def measure(run: Run, scene: Scene) -> None:
    """All wanted rows."""
    try:
        with _load_on_a_broker(run, scene):
            run.rounds(ROUND, scene)
            run.rounds(LIVE, scene)
    except Exception as error:  # no broker, or no load, for whatever reason: the other rows are measured
        run.broken((*ROUND, *LIVE), error)
    run.once(ONCE, scene)


@contextmanager
def _load_on_a_broker(run: Run, scene: Scene) -> Iterator[None]:
    if not run.wants((*ROUND, *LIVE)):
        yield
        return
    history = load(QUICK_LOANS if scene.quick else LOANS, YEARS, scene.environment)
    run.say(f"the load has {history.events:,} events of {history.loans:,} loans")
    with a_broker(scene.folder / "broker") as broker:
        broker.register(scene.environment)
        scene.lies_on(broker, broker.publish(history))
        run.say(f"it lies on {broker.name}")
        yield


def _batches(run: Run, scene: Scene) -> None:
    """For the page: what does not come out is not on it."""
    run.say("throughput by batch size …")
    try:
        history = load(QUICK_LOANS, YEARS, scene.environment)
        scene.shown.batches = by_batch_size(history, scene.folder, scene.environment)
    except Exception as error:  # whatever it is: the rows are measured, and are told
        run.say(f"  {type(error).__name__}: {error}")


def _run(wanted: frozenset[str], given: argparse.Namespace, write: bool) -> tuple[dict[str, Row], Shown]:
    minutes = given.minutes or (QUICK_MINUTES if given.quick else MINUTES)
    run = Run(wanted, minutes * 60, strict=given.quick)
    with tempfile.TemporaryDirectory(prefix="puhui-benchmarks-") as name:
        scene = Scene(Path(name), given.environment, given.quick)
        try:
            measure(run, scene)
        finally:
            scene.close()
        if write:
            _batches(run, scene)
    run.say("done")
    return run.rows(), scene.shown


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="about 240,000 events, each row once")
    parser.add_argument("--only", nargs="+", choices=list(DEMANDS), default=list(DEMANDS), metavar="NAME")
    parser.add_argument("--write", action="store_true", help="write the page after such a partial run too")
    parser.add_argument(
        "--minutes",
        type=float,
        help=f"when they are over, nothing is measured again ({MINUTES:g}), and in a quick run nothing at all ({QUICK_MINUTES:g})",
    )
    parser.add_argument(
        "--environment", choices=("production", "test"), default="production",
        help="production: the worker's clock; test: the clock of the records, so a transaction ends with their day",
    )  # fmt: skip
    given = parser.parse_args()
    write = given.write or not (given.quick or set(given.only) < set(DEMANDS))
    rows, shown = _run(wanted_steps(given.only), given, write)
    print(as_table(rows))
    print(json.dumps(as_json(rows), ensure_ascii=False))
    if write:
        page.write(rows, shown, quick=given.quick)
    return int(any(row.ok(name) is False for name, row in rows.items()))


if __name__ == "__main__":
    sys.exit(main())
