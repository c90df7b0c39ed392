"""A clock that can be set while a program runs, for that program and its children alone."""

from collections.abc import Sequence
from pathlib import Path

from tests.parts import Absent

_LIBRARY = "*/faketime/libfaketimeMT.so.1"


class Clock:
    """The clock of programs that are started with `on`: the machine's, until it is set."""

    def __init__(self, folder: Path) -> None:
        found = next(Path("/usr/lib").glob(_LIBRARY), None)
        if found is None:
            raise Absent("faketime")
        self._library = found
        self._file = folder / "clock"
        self.set("+0")

    def set(self, offset: str) -> None:
        """Let it differ from the machine's by `+1h`, `-2h` … from now on."""
        self._file.write_text(offset)

    def on(self, program: Sequence[str]) -> tuple[str, ...]:
        """The command that runs a program by this clock; what measures durations goes on undisturbed."""
        settings = {
            "LD_PRELOAD": str(self._library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        return ("env", *(f"{name}={value}" for name, value in settings.items()), *program)
