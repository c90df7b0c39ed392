"""The processes of the demo beside its own: each a command of `puhui`, with its log in the demo's folder."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from streams.broker import end_with_parent

PATIENCE: Final = 15.0
"""Seconds that all of them have together to stop in good order."""


class Children:
    """Starts commands, and stops them all when the `with` block is left; none outlives this process.

    To be used in the main thread: they end with the thread that starts them.
    """

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        others = {name: value for name, value in os.environ.items() if not name.startswith("PUHUI_")}
        self._folder, self._environ = folder, {**others, **settings}
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, *arguments: str) -> None:
        """Start `puhui` with these arguments."""
        with self.log(name).open("ab") as output:
            self._running[name] = subprocess.Popen(
                [sys.executable, "-m", "puhui.cli", *arguments], env=self._environ, stdin=subprocess.DEVNULL,
                stdout=output, stderr=subprocess.STDOUT,
                start_new_session=True,  # a terminal's Ctrl-C reaches them through us alone
                preexec_fn=end_with_parent(signal.SIGKILL) if sys.platform == "linux" else None,
            )  # fmt: skip

    def log(self, name: str) -> Path:
        """Where a child writes what it has to say."""
        return self._folder / f"{name}.log"

    def status(self, name: str) -> int | None:
        """The exit status of a child; None while it runs."""
        return self._running[name].poll()

    def last_words(self, name: str) -> str:
        """The end of its log."""
        return self.log(name).read_text(errors="replace")[-1500:].strip()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Ask all to stop, wait, and end those that do not."""
        for process in self._running.values():
            process.terminate()
        until = time.monotonic() + PATIENCE
        for process in self._running.values():
            try:
                process.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
