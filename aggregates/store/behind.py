"""Write-behind beside the intake: rows of the register are written while further events are decided.

For a database that has several writers at a time. What is on its way is read from memory, so that it makes no difference
when it arrives; and its transaction begins after the one of its commits has ended, so the register is never ahead of the log.
"""

import re
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from aggregates.store.sql import Row
from aggregates.store.transaction import Flush, Superseded

_ASKED: Final = re.compile(r"\b(loan|customer)\b|\bwatermark WHERE book = ")
"""Who asks for rows, or opens a book, must be told what they reach. Blocks of the ledger that are merged say the same as before,
and other readers of a watermark want the last commit, which is there."""


class WriteBehind:
    """Writes the rows of one book at a time, in the order in which they are handed over.

    What goes wrong is raised by the next call and by every later one, for memory is ahead of the store then: whoever takes
    it for something of its own does not end it.
    """

    def __init__(self, write: Callable[[Flush], None]) -> None:
        self._write = write
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="write-behind")
        self._done: Future[None] | None = None
        self._book = ""
        self._rows: dict[str, dict[str, bytes]] = {}

    def hand_over(self, flush: Flush) -> None:
        """Write these rows, after those of before."""
        self.settle()
        self._book = flush.book
        self._rows = {
            "loan": {name: state for _, name, state in flush.loans},
            "customer": {name: state for _, name, state in flush.customers},
        }
        self._done = self._thread.submit(self._write, flush)

    def settle(self) -> None:
        """Wait until nothing is on its way; raises what went wrong."""
        if self._done is not None:
            self._done.result()
            self._drop()

    def before(self, statement: str) -> None:
        """Wait, where a statement asks for what may be on its way; any other one finds all that there is without waiting."""
        if _ASKED.search(statement):
            self.settle()
        else:
            self.check()

    def check(self) -> None:
        """Raise what went wrong, if it has by now; waits for nothing."""
        if self._done is not None and self._done.done():
            self.settle()

    def leave(self) -> None:
        """Wait; whose books another worker has taken over meanwhile has nothing more to write, and begins anew."""
        try:
            self.settle()
        except Superseded:
            self._drop()

    def _drop(self) -> None:
        self._done, self._book, self._rows = None, "", {}

    def on_its_way(self, table: str, book: str, names: Sequence[str]) -> list[Row]:
        """Name and state of those of these rows that are on their way."""
        if book != self._book:
            return []
        rows = self._rows.get(table, {})
        return [(name, rows[name]) for name in names if name in rows]

    def close(self) -> None:
        """Wait, and end the thread; raises what went wrong."""
        try:
            self.settle()
        finally:
            self._thread.shutdown()
