"""The store's promise: what is written is written whole, by whoever writes for its partitions."""

import time
from abc import abstractmethod
from collections.abc import Sequence
from typing import Final

from aggregates.store.chain import Chain, fingerprint
from aggregates.store.failures import StoreTooNew, StoreTooOld, WrongKey
from aggregates.store.reading import Reading
from aggregates.store.sql import SCHEMA_VERSION, Row
from aggregates.store.transaction import Transaction
from aggregates.store.turn import REST

DROPPED_AT_ONCE: Final = 5000
"""Commit records, or refusals, that are dropped in one transaction: a worker waits for no more, and is let in after it."""


class Store(Reading):
    """Commit records, register, ledger, queues and positions; one transaction a batch, all of it or nothing.

    Everything raises StoreFailed when the database fails, and Superseded when another writer was here first.
    """

    def __init__(self, key: bytes) -> None:
        self._fingerprint = fingerprint(key)
        self.chain = Chain(key, self.link)

    @abstractmethod
    def write(self, transaction: Transaction) -> None:
        """Write all of a transaction, or nothing; positions, versions and watermarks are compared and set."""

    def take_over(self, keys: Sequence[str]) -> bool:
        """Write for these partitions from now on: whoever wrote for one of them until now can write nothing more.

        A worker that slept through the loss of its partitions thus finds out before its next write. False where somebody
        is in the middle of a write still: to be called again. A store that only one worker can have has nothing to do.
        """
        return True

    def settle(self) -> None:
        """Wait for the rows of the register that are on their way: a store may write them a moment after `write`.

        What goes wrong with them is raised here, and by every call that writes or waits for them.
        """

    def let_go(self) -> None:
        """Write for no partition any more, until the next `take_over`: others may take them without ending us."""

    @abstractmethod
    def forget(self, topic: str, ids: Sequence[str]) -> None:
        """Drop messages that have left."""

    @abstractmethod
    def _run(self, book: str | None, statement: str, rows: Sequence[Row]) -> None:
        """Run a statement for each row, in a transaction of their own, where a book is, or all of them are."""

    @abstractmethod
    def _set_meta(self, name: str, value: str) -> None: ...

    def drop_records(self, book: str, upto: int) -> None:
        """Drop the commit records of a book up to a version, which are in an archive: the oldest first, some at a time."""
        while (first := self.first_record(book)) is not None and first <= upto:
            last = min(upto, first + DROPPED_AT_ONCE)
            self._run(
                book,
                "DELETE FROM stored_events WHERE originator_id = ? AND originator_version <= ?",
                [(book, last)],
            )
            time.sleep(REST)

    def drop_refused(self, before: int) -> None:
        """Drop what was refused before an instant, and is in an archive, some at a time: it is not known again."""
        statement = "DELETE FROM refused WHERE book = ? AND event = ? AND content = ? AND at < ?"
        for part in self.refused_until(before, DROPPED_AT_ONCE):
            self._run(None, statement, [(row.book, row.event, row.content, before) for row in part])
            time.sleep(REST)

    def check_schema(self, *, read_only: bool) -> None:
        """Refuse a store of another program, and to write one whose commits are chained with another key."""
        if not read_only:
            self._set_meta("schema", str(SCHEMA_VERSION))
        found = int(self.meta("schema") or 0)
        if found > SCHEMA_VERSION:
            raise StoreTooNew(
                f"the store has schema {found}, this program knows up to {SCHEMA_VERSION}: update puhui"
            )
        if found < SCHEMA_VERSION:
            raise StoreTooOld(
                f"the store has schema {found}, this program needs {SCHEMA_VERSION}: stop its workers, make a backup "
                "with the program that wrote it, and run `puhui migrate`"
            )
        if not read_only and self.claim("chain", self._fingerprint) != self._fingerprint:
            raise WrongKey(
                "the commits of this store are chained with another key than PUHUI_CHAIN_KEY: give that one, or make "
                "a store with the new one by `puhui rebuild --into`"
            )

    def claim(self, name: str, value: str) -> str:
        """Set a remark once; the value that stands."""
        self._set_meta(name, value)
        return self.meta(name) or value
