"""The store: the one place that knows eventsourcing and the databases."""

from pathlib import Path

from aggregates.store.base import (
    Store,
    StoreFailed,
    StoreIncomplete,
    StoreTooNew,
    StoreTooOld,
    StoreUnfit,
    WrongKey,
)
from aggregates.store.transaction import Superseded, Transaction

__all__ = [
    "Store",
    "StoreFailed",
    "StoreIncomplete",
    "StoreTooNew",
    "StoreTooOld",
    "StoreUnfit",
    "Superseded",
    "Transaction",
    "WrongKey",
    "open_store",
]


def open_store(url: str, *, read_only: bool = False, key: bytes = b"", durable: bool = True) -> Store:
    """Open `sqlite:<path>` or `postgresql://…`; the tables are made where they are missing, unless read-only.

    `key` chains the commits; a store that is chained with another one is not opened for writing. A store in the making
    need not be `durable`: SQLite then lets the system decide when to write to disk, until a durable store of the same
    file has written something and was closed.
    """
    if url.startswith(("postgresql://", "postgres://")):
        from aggregates.store.postgres import PostgresStore

        return PostgresStore(url, read_only=read_only, key=key)
    from aggregates.store.sqlite import SqliteStore

    return SqliteStore(Path(url.removeprefix("sqlite:")), read_only=read_only, key=key, durable=durable)
