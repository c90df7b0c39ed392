"""Measure: `python -m tests.benchmarks [--quick] [--only NAME …] [--write]`; exit status 1 where a demand is not met."""

import argparse
import json
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from aggregates.store import StoreFailed
from tests.benchmarks import box, page
from tests.benchmarks.direct import build
from tests.benchmarks.figures import figures
from tests.benchmarks.kafka import a_broker
from tests.benchmarks.load import YEARS, load
from tests.benchmarks.recovery import delays, replay, restart
from tests.benchmarks.rows import DEMANDS, Row, as_json, as_table, median
from tests.benchmarks.throughput import Scene, agent, postgres, sqlite
from tests.benchmarks.worker import WorkerEnded

LOANS: Final = 320_000
QUICK_LOANS: Final = 40_000
_RATIOS: Final = frozenset({"intake_sqlite", "intake_postgres", "replay"})
_ON_SQLITE: Final = frozenset({"intake_sqlite", "rules_on_off", "bytes_per_event", "memory"})
_DELAYS: Final = frozenset({"delay_commit", "delay_alert"})
_FIGURES: Final = frozenset({"figures_balance", "figures_customers"})
_AGENT: Final = frozenset({"agent", "agent_lean"})
_POSTGRES: Final = frozenset({"intake_postgres"})
_RESTART: Final = frozenset({"restart"})
_REPLAY: Final = frozenset({"replay"})
_ON_KAFKA: Final = _RATIOS | _ON_SQLITE | _DELAYS | _AGENT | {"restart"}


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@contextmanager
def _scene(folder: Path, environment: str, quick: bool) -> Iterator[Scene]:
    history = load(QUICK_LOANS if quick else LOANS, YEARS, environment)
    with a_broker(folder / "broker") as broker:
        broker.register(environment)
        events = broker.publish(history)
        _say(f"{events:,} events lie on {broker.name}")
        yield Scene(broker, folder, environment, events, quick)


def _tried(names: frozenset[str], rows: Callable[[], dict[str, Row]]) -> dict[str, Row]:
    """These rows, or that they broke down: the others are measured all the same."""
    try:
        return rows()
    except (WorkerEnded, TimeoutError, StoreFailed, LookupError) as error:
        told = " ".join(str(error).split())[:300]
        return {name: Row(None, f"{type(error).__name__}: {told}", failed=True) for name in names}


def _round(scene: Scene, wanted: frozenset[str]) -> dict[str, Row]:
    """Every row that needs a broker, once. The delays come last: they add events to the topic."""
    rows: dict[str, Row] = {}
    steps: list[tuple[frozenset[str], frozenset[str], Callable[[], dict[str, Row]]]] = [
        (_AGENT, _AGENT | _RATIOS, lambda: agent(scene)),
        (_ON_SQLITE, _ON_SQLITE | _DELAYS | {"replay"}, lambda: sqlite(scene, wanted)),
        (_POSTGRES, _POSTGRES, lambda: {"intake_postgres": postgres(scene)}),
        (_RESTART, _RESTART, lambda: {"restart": restart(scene)}),
        (_REPLAY, _REPLAY, lambda: {"replay": replay(scene.stores["sqlite"], scene.agent)}),
    ]
    for names, needed_for, step in steps:
        if wanted & needed_for:
            rows |= _tried(names & wanted, step)
    return rows


def measure(wanted: frozenset[str], environment: str, quick: bool) -> dict[str, Row]:
    """All wanted rows; each the median of its runs."""
    found: dict[str, list[Row]] = defaultdict(list)
    url = ""
    with tempfile.TemporaryDirectory(prefix="puhui-benchmarks-") as name:
        folder = Path(name)
        if wanted & _ON_KAFKA:
            with _scene(folder, environment, quick) as scene:
                for scene.number in range(1 if quick else 3):
                    for row_name, row in _round(scene, wanted).items():
                        found[row_name].append(row)
                        _say(f"{row_name}: {row.value} {row.reason}")
                if wanted & _DELAYS:
                    for scene.number in range(1 if quick else 3):
                        for row_name, row in _tried(wanted & _DELAYS, lambda: delays(scene)).items():
                            found[row_name].append(row)
                url = scene.stores.get("sqlite", "")
        if wanted & _FIGURES:
            if not url:
                url = f"sqlite:{folder / 'figures.sqlite'}"
                build(url, load(QUICK_LOANS if quick else LOANS, YEARS, environment), environment)
            for row_name, row in figures(url).items():
                found[row_name].append(row)
    if "demo_box" in wanted:
        found["demo_box"].append(box.demo())
    return {
        row_name: median(found[row_name]) for row_name in DEMANDS if row_name in wanted and row_name in found
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="about 240,000 events, each row once")
    parser.add_argument("--only", nargs="+", choices=list(DEMANDS), default=list(DEMANDS), metavar="NAME")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    parser.add_argument(
        "--environment", choices=("production", "test"), default="production",
        help="production: the worker's clock; test: the clock of the records, so a transaction ends with their day",
    )  # fmt: skip
    given = parser.parse_args()
    rows = measure(frozenset(given.only), given.environment, given.quick)
    print(as_table(rows))
    if given.write:
        page.write(rows, given.environment, given.quick)
    print(json.dumps(as_json(rows), ensure_ascii=False))
    return int(any(row.ok(name) is False for name, row in rows.items()))


if __name__ == "__main__":
    sys.exit(main())
