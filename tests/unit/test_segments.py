"""Banks name divisions as they like, and each makes segments: a worker remembers few of them, and stores all."""

import gc
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aggregates import segments
from projections.ledger import Ledger
from projections.populations import Populations
from streams import intake
from tests.desk import SHOP
from tests.digests import movements
from tests.events import Sender, message
from tests.examples import BANK
from tests.worker import DirectWorker, direct_worker

FEW = 8
LOANS = 30
MANY = 20_000
BYTES = 50
"""What a segment among many may weigh for who shows figures: with its attributes in a list it takes 250."""


@pytest.fixture(autouse=True)
def _as_it_was() -> None:
    segments.forget()


def tell(worker: DirectWorker) -> None:
    """Each loan is of a division of its own; it is issued, repaid in part, and becomes one of a large customer."""
    bank = Sender(BANK)
    loans = [f"L{number}" for number in range(LOANS)]
    issued = (
        bank.issued(loan_no, SHOP, "2023-12-01", 100_000, division_code=f"9{number:05}")
        for number, loan_no in enumerate(loans)
    )
    repaid = (bank.repaid(loan_no, "2023-12-02", 100) for loan_no in loans)
    for event in (bank.registered(), *issued, *repaid, bank.profile(SHOP, "large", since="2023-12-03")):
        sent = message(event)
        worker.send([(sent.topic, sent.key.decode(), sent.value)])


def test_a_worker_remembers_few_segments_and_writes_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = direct_worker(tmp_path / "usual.db")
    tell(usual)
    assert segments.met() >= 2 * LOANS
    monkeypatch.setattr(intake, "SEGMENTS", FEW)
    worker = direct_worker(tmp_path / "few.db")
    tell(worker)
    assert segments.met() <= FEW
    assert sorted(worker.store.segments()) == sorted(usual.store.segments())
    assert movements(worker.store) == movements(usual.store)


def stored(number: int) -> tuple[int, bytes]:
    """A segment as the store has it: of a division, and of small enterprises where its number is even."""
    kind = 2 if number % 2 == 0 else 9
    made = segments.Segment(kind, 2, 1, 1, 1, False, False, 0, f"9{number:05}")
    return number * 12_345_678_901 % (1 << 61), segments.encode_segment(made)


def test_who_shows_figures_knows_of_a_segment_only_in_which_populations_it_is() -> None:
    rows = [stored(number) for number in range(MANY)]
    tracemalloc.start()
    try:
        populations = Populations()
        populations.learn(rows)
        members = populations.members("ALL1")
        gc.collect()
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < BYTES * MANY
    assert members.all()


def test_a_segment_is_in_the_populations_that_its_attributes_say_whenever_it_was_met() -> None:
    populations, rows = Populations(), [stored(number) for number in range(300)]
    for part in (rows[:100], rows[50:], rows):
        populations.learn(part)
    numbers = populations.dense(np.array([identity for identity, _ in rows]))
    assert sorted(numbers.tolist()) == list(range(300))
    assert populations.identities[numbers].tolist() == [identity for identity, _ in rows]
    for name, holds in segments.POPULATIONS.items():
        found = populations.members(name)[numbers].tolist()
        assert found == [holds(segments.decode_segment(attributes)) for _, attributes in rows]
    with pytest.raises(KeyError, match="7"):
        populations.dense(np.array([rows[0][0], 7]))


def test_only_segments_that_were_never_met_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = direct_worker(tmp_path / "store.db")
    ledger, asked = Ledger(worker.store), list[int]()
    among = worker.store.segments_among

    def counted(identities: Sequence[int]) -> Any:
        asked.extend(identities)
        return among(identities)

    monkeypatch.setattr(worker.store, "segments_among", counted)
    tell(worker)
    for _ in range(2):
        ledger.follow()
    assert sorted(asked) == sorted(identity for identity, _ in worker.store.segments())
