"""The supervisor: `puhui worker` starts the worker as a child and, when it fails, again, after growing pauses.

The child is forked, from a parent that has imported all it needs and does nothing but wait: it is at work a second or
two earlier than a fresh interpreter.
"""

import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, NoReturn

from puhui.settings import Settings
from streams.broker import end_with_parent
from streams.ending import HOPELESS, Status, end_now, log, set_up_logging

FIRST_PAUSE: Final = 0.2
LONGEST_PAUSE: Final = 10.0
HEALTHY: Final = 60.0
"""Seconds after which a worker that ran counts as healthy: earlier failures are forgotten."""
PATIENCE: Final = 40
"""Seconds that a worker may take to stop before it is ended."""
_OURS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGALRM)


class Supervisor:
    """Keeps one worker running until it is told to stop; the worker never outlives it."""

    def __init__(self, restarts: int, work: Callable[[], int]) -> None:
        self._restarts = restarts
        self._work = work
        self._stop = threading.Event()
        self._child: int | None = None

    def run(self) -> int:
        """Run until a signal, a failure that nothing heals, or too many failures in a row; the exit status."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        signal.signal(signal.SIGALRM, self._on_alarm)
        failures = 0
        while True:
            began = time.monotonic()
            status = self._run_child()
            if self._stop.is_set():
                return Status.STOPPED if status in (Status.STOPPED, -signal.SIGTERM) else Status.FAILED
            if status == Status.STOPPED or status in HOPELESS:
                return status
            failures = 1 if time.monotonic() - began >= HEALTHY else failures + 1
            if failures > self._restarts:
                log.critical("the worker failed %d times in a row: giving up", failures)
                return Status.FAILED
            pause = min(FIRST_PAUSE * 2 ** (failures - 1), LONGEST_PAUSE)
            log.error("the worker %s: it is started again in %.1f s", _told(status), pause)
            if self._stop.wait(pause):
                return Status.STOPPED

    def _run_child(self) -> int:
        """Fork a worker and wait for its end; its exit status, or less the number of the signal that ended it."""
        bind = end_with_parent(signal.SIGKILL) if sys.platform == "linux" else lambda: None
        # A signal finds either the parent's handlers or the child.
        signal.pthread_sigmask(signal.SIG_BLOCK, _OURS)
        child = os.fork()
        if child == 0:
            self._be_the_worker(bind)
        self._child = child
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _OURS)
        if self._stop.is_set():
            self._tell(signal.SIGTERM)
        _, status = os.waitpid(child, 0)
        self._child = None
        return os.waitstatus_to_exitcode(status)

    def _be_the_worker(self, bind: Callable[[], None]) -> NoReturn:
        bind()
        os.setsid()  # a terminal's Ctrl-C reaches the worker through its supervisor alone
        for number in _OURS:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _OURS)
        try:
            status = self._work()
        except BaseException as error:
            end_now(error)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)

    def _on_signal(self, number: int, frame: object) -> None:
        self._stop.set()
        signal.alarm(PATIENCE)
        self._tell(signal.SIGTERM)

    def _on_alarm(self, number: int, frame: object) -> None:
        log.error("the worker does not stop: it is ended, nothing is lost")
        self._tell(signal.SIGKILL)

    def _tell(self, number: int) -> None:
        if self._child is not None:
            with suppress(ProcessLookupError):  # it has just ended
                os.kill(self._child, number)


def supervise(settings: Settings, work: Callable[[], int]) -> int:
    """Run the worker under a supervisor; the exit status."""
    set_up_logging(settings.log_level)
    gc.freeze()  # what is imported stays shared between parent and child
    return Supervisor(settings.restarts, work).run()


def _told(status: int) -> str:
    return f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
