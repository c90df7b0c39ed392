"""What goes wrong with a store: each in a sentence that says which one, and what is to be done."""

from collections.abc import Iterator
from contextlib import contextmanager


class StoreFailed(RuntimeError):
    """The store cannot be opened, read or written; the message says which and why."""


class StoreUnfit(StoreFailed):
    """No second attempt helps: somebody has to decide, and the message says what."""


class StoreTooNew(StoreUnfit):
    """A newer program has written the store: this one must be updated."""


class StoreTooOld(StoreUnfit):
    """An older program has written the store: it must be migrated."""


class WrongKey(StoreUnfit):
    """The store's commits are chained with another key."""


class StoreIncomplete(StoreUnfit):
    """Commit records are not there: what was made from them cannot be trusted, nor made again."""


@contextmanager
def failing(what: str, *errors: type[Exception]) -> Iterator[None]:
    """Say these errors of a database as StoreFailed: what cannot be done, then their own words."""
    try:
        yield
    except errors as error:
        raise StoreFailed(f"{what}: {error}") from error
