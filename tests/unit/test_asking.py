"""Clients that ask Kafka and are closed again leave nothing behind for long."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from streams.asking import asking


class Knot:
    """A client that holds itself, as those of the library do."""

    def __init__(self) -> None:
        self.closed = False
        self.itself = self

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def idle_collector() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


def test_a_client_is_closed_whatever_is_asked() -> None:
    with pytest.raises(LookupError, match="no answer"), asking(Knot) as client:
        raise LookupError("no answer")
    assert client.closed


@pytest.mark.usefixtures("idle_collector")
def test_what_a_client_held_is_let_go_of_when_the_next_one_asks() -> None:
    with asking(Knot) as client:
        gone = weakref.ref(client)
    del client
    assert gone() is not None
    with asking(Knot):
        assert gone() is None


@pytest.mark.usefixtures("idle_collector")
def test_what_was_in_use_while_another_asked_is_let_go_of_later() -> None:
    with asking(Knot) as client:
        gone = weakref.ref(client)
        with asking(Knot):
            pass
    del client
    for _ in range(30):
        with asking(Knot):
            pass
    assert gone() is None
