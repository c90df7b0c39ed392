"""Whose turn it is to write a file of SQLite, which has one writer at a time and lets nobody queue.

SQLite asks for a file that another one writes ever more seldom, in the end ten times a second. Who writes one transaction after
the other leaves it alone for a few milliseconds between, which such a one misses again and again, for seconds: "database is
locked". So it is asked as often as at the beginning all the time, and who drops much rests between the pieces.
"""

import sqlite3
import time
from collections.abc import Callable
from typing import Final

ASKED_ANEW: Final = 0.05
"""Seconds in which SQLite asks six times, after 1, 3, 8, 18 and 33 ms and at their end: the busy timeout of who begins."""
REST: Final = 0.05
"""Seconds between two pieces of a long work: longer than anybody waits until he asks again."""


def begin(execute: Callable[[str], object], patience: float) -> None:
    """Begin to write; sqlite3.OperationalError where others held the file for so many seconds whenever it was asked for."""
    until = time.monotonic() + patience
    while not _begun(execute, until):
        pass


def _begun(execute: Callable[[str], object], until: float) -> bool:
    try:
        execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        if not is_busy(error) or time.monotonic() >= until:
            raise
        return False
    return True


def is_busy(error: sqlite3.OperationalError) -> bool:
    """Does another one write the file?"""
    return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
