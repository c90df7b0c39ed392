"""The store: the one place that knows eventsourcing and the databases."""

import os
from pathlib import Path

from aggregates.store.base import Store
from aggregates.store.failures import (
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
    "folder_of",
    "open_store",
]


def folder_of(url: str) -> Path | None:
    """The folder of a store of a file a partition: it is named with a slash at its end, or there already."""
    path = url.removeprefix("sqlite:")
    return Path(path) if path != url and (path.endswith("/") or os.path.isdir(path)) else None


def open_store(
    url: str, *, read_only: bool = False, key: bytes = b"", durable: bool = True, partitions: int = 0
) -> Store:
    """Open `sqlite:<file>`, `sqlite:<folder>/` or `postgresql://…`; the tables are made where they are missing, unless read-only.

    `key` chains the commits; a store that is chained with another one is not opened for writing. A store in the making
    need not be `durable`: SQLite then has it on disk for sure only when it is closed by the last who has it open.
    `partitions`: of how many a folder is to have files, where it has none.
    """
    if url.startswith(("postgresql://", "postgres://")):
        from aggregates.store.postgres import PostgresStore

        return PostgresStore(url, read_only=read_only, key=key)
    if (folder := folder_of(url)) is not None:
        from aggregates.store.files import FilesStore

        return FilesStore(folder, read_only=read_only, key=key, durable=durable, partitions=partitions)
    from aggregates.store.sqlite import SqliteStore

    return SqliteStore(Path(url.removeprefix("sqlite:")), read_only=read_only, key=key, durable=durable)
