"""What all real parts have in common: a process that is started, waited for, stopped and killed."""

from __future__ import annotations

import grp
import pwd
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypedDict

from streams.broker import end_with_parent


class Unready(RuntimeError):
    """A part did not start; the message ends with the last lines of its log."""


class Server:
    """One process that can be started again and again; it ends with the tests."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """Whether the process is there, asleep or not."""
        return self._process is not None and self._process.poll() is None

    @property
    def status(self) -> int | None:
        """The exit status, None while the process is there."""
        return None if self._process is None else self._process.poll()

    @property
    def pid(self) -> int:
        """The running process."""
        assert self._process is not None, "not started"
        return self._process.pid

    def launch(
        self,
        command: Sequence[str],
        ready: Callable[[], bool],
        *,
        user: str | None = None,
        end: int = signal.SIGKILL,
        patience: float = 60.0,
    ) -> None:
        """Start the process and return when it is ready; it gets the signal `end` when the tests end."""
        assert not self.running, "already started"
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                preexec_fn=end_with_parent(end),
                cwd=self.log.parent,
                **as_user(user),
            )
        deadline = time.monotonic() + patience
        while not ready():
            if not self.running or time.monotonic() > deadline:
                what = "not ready in time" if self.running else f"ended with status {self._process.poll()}"
                self.signal(signal.SIGKILL)
                raise Unready(f"{command[0]}: {what}\n{self.last_words()}")
            time.sleep(0.05)

    def signal(self, number: int, patience: float | None = 30.0) -> None:
        """Send a signal, and wait for the end unless the patience is None; a process that is gone is left alone."""
        if self._process is None or not self.running:
            return
        self._process.send_signal(number)
        if patience is not None:
            self._process.wait(patience)

    def kill(self) -> None:
        """End the process at once: nothing is flushed, nobody is told."""
        self.signal(signal.SIGKILL)

    def pause(self) -> None:
        """Freeze the process: it keeps its connections and says nothing."""
        self.signal(signal.SIGSTOP, patience=None)

    def resume(self) -> None:
        """Let a frozen process go on."""
        self.signal(signal.SIGCONT, patience=None)

    def last_words(self) -> str:
        """Return the end of the log."""
        return self.log.read_text(errors="replace")[-2000:] if self.log.exists() else ""


class AsUser(TypedDict, total=False):
    """The arguments of `subprocess` that change the user."""

    user: str
    group: str
    extra_groups: list[str]


def as_user(user: str | None) -> AsUser:
    """Say how `subprocess` runs a command as another user, which only root can."""
    if user is None:
        return {}
    return {"user": user, "group": grp.getgrgid(pwd.getpwnam(user).pw_gid).gr_name, "extra_groups": []}
