"""How fast events are taken in through Kafka, against an empty agent on the same topic."""

import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from aggregates.store import open_store
from tests.benchmarks.direct import settled_size
from tests.benchmarks.kafka import Broker
from tests.benchmarks.rows import Row
from tests.benchmarks.worker import ROOT, Pace, Worker
from tests.parts import Absent
from tests.parts.postgres import Postgres


@dataclass
class Scene:
    """One round: a broker with the load on it, a folder, and the measure once it is taken."""

    broker: Broker
    folder: Path
    environment: str
    events: int
    quick: bool
    number: int = 0
    agent: float = 0.0
    stores: dict[str, str] = field(default_factory=dict)

    def url(self, name: str) -> str:
        """A fresh SQLite file of this round."""
        return f"sqlite:{self.folder / f'{name}-{self.number}.sqlite'}"


def agent(scene: Scene) -> dict[str, Row]:
    """Events per second of the empty agent, the measure of this round; and of a lean one."""
    rows = {"agent": _agent(scene), "agent_lean": _agent(scene, "lean")}
    scene.agent = rows["agent"].value or 0.0
    return rows


def _agent(scene: Scene, *how: str) -> Row:
    limit = min(scene.events, 120_000 if scene.quick else 200_000)
    command = [sys.executable, "-m", "tests.benchmarks.agent", scene.broker.bootstrap, str(limit), *how]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    except subprocess.TimeoutExpired:
        return Row(None, "the agent did not come to an end in two minutes")
    if done.returncode or "[" not in done.stdout:
        return Row(None, f"the agent ended with status {done.returncode}: {done.stderr[-300:].strip()}")
    found = [line for line in done.stdout.splitlines() if line.startswith("[")]
    events, seconds, cpu = json.loads(found[-1])
    return Row(events / seconds, f"{events:,} events, {scene.broker.name}, {cpu / seconds:.2f} cores")


def _take_in(scene: Scene, name: str, url: str, upto: int, rules: bool) -> Pace:
    folder = scene.folder / f"{name}-{scene.number}"
    with Worker(scene.broker, url, folder, scene.environment, rules=rules) as worker:
        return worker.pace(upto)


def _times(scene: Scene, pace: Pace) -> Row:
    if not scene.agent:
        return Row(None, f"{pace.rate:,.0f} events/s, but the agent was not measured")
    return Row(
        pace.rate / scene.agent,
        f"{pace.rate:,.0f} events/s over {pace.events:,} events, {pace.cpu / pace.seconds:.2f} cores",
    )


def sqlite(scene: Scene, wanted: frozenset[str]) -> dict[str, Row]:
    """Everything that runs on SQLite show: pace with rules and without, bytes, memory."""
    url = scene.url("intake")
    pace = _take_in(scene, "intake", url, scene.events, rules=True)
    scene.stores["sqlite"] = url
    store = open_store(url)
    size, alerts = settled_size(store, url), len(store.alerts())
    store.close()
    rows = {
        "intake_sqlite": _times(scene, pace),
        "bytes_per_event": Row(size / scene.events, f"{size / 1e6:,.0f} MB for {scene.events:,} events"),
        "memory": Row(pace.rss / 1e6, f"while {pace.events:,} events were taken in"),
    }
    if not alerts:
        told = "the load has wrong figures and no alert was raised: the worker evaluates no rules yet"
        rows["intake_sqlite"] = rows["intake_sqlite"]._replace(
            reason=f"{rows['intake_sqlite'].reason}; {told}"
        )
        rows["rules_on_off"] = Row(None, told)
    elif "rules_on_off" in wanted:
        without = _take_in(scene, "without", scene.url("without"), scene.events, rules=False)
        told = f"{pace.rate:,.0f} against {without.rate:,.0f} events/s, {alerts:,} alerts"
        rows["rules_on_off"] = Row(pace.rate / without.rate, told)
    return {name: row for name, row in rows.items() if name in wanted}


def postgres(scene: Scene) -> Row:
    """The same on PostgreSQL, for the first events of the load."""
    try:
        server = Postgres()
    except Absent as absent:
        return Row(None, str(absent))
    server.start()
    try:
        upto = min(scene.events, 150_000 if scene.quick else 600_000)
        return _times(scene, _take_in(scene, "postgres", server.create_database(), upto, rules=True))
    finally:
        server.remove()
