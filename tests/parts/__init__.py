"""Real parts for the tests: each module starts one and says what it can do with it."""

from __future__ import annotations


class Absent(Exception):
    """A part is not installed; the message says which and how to get it."""

    def __init__(self, part: str) -> None:
        super().__init__(f"{part} is absent: scripts/parts.sh installs it")
