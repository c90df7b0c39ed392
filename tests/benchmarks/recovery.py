"""After a kill, and out of nothing: how soon a worker takes in again, how fast the log is replayed."""

import time
from contextlib import closing
from tempfile import TemporaryDirectory
from typing import Final

from aggregates.facts import decode_record
from aggregates.registry import REGISTRY_BOOK
from aggregates.store import Store, open_store
from projections.rebuilding.running import rebuild
from tests.benchmarks.live import measure, quantile
from tests.benchmarks.rows import Row
from tests.benchmarks.scene import Scene
from tests.benchmarks.throughput import times
from tests.benchmarks.worker import Worker

BEHIND: Final = 200_000


def delays(scene: Scene) -> dict[str, Row]:
    """Delays of a worker whose store has the whole load."""
    url, folder = scene.sqlite, scene.folder / f"delay-{scene.number}"
    rate, seconds = 5_000, 10.0 if scene.quick else 20.0
    with Worker(scene.broker, url, folder, scene.environment, kept=True) as worker:
        worker.wait(lambda count: count >= scene.events)
        began, cpu = time.perf_counter(), worker.cpu()
        found = measure(
            scene.broker, scene.environment, worker.positions, rate=rate, seconds=seconds, seed=scene.number
        )
        cores = (worker.cpu() - cpu) / (time.perf_counter() - began)
    scene.shown.delays = found
    events = f"{len(found.commits):,} events, {cores:.2f} cores"
    alerts = f"{len(found.alerts)} alerts" + (f", {found.lost} of them never read" if found.lost else "")
    return {
        "delay_commit_p50": Row(quantile(found.commits, 0.5), events),
        "delay_commit": Row(quantile(found.commits, 0.99), events),
        "delay_alert_p50": Row(quantile(found.alerts, 0.5), alerts),
        "delay_alert": Row(quantile(found.alerts, 0.99), alerts),
    }


def restart(scene: Scene) -> dict[str, Row]:
    """Kill a worker that has hardly written anything back; its supervisor starts it again."""
    url, folder = scene.url("restart"), scene.folder / f"restart-{scene.number}"
    with Worker(scene.broker, url, folder, scene.environment, flush_every=10_000_000) as worker:
        worker.wait(lambda count: count > 0)
        with closing(open_store(url, read_only=True)) as store:
            behind = _frozen_far_behind(worker, store, 0.9 * scene.events)
            worker.kill()
            began, before = time.perf_counter(), sum(store.positions().values())
            while sum(store.positions().values()) <= before:
                if time.perf_counter() - began > 60:
                    raise TimeoutError("the worker took nothing in within a minute after a kill")
                time.sleep(0.005)
            seconds, opened_in = time.perf_counter() - began, worker.opened_in
    told = f"{behind:,} facts behind the watermarks; {opened_in} s of it opened the books and applied these"
    return {"restart": Row(seconds, told)}


def _frozen_far_behind(worker: Worker, store: Store, at_most: float) -> int:
    """Freeze the worker when so many facts as are wanted are not written back, or most events are taken in; how many."""
    wanted = BEHIND * 1.02
    while True:
        upto = min(wanted, at_most)
        worker.wait(lambda count, upto=upto: count >= upto)  # type: ignore[misc]  # bound at once
        worker.freeze()
        behind = facts_behind(store)
        if behind >= BEHIND or wanted >= at_most:
            return behind
        worker.thaw()
        wanted += 1.2 * (BEHIND - behind)


def facts_behind(store: Store) -> int:
    """The number of facts in commit records behind the watermarks."""
    return sum(
        len(decode_record(state).facts)
        for name, watermark, *_ in store.books()
        if not name.startswith(REGISTRY_BOOK)
        for _, state in store.records(name, watermark)
    )


def replay(scene: Scene) -> dict[str, Row]:
    """Replay all commit records into a fresh store, compared with what is stored: `puhui rebuild --into`."""
    with TemporaryDirectory() as folder:
        report = rebuild(scene.sqlite, f"sqlite:{folder}/fresh.sqlite", processes=2)
    if report.differences or not report.whole:
        told = f"{report.differences} differences: the store is not what its log says"
        return {"replay": Row(None, told, failed=True)}
    told = f", {report.facts:,} facts, each compared"
    return {"replay": times(report.facts / report.seconds, told, scene.agent, scene.lean)}
