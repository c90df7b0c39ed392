"""The demo: from nothing to alerts with everything embedded: broker, worker, page, and a county that publishes.

Three years of history as fast as it can be taken in, then the box, then one simulated day every few seconds.
"""

import asyncio
import gc
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kafka.errors import KafkaError

from puhui.admission import check_listening
from puhui.commands import WRONG, failed
from puhui.settings import Settings
from streams.broker import BrokerFailed, free_port, is_free, start_broker
from streams.demo_box import Addresses
from streams.demo_children import Children
from streams.demo_course import Course, DemoFailed
from streams.demo_watching import Watched
from streams.simulation import county
from streams.topics import ensure_topics, topics

PARTITIONS: Final = 4
FLUSH_EVERY: Final = 1_000_000
"""Rows of the register are written back seldom: all of the history fits into memory."""


@dataclass(frozen=True, slots=True)
class Options:
    """What `puhui demo` was asked for."""

    exit: bool = False
    seed: int = 1
    days_per_second: float = 0.25
    folder: Path | None = None
    port: int | None = None


def run_demo(options: Options, settings: Settings) -> int:
    """Run the demo to its end or to a signal (0); 2 for a folder that is not empty, 3 where something failed."""
    began = time.monotonic()
    try:
        if options.folder is not None and options.folder.exists() and any(options.folder.iterdir()):
            return failed(f"the folder {options.folder} is not empty", WRONG)
    except OSError as error:
        return failed(f"{options.folder} cannot be written: {error.strerror}")
    gc.set_threshold(200_000, 50, 1000)  # the county is no garbage: looking for it costs a third
    try:
        with _signals():
            _run(options, settings, began)
    except KeyboardInterrupt:
        pass
    except (DemoFailed, BrokerFailed, KafkaError, OSError) as error:
        return failed(error)
    return 0


def _run(options: Options, settings: Settings, began: float) -> None:
    """Start everything in this thread, play, and stop everything: the worker first, the broker last."""
    check_listening(settings.http_host, settings.http_token)
    with (
        _folder(options.folder) as folder,
        start_broker(log=folder / "broker.log") as broker,
        closing(Watched(f"sqlite:{folder / 'puhui.db'}")) as watched,
    ):
        report = ensure_topics(broker.bootstrap, topics(PARTITIONS, PARTITIONS))
        if not report.good:
            raise DemoFailed("; ".join(map(str, report.differences)))
        page, metrics = _port(settings, options.port, settings.http_port), _metrics_port(settings)
        with Children(
            folder, _environment(settings, broker.bootstrap, watched.url, page, metrics)
        ) as children:
            children.start("worker", "worker")
            children.start("page", "serve")
            addresses = _addresses(settings.http_host, page, metrics, broker.bootstrap)
            course = Course(broker.bootstrap, PARTITIONS, children, watched, addresses, began)
            try:
                asyncio.run(
                    course.play(county(options.seed), None if options.exit else options.days_per_second)
                )
            finally:
                _deaf()


def _addresses(host: str, page: int, metrics: int, broker: str) -> Addresses:
    """Where all of it answers."""
    named = f"[{host}]" if ":" in host else host
    shown = f"http://{named}:{metrics}/metrics" if metrics else ""
    return Addresses(f"http://{named}:{page}/", shown, broker)


def _environment(settings: Settings, bootstrap: str, store: str, page: int, metrics: int) -> dict[str, str]:
    """The settings of the children."""
    return {
        "PUHUI_BROKER": bootstrap,
        "PUHUI_STORE": store,
        "PUHUI_ENVIRONMENT": "demo",
        "PUHUI_PARTITIONS": str(PARTITIONS),
        "PUHUI_MEMBER": "demo",
        "PUHUI_FLUSH_EVERY": str(FLUSH_EVERY),
        "PUHUI_METRICS_PORT": str(metrics),
        "PUHUI_HTTP_HOST": settings.http_host,
        "PUHUI_HTTP_TOKEN": settings.http_token,
        "PUHUI_HTTP_PORT": str(page),
        "PUHUI_LOG_LEVEL": settings.log_level,
    }


def _port(settings: Settings, wanted: int | None, usual: int) -> int:
    """The port that was asked for, else the usual one where it is free, else any."""
    if wanted is not None:
        if not is_free(settings.http_host, wanted):
            raise DemoFailed(f"the port {wanted} is taken")
        return wanted
    return usual if usual and is_free(settings.http_host, usual) else free_port()


def _metrics_port(settings: Settings) -> int:
    return _port(settings, None, settings.metrics_port) if settings.metrics_port else 0


@contextmanager
def _folder(given: Path | None) -> Iterator[Path]:
    """The folder that was asked for, which stays; else one that is removed at the end."""
    if given is not None:
        given.mkdir(parents=True, exist_ok=True)
    with nullcontext(str(given)) if given else tempfile.TemporaryDirectory(prefix="puhui-demo-") as folder:
        yield Path(folder)


@contextmanager
def _signals() -> Iterator[None]:
    """Let SIGTERM end the demo as Ctrl-C does, and give back at the end what was set before."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _deaf() -> None:
    """Everything stops now, within moments: another Ctrl-C would only leave something behind."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
