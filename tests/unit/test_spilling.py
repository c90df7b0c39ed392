"""Long columns of the ledger leave memory for a file; every figure stays what it is."""

import resource
from pathlib import Path

import pytest

from projections import columns as lengths
from projections import spilling, tail
from projections.columns import BookColumns, Chunk
from projections.ledger import Ledger
from tests import digests
from tests.desk import SHOP
from tests.events import Sender, message
from tests.examples import BANK
from tests.worker import DirectWorker, direct_worker


@pytest.fixture
def worker(tmp_path: Path) -> DirectWorker:
    """A bank that has granted forty loans, each repaid in part in a later batch."""
    bank, worker = Sender(BANK), direct_worker(tmp_path / "store.db", flush_every=300)
    told = [bank.registered()]
    for number in range(40):
        told.append(bank.issued(f"L{number}", SHOP, "2023-12-01", 1_000 + number))
        told.append(bank.repaid(f"L{number}", "2023-12-02", 100 + number))
    for event in told:
        m = message(event)
        worker.send([(m.topic, m.key.decode(), m.value)])
    return worker


def read(worker: DirectWorker) -> BookColumns:
    """The columns of the bank, read a batch at a time: as a follower meets them."""
    ledger = Ledger(worker.store)
    ledger.follow()
    return ledger.books[BANK]


def rows(columns: BookColumns) -> list[tuple[int, ...]]:
    found = (zip(*chunk, strict=True) for chunk in columns.chunks)
    return [tuple(int(value) for value in row) for chunk in found for row in chunk]


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seven rows are long, and two blocks are read at once."""
    monkeypatch.setattr(lengths, "LONG", 7)
    monkeypatch.setattr(lengths, "SPILLED", 7)
    monkeypatch.setattr(tail, "_BLOCKS", 2)


def test_figures_and_rows_are_the_same_out_of_a_file(
    worker: DirectWorker, request: pytest.FixtureRequest
) -> None:
    expected, figures = rows(read(worker)), dict(digests.figures(worker.store))
    request.getfixturevalue("short")
    columns = read(worker)
    assert len(expected) == 80
    assert rows(columns) == expected
    assert digests.figures(worker.store) == figures
    assert sum(len(chunk.day) for chunk in columns.chunks if in_a_file(chunk)) >= 80 - 7


@pytest.mark.usefixtures("short")
def test_no_chunk_grows_beyond_what_is_joined_once(worker: DirectWorker) -> None:
    assert max(len(chunk.day) for chunk in read(worker).chunks) < 3 * 7


def test_where_no_file_can_be_written_they_stay_in_memory(
    worker: DirectWorker, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = rows(read(worker))
    request.getfixturevalue("short")
    monkeypatch.setattr(spilling, "FOLDER", str(tmp_path / "absent"))
    columns = read(worker)
    assert rows(columns) == expected
    assert not any(map(in_a_file, columns.chunks))


@pytest.mark.usefixtures("short")
def test_files_are_left_for_connections(worker: DirectWorker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spilling, "FILES", 0.0)
    assert not any(map(in_a_file, read(worker).chunks))


@pytest.mark.usefixtures("short")
def test_as_many_files_are_asked_for_as_the_machine_grants(worker: DirectWorker) -> None:
    before, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, most))
    try:
        assert any(map(in_a_file, read(worker).chunks))
        granted = spilling.MOST if most == resource.RLIM_INFINITY else min(most, spilling.MOST)
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == granted
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (before, most))


@pytest.mark.usefixtures("short")
def test_what_a_figure_was_made_from_leaves_memory_again(worker: DirectWorker) -> None:
    ledger = Ledger(worker.store)
    ledger.follow()
    columns = ledger.books[BANK]
    spilled = [chunk for chunk in columns.chunks if in_a_file(chunk)]
    ledger.daily(BANK, "PH", columns.last)
    assert not any(map(resident, spilled))
    assert all(chunk.amount.sum() and resident(chunk) for chunk in spilled)


def resident(chunk: Chunk) -> int:
    """The bytes of its file that this process has in memory."""
    at, inside = chunk.amount.ctypes.data, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        first, *words = line.split()
        if "-" in first:
            begin, end = (int(address, 16) for address in first.split("-"))
            inside = begin <= at < end
        elif inside and first == "Rss:":
            return int(words[0]) * 1024
    raise AssertionError("no such mapping")


def in_a_file(chunk: Chunk) -> bool:
    """Columns out of a file cannot be written to."""
    return not any(column.flags.writeable for column in chunk)
