"""After a kill, and out of nothing: how soon a worker takes in again, how fast the log is replayed."""

import time
from contextlib import closing
from tempfile import TemporaryDirectory
from typing import Final

from aggregates.facts import decode_record
from aggregates.registry import REGISTRY_BOOK
from aggregates.store import Store, open_store
from projections.rebuilding.running import rebuild
from tests.benchmarks.live import measure, p99
from tests.benchmarks.rows import Row
from tests.benchmarks.throughput import Scene
from tests.benchmarks.worker import Worker

BEHIND: Final = 200_000


def delays(scene: Scene) -> dict[str, Row]:
    """Delays of a worker whose store has the whole load."""
    url = scene.stores["sqlite"]
    rate, seconds = 5_000, 10.0 if scene.quick else 20.0
    with Worker(scene.broker, url, scene.folder / f"delay-{scene.number}", scene.environment) as worker:
        worker.wait(lambda count: count >= scene.events)
        found = measure(
            scene.broker, scene.environment, worker.positions, rate=rate, seconds=seconds, seed=scene.number
        )
    told = f"p50 {found.commits[len(found.commits) // 2]:.0f} ms of {len(found.commits):,} events"
    rows = {"delay_commit": Row(p99(found.commits), told)}
    if found.alerts:
        middle = found.alerts[len(found.alerts) // 2]
        rows["delay_alert"] = Row(p99(found.alerts), f"p50 {middle:.0f} ms of {len(found.alerts)} alerts")
    else:
        rows["delay_alert"] = Row(None, "no wrong figure raised an alert: the worker evaluates no rules yet")
    return rows


def restart(scene: Scene) -> Row:
    """Kill a worker that has written nothing back; its supervisor starts it again."""
    url, folder = scene.url("restart"), scene.folder / f"restart-{scene.number}"
    with Worker(scene.broker, url, folder, scene.environment, flush_every=10_000_000) as worker:
        worker.wait(lambda count: count >= BEHIND * 1.01)
        with closing(open_store(url, read_only=True)) as store:
            worker.kill()
            began = time.perf_counter()
            behind, before = facts_behind(store), sum(store.positions().values())
            while sum(store.positions().values()) <= before and time.perf_counter() - began < 60:
                time.sleep(0.005)
            seconds = time.perf_counter() - began
    return Row(seconds, f"{behind:,} facts behind the watermarks")


def facts_behind(store: Store) -> int:
    """The number of facts in commit records behind the watermarks."""
    return sum(
        len(decode_record(state).facts)
        for name, watermark, *_ in store.books()
        if not name.startswith(REGISTRY_BOOK)
        for _, state in store.records(name, watermark)
    )


def replay(url: str, agent: float) -> Row:
    """Replay all commit records into a fresh store, compared with what is stored: `puhui rebuild --into`."""
    with TemporaryDirectory() as folder:
        report = rebuild(url, f"sqlite:{folder}/fresh.sqlite", processes=2)
    if report.differences or not report.whole:
        return Row(None, f"{report.differences} differences: the store is not what its log says", failed=True)
    told = f"{report.facts / report.seconds:,.0f} facts/s, {report.facts:,} facts, each compared"
    if not agent:
        return Row(None, told + ", but the agent was not measured")
    return Row(report.facts / report.seconds / agent, told)
