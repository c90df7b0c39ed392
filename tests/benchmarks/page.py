"""The page `docs/benchmarks.md`: the figures of the last full run, and what bounds them."""

import os
import platform
import sqlite3
import sys
import tempfile
from collections.abc import Iterable
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Final

import psutil

from tests.benchmarks.direct import Outcome, run
from tests.benchmarks.load import YEARS
from tests.benchmarks.rows import DEMANDS, Row
from tests.benchmarks.worker import ROOT

_STAGES: Final = {
    "decide": "decode, group by institution, fetch rows, decide, evolve, post movements",
    "pack": "commit records, and rows of the register that are written back",
    "write": "the transaction, synced to disk",
}
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


def write(rows: dict[str, Row], environment: str, quick: bool) -> None:
    """Write the page."""
    with tempfile.TemporaryDirectory() as folder:
        stages = run(200_000, 32_000, YEARS, environment, f"sqlite:{folder}/stages.sqlite")
    kind = "a quick run: one measurement each" if quick else "a full run: the median of three"
    text = "\n".join(
        [
            "# Benchmarks",
            "",
            f"Made by `make bench ARGS=--write` on {date.today().isoformat()}, {kind}. Each row is a promise that the run",
            "checks. Ratios are taken within one run, on one broker and one topic, because machines differ and change. `cores`",
            "says how much of a core the measured process got: far below one, something else ran on the machine.",
            "",
            *_table(rows),
            "",
            _machine(),
            "",
            "The load: 30 institutions, their sizes falling as 1/k; loans issued, repaid in instalments, renewed, extended,",
            "overdue, classified and written off over three years; credit lines and profiles of some customers; two reported",
            "balances an institution and month, now and then a wrong one; 1 % of the events late by 1 to 20 days, 0.5 %",
            "delivered twice. It is the same in every run.",
            "",
            *_bounds(stages),
            "",
            _PEERS.rstrip(),
            "",
        ]
    )
    path = ROOT / "docs" / "benchmarks.md"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


def _table(rows: dict[str, Row]) -> Iterable[str]:
    yield "| row | what it says | measured | demanded | met | runs, details |"
    yield "|---|---|---|---|---|---|"
    for name, row in rows.items():
        demand = DEMANDS[name]
        value = "not measured" if row.value is None else f"{row.value:,.4g} {demand.unit}"
        met = {True: "yes", False: "**no**", None: ""}[row.ok(name) if demand.limit is not None else None]
        yield f"| `{name}` | {demand.meaning} | {value} | {demand} | {met} | {row.reason} |"


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


def _bounds(found: Outcome) -> Iterable[str]:
    yield "## What bounds it"
    yield ""
    pace, cpu = found.events / found.seconds, found.cpu / found.events * 1e6
    yield f"Without Kafka, {found.events:,} events straight into the intake on SQLite ({found.chunks:,} transactions,"
    yield f"the longest {found.longest * 1e3:.0f} ms): {pace:,.0f} events/s on one core, {cpu:.1f} µs"
    yield "of CPU an event. By stage:"
    yield ""
    yield "| stage | what it does | µs an event |"
    yield "|---|---|---|"
    for stage, what in _STAGES.items():
        yield f"| {stage} | {what} | {found.stages.get(stage, 0.0) / found.events * 1e6:.1f} |"
    yield ""
    yield "- `intake_sqlite`, `intake_postgres`, `rules_on_off`: one core of Python, which is full; the broker needs little."
    yield "- `delay_commit`, `delay_alert`: the message path of Faust and one sync to disk a batch; batches grow with the load."
    yield "- `restart`: the start of Python and Faust and joining the group; then the facts behind the watermarks."
    yield "- `replay`: evolving in Python on both cores; `bytes_per_event`: commit records and rows of the register."
    yield "- `figures_balance`, `figures_customers`: sums over columns in memory; loading them is not counted in."
