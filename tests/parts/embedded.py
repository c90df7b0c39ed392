"""The embedded broker, as the tests use it: in memory, there in milliseconds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from streams.broker import EmbeddedBroker, start_broker


@contextmanager
def embedded(folder: Path) -> Iterator[EmbeddedBroker]:
    """Run a broker of its own, with its log in this folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with start_broker(log=folder / "broker.log") as broker:
        yield broker
