"""One worker process from its start to its end: what `puhui worker --once` runs."""

import asyncio
import ctypes
import gc
import signal
from collections.abc import Callable
from typing import Final, cast

from aggregates.store import Store, open_store
from aggregates.store.chain import chain_key
from projections.notice import Desk
from puhui.admission import check_listening
from puhui.settings import Settings
from streams.alertmanager import Notifier
from streams.app import App, build_app, or_end
from streams.authentic import Keyring
from streams.broker import is_embedded
from streams.cluster import Cluster
from streams.connecting import connection
from streams.ending import Status, Undecided, end_now, log, sentence_of, set_up_logging, status_of
from streams.engine import Engine, Evaluator
from streams.exposing import expose
from streams.progress import Leaving
from streams.sender import Sender
from streams.ticking import Ticker
from streams.transport import Consumer
from streams.watching import Watcher

PATIENCE: Final = 20.0
"""Seconds that a stop in good order may take."""
QUIET: Final = (200_000, 50, 1000)
"""Thresholds of the garbage collector: nothing of the books is garbage, and looking for it costs a tenth."""
LARGE: Final = 256 * 1024
"""Bytes from which on a block of memory goes back to the kernel by itself: what Kafka hands over, columns of figures."""
_MMAP_THRESHOLD: Final = -3
"""M_MMAP_THRESHOLD of glibc's <malloc.h>."""

MakeEvaluator = Callable[[Settings, Store, Engine], Evaluator | None]


def run_worker(settings: Settings, evaluator: MakeEvaluator = lambda settings, store, engine: None) -> int:
    """Take events in until a signal says stop; the exit status. An error on the way ends the process at once."""
    if settings.metrics_port:
        check_listening(settings.http_host, settings.http_token)
    set_up_logging(settings.log_level)
    kafka, keyring = connection(settings), Keyring(settings)
    try:
        cluster = Cluster.ask(kafka)
        store = _opened(settings, cluster.partitions)
    except Exception as error:  # whichever library fails: one sentence and a status
        log.critical("the worker does not start: %s", sentence_of(error))
        return status_of(error)
    gc.freeze()
    gc.set_threshold(*QUIET)
    keep_large_blocks_apart()
    return asyncio.run(_run(settings, store, cluster, keyring, evaluator))


def keep_large_blocks_apart() -> None:
    """Large blocks of memory lie outside the heap, in which they would leave holes; where the C library is another one, as it does."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, LARGE)


def _opened(settings: Settings, partitions: int) -> Store:
    store = open_store(settings.store, key=chain_key(settings.chain_key), partitions=partitions)
    environment = store.claim("environment", settings.environment)
    if environment != settings.environment:
        raise Undecided(
            f"the store belongs to the environment {environment}, PUHUI_ENVIRONMENT says {settings.environment}"
        )
    return store


async def _run(
    settings: Settings, store: Store, cluster: Cluster, keyring: Keyring, evaluator: MakeEvaluator
) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    engine = Engine(settings, store, cluster)
    keyring.follow(engine.intake)
    sender = Sender(store, cluster.kafka, engine.sends, idempotent=not is_embedded(cluster.cluster_id))
    engine.wake = sender.wake
    engine.evaluator = evaluator(settings, store, engine)
    notifier = _notifier(settings, store, engine)
    leaving = Leaving(lambda: dict(sender.sent), lambda: sender.failures, lambda: notifier.told)
    app = build_app(settings, engine)
    await app.start()
    log.info("the worker runs: %s, environment %s", cluster.cluster_id, settings.environment)
    watcher = Watcher(engine, settings.group, cast(Consumer, app.consumer))
    work = (
        Ticker(engine).run(), watcher.run(), sender.run(), notifier.run(), expose(settings, engine, leaving)
    )  # fmt: skip
    beside = [asyncio.create_task(or_end(one)) for one in work]
    await app.wait_first(stop.wait())
    if not stop.is_set():
        end_now(app.crash_reason or RuntimeError("Faust has stopped"))
    for task in beside:
        task.cancel()
    await _stop(app, engine, sender)
    store.close()
    log.info("the worker has stopped")
    return Status.STOPPED


def _notifier(settings: Settings, store: Store, engine: Engine) -> Notifier:
    """Who tells the Alertmanagers, while this worker presides."""
    addresses = settings.console_url, settings.runbook_url
    desk = Desk(settings.environment, *addresses, lambda: engine.intake.registry.institutions)
    return Notifier(store, settings.alertmanagers, desk, lambda: engine.presides)


async def _stop(app: App, engine: Engine, sender: Sender) -> None:
    """Stop in good order, as long as there is patience."""
    try:
        async with asyncio.timeout(PATIENCE):
            await or_end(_end(engine, sender))
            await app.stop()
    except TimeoutError:
        log.warning("the stop took too long and was broken off: nothing is lost")


async def _end(engine: Engine, sender: Sender) -> None:
    engine.close()
    await sender.close()
    engine.step_down()
