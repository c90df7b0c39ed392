"""The supervisor: `puhui worker` starts the worker as a child and, when it fails, again, after growing pauses."""

import os
import signal
import subprocess
import sys
import threading
import time
from typing import Final

from puhui.settings import Settings
from streams.broker import end_with_parent
from streams.ending import HOPELESS, Status, log, set_up_logging

FIRST_PAUSE: Final = 0.2
LONGEST_PAUSE: Final = 10.0
HEALTHY: Final = 60.0
"""Seconds after which a worker that ran counts as healthy: earlier failures are forgotten."""
PATIENCE: Final = 40
"""Seconds that a worker may take to stop before it is ended."""
CHILD: Final = (sys.executable, "-m", "puhui.cli", "worker", "--no-supervise")


class Supervisor:
    """Keeps one worker running until it is told to stop; the worker never outlives it."""

    def __init__(self, restarts: int, command: tuple[str, ...] = CHILD) -> None:
        self._restarts = restarts
        self._command = command
        self._stop = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None

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
        self._child = subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # a terminal's Ctrl-C reaches it through us alone
            preexec_fn=end_with_parent(signal.SIGKILL) if sys.platform == "linux" else None,
        )
        if self._stop.is_set():
            self._child.terminate()
        return self._child.wait()

    def _on_signal(self, number: int, frame: object) -> None:
        self._stop.set()
        signal.alarm(PATIENCE)
        self._tell(signal.SIGTERM)

    def _on_alarm(self, number: int, frame: object) -> None:
        log.error("the worker does not stop: it is ended, nothing is lost")
        self._tell(signal.SIGKILL)

    def _tell(self, number: int) -> None:
        if self._child is not None and self._child.poll() is None:
            os.kill(self._child.pid, number)


def supervise(settings: Settings) -> int:
    """Run the worker under a supervisor; the exit status."""
    set_up_logging(settings.log_level)
    return Supervisor(settings.restarts).run()


def _told(status: int) -> str:
    return f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
