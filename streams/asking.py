"""Asking Kafka by a client of its own, which is closed again at once."""

import gc
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any, Final, Protocol, TypeVar

_SOMETIMES: Final = 20
"""Collections of the youngest after which those are looked through, too, that were in use at one of them."""


class Client(Protocol):
    """A client of Kafka."""

    def close(self) -> None:
        """Leave its connections."""


AnyClient = TypeVar("AnyClient", bound=Client)


@contextmanager
def asking(make: Callable[..., AnyClient], **options: Any) -> Iterator[AnyClient]:
    """Make a client, use it and close it; those before it are let go of.

    A closed client of kafka-python is a knot of objects that only the garbage collector undoes, and it holds what was fetched: up to
    0.7 MB. A worker asks every few seconds, and by itself its collector is idle for many minutes.
    """
    gc.collect(int(gc.get_count()[1] >= _SOMETIMES))
    with closing(make(**options)) as client:
        yield client
