"""How fast events are taken in through Kafka, against an empty agent on the same topic."""

import json
import subprocess
import sys
from contextlib import closing

from aggregates.store import open_store
from tests.benchmarks.direct import settled_size
from tests.benchmarks.rows import Row
from tests.benchmarks.scene import Scene
from tests.benchmarks.worker import ROOT, Pace, Worker
from tests.parts import Absent


def agent(scene: Scene) -> dict[str, Row]:
    """Events per second of the empty agent, the measure of this round; and of a lean one."""
    rows = {"agent": _agent(scene), "agent_lean": _agent(scene, "lean")}
    scene.agents.append(rows["agent"].value or 0.0)
    scene.lean = rows["agent_lean"].value or 0.0
    return rows


def _agent(scene: Scene, *how: str) -> Row:
    limit = min(scene.events, 120_000 if scene.quick else 200_000)
    command = [sys.executable, "-m", "tests.benchmarks.agent", scene.broker.bootstrap, str(limit), *how]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    except subprocess.TimeoutExpired:
        return Row(None, "the agent did not come to an end in two minutes", failed=True)
    found = [line for line in done.stdout.splitlines() if line.startswith("[")]
    if done.returncode or not found:
        told = f"the agent ended with status {done.returncode}: {done.stderr[-300:].strip()}"
        return Row(None, told, failed=True)
    events, seconds, cpu = json.loads(found[-1])
    return Row(events / seconds, f"{events:,} events, {scene.broker.name}, {cpu / seconds:.2f} cores")


def times(rate: float, told: str, agent: float, lean: float = 0.0) -> Row:
    """So many times as fast as the agent."""
    if not agent:
        return Row(None, f"{rate:,.0f} events/s{told}, but the agent was not measured")
    beside = f", {rate / lean:.2f} × the lean agent" if lean else ""
    return Row(rate / agent, f"{rate:,.0f} events/s{told}{beside}")


def _row(scene: Scene, name: str, pace: Pace) -> Row:
    scene.shown.paces[name] = pace
    told = f" over {pace.events:,} events, {pace.cores:.2f} cores"
    return times(pace.rate, told, scene.agent, scene.lean)


def sqlite(scene: Scene) -> dict[str, Row]:
    """Everything that a run over the whole load on SQLite shows: pace, bytes, memory."""
    url, folder = scene.url("intake"), scene.folder / f"intake-{scene.number}"
    with Worker(scene.broker, url, folder, scene.environment, kept=True) as worker:
        pace = worker.pace(scene.events)
    scene.is_in(url)
    with closing(open_store(url)) as store:
        size = settled_size(store, url)
        taken_in = sum(store.positions().values())
    return {
        "intake_sqlite": _row(scene, "intake_sqlite", pace),
        "bytes_per_event": Row(size / taken_in, f"{size / 1e6:,.0f} MB for {taken_in:,} events"),
        "memory": Row(pace.rss / 1e6, f"while {pace.events:,} events were taken in"),
    }


def without_rules(scene: Scene) -> dict[str, Row]:
    """The same without rules, in comparison."""
    with_rules = scene.shown.paces["intake_sqlite"]
    with closing(open_store(scene.sqlite, read_only=True)) as store:
        alerts = len(store.alerts())
    if not alerts:
        return {"rules_on_off": Row(None, "the load has wrong figures and no alert was raised", failed=True)}
    url, folder = scene.url("without"), scene.folder / f"without-{scene.number}"
    with Worker(scene.broker, url, folder, scene.environment, rules=False) as worker:
        without = worker.pace(scene.events)
    told = f"{with_rules.rate:,.0f} against {without.rate:,.0f} events/s, {alerts:,} alerts"
    return {"rules_on_off": Row(with_rules.rate / without.rate, told)}


def postgres(scene: Scene) -> dict[str, Row]:
    """One worker on PostgreSQL, for the first events of the load."""
    upto = min(scene.events, 100_000 if scene.quick else 500_000)
    folder = scene.folder / f"postgres-{scene.number}"
    try:
        with scene.database() as url, Worker(scene.broker, url, folder, scene.environment) as worker:
            pace = worker.pace(upto)
    except Absent as absent:
        return {"intake_postgres": Row(None, str(absent))}
    return {"intake_postgres": _row(scene, "intake_postgres", pace)}
