"""Banks name divisions as they like, and each makes segments: a worker remembers few of them, and stores all."""

from pathlib import Path

import pytest

from aggregates import segments
from streams import intake
from tests.desk import SHOP
from tests.digests import movements
from tests.events import Sender, message
from tests.examples import BANK
from tests.worker import DirectWorker, direct_worker

FEW = 8
LOANS = 30


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
