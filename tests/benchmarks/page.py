"""The page `docs/benchmarks.md` and its charts: the figures of the last full run, and what bounds them."""

import os
import platform
import sqlite3
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Final

import psutil

from tests.benchmarks.pictures import RUNS, draw
from tests.benchmarks.rows import DEMANDS, Row
from tests.benchmarks.scene import Shown
from tests.benchmarks.worker import ROOT, Pace

_STAGES: Final = {
    "decide": "decode, group by institution, fetch rows, decide, evolve, post movements",
    "pack": "commit records, and rows of the register that are written back",
    "write": "the transaction, synced to disk",
    "judge": "rules and alerts",
}
_REST: Final = "Kafka's client, Faust, the loop, figures for /metrics, waiting"
_BOUNDS: Final = """\
- `intake_sqlite`, `intake_many`, `rules_on_off`: one core of Python, which is full; the broker needs little. With many
  loans an event's rows are seldom in memory any more, so fetching them is what is added.
- `intake_sqlite_two`: two such cores, less what broker and system need of them; no worker waits for the other's file.
- `intake_postgres`: the same core, and round trips to the server, which shares the machine.
- `intake_postgres_two`: two cores for two workers, the server and the broker. `lock_waits`: books of one worker are no
  other's, so what is left are moments in which both extend the same table.
- `delay_commit`, `delay_alert`: the message path of Faust and one sync to disk a batch; batches grow with the load.
- `restart`: joining the group and the first fetch; then the facts behind the watermarks.
- `rebalance`: the group protocol (all stop, all join), then opening the books of the partitions that were given.
- `replay`: evolving and comparing in Python on both cores.
- `bytes_per_event`: commit records and rows of the register. `memory`, `memory_many`: rows in the cache, those that are not
  written back yet, and the columns of the figures.
- `figures_balance`, `figures_customers`: sums over columns in memory; loading them is not counted in.
- `demo_box`: the environment out of the cache of packages, then the demo's events on one core."""
_PEERS: Final = """\
## Measured elsewhere

Figures of other programs, measured on another day by other code on two cores, with producer and broker beside them.
They do the same kind of work, not the same work, so they give an order of magnitude; nothing above is compared with
them by a test.

| program | events/s | memory | to its output, p99 at 5,000 events/s |
|---|---|---|---|
| Kafka Streams 4.3.1, exactly once, 1 thread, RocksDB: duplicates, loans and cells; no history, no alerts | 36,170 | 1,347 MB | 1,227 ms |
| the same, at least once | 38,124 | 1,383 MB | 1,133 ms |
| Quix Streams, a keyed aggregate with state and changelog | 24,268 | | |
| Bytewax, a keyed aggregate in memory only | 46,229 | | |
| Faust 0.15.3, one event at a time, an agent that only counts | 6,558 | | |
"""


def write(rows: Mapping[str, Row], shown: Shown, *, quick: bool, folder: Path = ROOT / "docs") -> None:
    """Write the page and its charts; what was not measured is not on it."""
    folder.mkdir(exist_ok=True)
    drawn = draw(shown, folder / "benchmarks")
    kind = "a quick run: one measurement each" if quick else "a full run: the median of three"
    text = "\n".join(
        [
            "# Benchmarks",
            "",
            f"Made by `make bench` on {date.today().isoformat()}, {kind}. Each row is a promise that the run checks. Ratios are",
            "taken within one run, on one broker and one topic, because machines differ and change. `cores` says how much of the",
            "machine the measured processes got: far below one each, something else ran on it.",
            "",
            *_table(rows),
            "",
            _machine(),
            "",
            "The load: 30 institutions, their sizes falling as 1/k; loans issued, repaid in instalments, renewed, extended,",
            "overdue, classified and written off over three years; credit lines and profiles of some customers; two reported",
            "balances an institution and month, now and then a wrong one; 1 % of the events late by 1 to 20 days, 0.5 %",
            "delivered twice. It is the same in every run. For `intake_many` all loans are issued first, and then repaid a",
            "little here and there, any of them as likely as any other of its institution.",
            "",
            *_charts(drawn),
            *_bounds(shown),
            "",
            _PEERS.rstrip(),
            "",
        ]
    )
    (folder / "benchmarks.md").write_text(text)


def _table(rows: Mapping[str, Row]) -> Iterator[str]:
    yield "| row | what it says | measured | demanded | met | runs, details |"
    yield "|---|---|---|---|---|---|"
    for name, row in rows.items():
        demand = DEMANDS[name]
        value = "not measured" if row.value is None else f"{_shown(row.value)} {demand.unit}"
        met = {True: "yes", False: "**no**", None: ""}[row.ok(name) if demand.limit is not None else None]
        demanded = f"{demand} (first {demand.before})" if demand.before else str(demand)
        yield f"| `{name}` | {demand.meaning} | {value} | {demanded} | {met} | {row.reason.replace('|', '/')} |"


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 1_000 else f"{value:,.4g}"


def _machine() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    cpu = next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")),
        platform.machine(),
    )
    memory = psutil.virtual_memory().total / 2**30
    parts = ", ".join(
        f"{name} {version(name)}" for name in ("faust-streaming", "aiokafka", "eventsourcing", "msgspec")
    )
    python = f"Python {sys.version.split()[0]}, SQLite {sqlite3.sqlite_version}"
    return f"The machine: {os.cpu_count()} cores ({cpu}), {memory:.0f} GiB, {platform.system()}; {python}, {parts}."


def _charts(drawn: Iterable[tuple[str, str]]) -> Iterator[str]:
    for title, name in drawn:
        yield f"![{title}](benchmarks/{name})"
        yield ""


def _bounds(shown: Shown) -> Iterator[str]:
    yield "## What bounds it"
    yield ""
    told = {name: pace for name, pace in shown.paces.items() if pace.stages and name in RUNS}
    if told:
        yield "Where the time of an event goes, in µs and as a share, as the workers of this run told it themselves:"
        yield ""
        yield from _profile(told)
        yield ""
    yield _BOUNDS


def _profile(paces: Mapping[str, Pace]) -> Iterator[str]:
    yield f"| stage | what it does | {' | '.join(RUNS[name] for name in paces)} |"
    yield f"|---|---|{'---|' * len(paces)}"
    for stage, what in _STAGES.items():
        parts = [_part(pace.stages.get(stage, 0.0), pace) for pace in paces.values()]
        yield f"| {stage} | {what} | {' | '.join(parts)} |"
    rests = [
        _part(1 / pace.rate - sum(pace.stages.get(s, 0.0) for s in _STAGES), pace) for pace in paces.values()
    ]
    yield f"| rest | {_REST} | {' | '.join(rests)} |"
    wholes = [f"{1e6 / pace.rate:.1f} ({pace.cores:.2f} cores)" for pace in paces.values()]
    yield f"| whole | | {' | '.join(wholes)} |"


def _part(seconds: float, pace: Pace) -> str:
    return f"{max(0.0, seconds) * 1e6:.1f} ({max(0.0, seconds) * pace.rate:.0%})"
