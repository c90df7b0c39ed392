"""What a worker shows on HTTP: `/metrics`, `/-/healthy` and `/-/ready`, beside its work and never in its way.

The event loop only notes its numbers, once a second. Two threads ask the slow questions: one Kafka for the ends of the
partitions, one the store for the figures, through a connection of its own that cannot write; under load that one rests
many times as long as it works, because it shares the interpreter with the intake. A scrape reads what is there.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from typing import Final

from aggregates.store import Store, open_store
from projections.board import Board
from projections.exporter import CONTENT_TYPE, Exporter
from projections.views import Figures
from puhui.settings import Settings
from streams.ending import log, sentence_of
from streams.engine import Engine
from streams.listening import PLAIN, Answer, Server
from streams.progress import Leaving, Progress

LOOK_EVERY: Final = 1.0
ASK_EVERY: Final = 10.0
REFRESH_EVERY: Final = 2.0
SHOW_EVERY: Final = 5.0
"""Seconds after which a long refresh shows what it has so far."""
WEIGH_EVERY: Final = 5.0
"""Seconds between two questions for the size of the store and for what has not left yet."""
AGAIN: Final = 10.0
"""Seconds after a failure."""
RESTS: Final = 9.0
"""Under load: rest so many times as long as the work took."""
BACKLOG_RESTS: Final = 29.0
"""The same while a backlog is worked off: nothing of it would be fresh."""
LOAD: Final = 2.0
"""Seconds for which a worker that has taken something in counts as loaded."""


async def expose(settings: Settings, engine: Engine, leaving: Leaving | None = None) -> None:
    """Show the worker until cancelled; what a thread fails at is logged, and the intake goes on."""
    if not settings.metrics_port:
        return
    exposing = Exposing(settings, engine, leaving)
    exposing.start()
    try:
        while True:
            exposing.progress.look()
            await asyncio.sleep(LOOK_EVERY)
    finally:
        exposing.stop()


class Exposing:
    """The server and the two threads of one worker; `answers`: what it shows, by path."""

    def __init__(self, settings: Settings, engine: Engine, leaving: Leaving | None = None) -> None:
        self._settings = settings
        self._engine = engine
        self.progress = Progress(engine, leaving)
        self._weighed_at = -WEIGH_EVERY
        self.exporter = Exporter(self.progress.state)
        self._stop = threading.Event()
        self.answers: dict[str, Callable[[], Answer]] = {
            "/metrics": self._metrics,
            "/-/healthy": lambda: _judged("healthy", self.progress.why_not_healthy()),
            "/-/ready": lambda: _judged("ready", self.progress.why_not_ready()),
        }

    def start(self) -> None:
        """Start the threads; they end with the process, or at `stop`."""
        for work in (self._serve, self._ask, self._refresh):
            threading.Thread(target=work, name=f"exposing{work.__name__}", daemon=True).start()

    def stop(self) -> None:
        """Let the threads end; waits for none of them."""
        self._stop.set()

    # one thread each

    def _serve(self) -> None:
        host, port = self._settings.http_host, self._settings.metrics_port
        self._again(
            lambda: self._serve_at(host, port),
            f"figures are not shown on {host}:{port} (PUHUI_METRICS_PORT)",
            AGAIN,
        )

    def _serve_at(self, host: str, port: int) -> None:
        with Server((host, port), self._answer, self._settings.http_token) as server:
            log.info("figures are shown on http://%s:%d/metrics", host, port)
            while not self._stop.is_set():
                server.handle_request()

    def _ask(self) -> None:
        self._again(self.progress.ask, "the ends of the partitions are not known", ASK_EVERY)

    def _refresh(self) -> None:
        self._again(self._refresh_from_store, "figures are not brought up to date", REFRESH_EVERY)

    def _again(self, work: Callable[[], None], complaint: str, pause: float) -> None:
        """Do it again and again; a failure is told once, until it changes or is over."""
        told = ""
        while not self._stop.is_set():
            try:
                work()
                told = ""
            except Exception as error:  # whatever it is: showing must neither end its thread nor the intake
                self.exporter.failures += work == self._refresh_from_store
                if (said := sentence_of(error)) != told:
                    known = isinstance(error, RuntimeError | OSError)
                    log.warning("%s: %s", complaint, said, exc_info=None if known else error)
                told = said
                self._stop.wait(AGAIN)
            self._stop.wait(pause)

    # the figures

    def _refresh_from_store(self) -> None:
        """Open the store, and bring the figures up to date until something fails."""
        store = open_store(self._settings.store, read_only=True)
        try:
            board = Board(Figures(store), self._clock)
            while not self._stop.is_set():
                self._weigh(store)
                self._refresh_once(board)
                self._stop.wait(REFRESH_EVERY)
        finally:
            with suppress(Exception):  # of a store that has just failed, in whatever way its driver says so
                store.close()

    def _weigh(self, store: Store) -> None:
        if time.monotonic() - self._weighed_at >= WEIGH_EVERY:
            self._weighed_at = time.monotonic()
            self.progress.weigh(store)

    def _clock(self) -> int | None:
        return None if self._engine.intake.by_record_clock else time.time_ns() // 1000

    def _refresh_once(self, board: Board) -> None:
        began = rested = time.thread_time()
        asked_at, shown_at, changed = time.time(), time.monotonic(), False
        for _ in board.refresh(self._engine.owns, self._engine.turn):
            changed = True
            if time.monotonic() - shown_at > SHOW_EVERY:
                self.exporter.take(board)
                shown_at = time.monotonic()
            rested = self._rest(rested)
            if self._stop.is_set():
                return
        if changed:
            self.exporter.take(board)
        self.exporter.updated(asked_at, time.thread_time() - began if changed else None)
        self._rest(rested)

    def _rest(self, since: float) -> float:
        """Where events are coming in, rest for the time worked since then; the CPU time of this thread after it."""
        now = time.thread_time()
        if time.monotonic() - self._engine.moved_at < LOAD:
            rests = BACKLOG_RESTS if self._engine.intake.hurried else RESTS
            self._stop.wait(rests * (now - since))
        return now

    # answers

    def _answer(self, path: str) -> Answer:
        """The status, the type and the body for one path."""
        if path == "/":
            return HTTPStatus.OK, PLAIN, "".join(f"{path}\n" for path in self.answers).encode()
        found = self.answers.get(path)
        return found() if found else (HTTPStatus.NOT_FOUND, PLAIN, b"not found\n")

    def _metrics(self) -> Answer:
        return HTTPStatus.OK, CONTENT_TYPE, self.exporter.text(self._engine.turn)


def _judged(word: str, why_not: str) -> Answer:
    if why_not:
        return HTTPStatus.SERVICE_UNAVAILABLE, PLAIN, f"not {word}: {why_not}\n".encode()
    return HTTPStatus.OK, PLAIN, f"{word}\n".encode()
