"""Is this a store? What is none, or holds nothing yet, is refused before anything is asked of it, or written to it."""

from collections.abc import Collection
from typing import Final

from aggregates.store.failures import StoreFailed, StoreUnfit

_OURS: Final = frozenset(("meta", "watermark", "mark"))
"""Tables that a store of any schema has, and that are made in one transaction."""


def must_be_store(what: str, found: Collection[str], *, read_only: bool) -> None:
    """Refuse a database with these tables where they are somebody else's; one without any may be written alone."""
    if found and not _OURS.issubset(found):
        raise StoreUnfit(f"{what} is none: it holds the tables of another program; name another place")
    if read_only and not found:
        raise StoreFailed(
            f"{what} is empty: no worker has written to it yet; is it the one that workers write to?"
        )


def no_database(what: str) -> StoreUnfit:
    """What is said of a file that SQLite cannot read at all."""
    return StoreUnfit(
        f"{what} is none, or is damaged: SQLite cannot read it; name another place, or restore the store from a backup"
    )
