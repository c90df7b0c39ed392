"""What the intake says of each chunk that it has taken in."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from streams.intake import Taken
from tests.events import Event, Sender, message
from tests.examples import BANK, SHOP
from tests.worker import DirectWorker, direct_worker


@pytest.fixture
def taken(worker: DirectWorker, monkeypatch: pytest.MonkeyPatch) -> list[Taken]:
    """All that was said."""
    said, take = list[Taken](), worker.intake.take

    def noted(*arguments: Any) -> Iterator[Taken]:
        for one in take(*arguments):
            said.append(one)
            yield one

    monkeypatch.setattr(worker.intake, "take", noted)
    return said


@pytest.fixture
def worker(tmp_path: Path) -> DirectWorker:
    return direct_worker(tmp_path / "store.db")


def send(worker: DirectWorker, *events: Event) -> None:
    worker.send([(m.topic, m.key.decode(), m.value) for m in map(message, events)])


def test_the_sender_is_woken_only_by_a_chunk_that_leaves_it_something(
    worker: DirectWorker, taken: list[Taken]
) -> None:
    bank = Sender(BANK)
    send(worker, bank.registered())
    send(worker, bank.issued("A", SHOP, "2023-12-10", 100_00), bank.repaid("A", "2023-12-11", 1))
    send(worker, bank.issued("B", SHOP, "2023-12-10", -1))
    assert [(one.events, one.sends) for one in taken] == [(1, False), (2, False), (1, True)]
