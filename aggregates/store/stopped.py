"""Stopped writers on SQLite: who was stopped by a signal in the middle of a transaction is ended, for it holds up all.

Linux tells which process holds a file's write lock: the lock byte is of SQLite's documented format of the index of the
write-ahead log. Where it does not tell, nobody is ended.
"""

import os
import re
import signal
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

SILENT: Final = 3.0
"""Seconds that a stopped process may hold a file: less than Kafka waits for any worker's sign of life."""
LOOK_EVERY: Final = 0.5
_LOCKS: Final = Path("/proc/locks")
_HELD: Final = re.compile(r"\d+: POSIX +ADVISORY +WRITE (?P<process>\d+) (?P<index>\w+:\w+:\d+) 120 120")
"""How it tells of a write lock that is held, and not of one that is waited for; a file is told by its volume and number."""


def writer(file: Path) -> int | None:
    """The process that is in the middle of a writing transaction on a file; None where there is none, or none is seen."""
    with suppress(OSError):
        index = _told(file.with_name(f"{file.name}-shm").stat())
        for line in _LOCKS.read_text().splitlines():
            if (lock := _HELD.fullmatch(line)) and lock["index"] == index:
                return int(lock["process"])
    return None


def _told(file: os.stat_result) -> str:
    """A file as Linux tells it; another volume may have one of the same number."""
    return f"{os.major(file.st_dev):02x}:{os.minor(file.st_dev):02x}:{file.st_ino}"


def is_stopped(process: int) -> bool:
    """Was it stopped by a signal, or by a debugger?"""
    with suppress(OSError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] in ("T", "t")
    return False


class Guard(threading.Thread):
    """Looks after the writers of some files, in a thread of its own: the worker's may wait for a stopped one itself."""

    def __init__(self, files: Iterable[Path]) -> None:
        super().__init__(name="stopped writers", daemon=True)
        self._files = tuple(files)
        self._seen: dict[tuple[Path, int], float] = {}
        self._stop_asked = threading.Event()

    def stop(self) -> None:
        """End soon."""
        self._stop_asked.set()

    def run(self) -> None:
        """Look again and again."""
        while not self._stop_asked.wait(LOOK_EVERY):
            self._look()

    def _look(self) -> None:
        now = time.monotonic()
        held = {(file, pid) for file in self._files if (pid := writer(file)) and is_stopped(pid)}
        self._seen = {one: self._seen.get(one, now) for one in held}
        for (file, pid), since in self._seen.items():
            if now - since >= SILENT:
                end(file, pid)


def end(file: Path, process: int) -> None:
    """End a stopped writer; its number may be another process's by now, so it is looked at once more, by its handle."""
    with suppress(OSError):
        handle = os.pidfd_open(process)
        try:
            if writer(file) == process and is_stopped(process):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
        finally:
            os.close(handle)
