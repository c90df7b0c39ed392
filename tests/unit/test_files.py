"""A store of a file a partition: what lies where, what one batch changes in several files, and who may write."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil
import pytest

from aggregates.partitioning import partition_of
from aggregates.store import Store, StoreFailed, StoreUnfit, Superseded, files, open_store, stopped
from aggregates.store.copying import copy
from aggregates.store.files import FilesStore
from aggregates.store.placing import COUNTY, parted, places
from aggregates.store.snapshot import digest, snapshot
from aggregates.store.transaction import Commit, Flush, Outgoing, Position, RefusedRow, Transaction
from projections.rebuilding import command, rebuild
from puhui.cli import main
from puhui.contract.catalogue import ALERTS, REJECTED_EVENTS
from tests import digests, examples
from tests.events import Sender
from tests.examples import BANK, SHOP
from tests.figures import instant
from tests.installation import wait_until
from tests.killing import killed_between_two_files
from tests.references import social_credit_code
from tests.tampering import played, sent
from tests.worker import PARTITIONS, DirectWorker

ONE, OTHER = (next(n for n in map(str, range(99)) if partition_of(n, PARTITIONS) == p) for p in (1, 2))
"""Books of partitions 1 and 2."""


def folder(path: Path) -> str:
    """A fresh store of a file a partition."""
    url = f"sqlite:{path}/"
    open_store(url, partitions=PARTITIONS).close()
    return url


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(folder(tmp_path / "store"))) as opened:
        yield opened


def commit(book: str, version: int = 1) -> Commit:
    return Commit(book, version, version, b"state", b"", 0)


def born(*books: str, position: Position | None = None) -> Transaction:
    return Transaction(position=position, born=list(books), commits=[commit(book) for book in books])


# what lies where


def test_what_comes_of_a_batch_lies_in_its_partition() -> None:
    refused = RefusedRow("unknown", 1, 2, "V05", "source", 3, "place")
    answer = Outgoing(REJECTED_EVENTS, "1", OTHER, b"", b"")
    batch = born(ONE, position=Position("c/t/1", 0, 9))
    batch.refused, batch.outbox, batch.counts = [refused], [answer], {("unknown", "refused", "V05", 1): 1}
    assert parted(batch, places(PARTITIONS)) == ({1: batch}, None)


def test_a_write_behind_of_another_file_follows_by_itself() -> None:
    flush = Flush(OTHER, 0, 1, [], [])
    batch = born(ONE, position=Position("c/t/1", 0, 9))
    batch.flush = flush
    parts, apart = parted(batch, places(PARTITIONS))
    assert (list(parts), apart, parts[1].flush) == ([1], flush, None)


def test_marks_alerts_and_who_judges_are_the_countys() -> None:
    judged = Transaction(position=Position("lease:judge", 3, 3), marks={"judged": 1})
    judged.outbox = [Outgoing(ALERTS, "1", ONE, b"", b"")]
    assert parted(judged, places(PARTITIONS)) == ({COUNTY: judged}, None)


def test_what_nothing_but_its_book_places_lies_where_its_book_is() -> None:
    answers = [Outgoing(REJECTED_EVENTS, book, book, b"", b"") for book in (ONE, OTHER)]
    rest = Transaction(counts={(ONE, "accepted", "", 1): 2, (OTHER, "accepted", "", 1): 3}, outbox=answers)
    parts, _ = parted(rest, places(PARTITIONS))
    assert {at: (part.counts, [m.id for m in part.outbox]) for at, part in parts.items()} == {
        COUNTY: ({}, []),
        1: ({(ONE, "accepted", "", 1): 2}, [ONE]),
        2: ({(OTHER, "accepted", "", 1): 3}, [OTHER]),
    }


def test_a_registry_lies_with_the_partition_of_its_number(store: Store) -> None:
    store.write(born("registry:3", position=Position("c/registry/3", 0, 1)))
    assert isinstance(store, FilesStore)
    assert [name for name, *_ in store.books("registry")] == ["registry:3"]


# several files


def test_what_one_batch_changes_in_several_files_is_read_as_one(store: Store) -> None:
    batch = born(ONE, OTHER, position=Position("c/t/1", 0, 9))
    batch.counts = {(book, "accepted", "", 1): 1 for book in (ONE, OTHER)}
    store.write(batch)
    store.write(Transaction(position=Position("c/t/1", 9, 10), counts={(OTHER, "accepted", "", 1): 4}))
    assert sorted(store.counted()) == sorted([(ONE, "accepted", "", 1, 1), (OTHER, "accepted", "", 1, 5)])
    assert [book for book, *_ in store.books()] == sorted([ONE, OTHER])
    assert store.positions() == {"c/t/1": 10}


def test_what_is_not_as_expected_in_one_file_is_written_in_none(store: Store) -> None:
    store.write(born(OTHER))
    with pytest.raises(Superseded):
        store.write(born(ONE, OTHER, position=Position("c/t/1", 0, 9)))
    assert (store.positions(), store.book(ONE)) == ({}, None)


def test_an_unknown_events_refusal_in_two_files_is_one(store: Store) -> None:
    rows = [RefusedRow("unknown", 1, 2, "V05", "source", at, "place") for at in (5, 4)]
    for partition, row in enumerate(rows):
        store.write(Transaction(position=Position(f"c/t/{partition}", 0, 1), refused=[row]))
    assert store.refused() == [rows[1]]
    assert set(store.refused_among("unknown", [1, 7])) == {(1, 2)}


def test_a_kill_between_two_files_leaves_what_is_found_due_again(tmp_path: Path) -> None:
    """Waits of banks of two partitions end in one transaction, of which the second file's part is not committed."""
    banks = [social_credit_code(n) for n in range(1, 4)]
    assert len({partition_of(bank, PARTITIONS) for bank in banks}) > 1
    senders = [Sender(bank) for bank in banks]
    events = [event for s in senders for event in (s.registered(), s.repaid("NONE", "2024-01-01", 5))]
    states = []
    for name, kill in (("undisturbed", False), ("killed", True)):
        url = folder(tmp_path / name)
        worker = played(url, events, known="2024-01-01")
        assert len(worker.store.parked()) == len(banks)
        end = worker.clock * 1000 + 80 * 3_600_000_000
        if kill:
            with killed_between_two_files():
                worker.intake.expire(end)
            assert 0 < len(worker.store.parked()) < len(banks)
            worker = DirectWorker(open_store(url), clock=worker.clock, offsets=worker.offsets)
        worker.intake.expire(end)
        worker.intake.flush_all()
        states.append(digests.state(worker.store))
        assert (worker.store.parked(), len(worker.store.outbox())) == ([], len(banks))
    assert digests.differences(*states) == {}


# the same figures, wherever they lie


def test_a_life_in_a_folder_comes_to_the_same_and_moves_on(tmp_path: Path) -> None:
    one, many = f"sqlite:{tmp_path}/one.db", folder(tmp_path / "many")
    events = [*examples.balance_and_bridge(), Sender(BANK, _sent=700).repaid("LATER", "2026-06-01", 100)]
    states = []
    for url in (one, many):
        worker = played(url, events, known="2026-12-31")
        worker.intake.flush_all()
        states.append(digests.state(worker.store))
        worker.store.close()
    assert digests.differences(*states) == {}
    moved = [f"sqlite:{tmp_path}/back.db", f"sqlite:{tmp_path}/again/"]
    copy(many, moved[0])
    copy(moved[0], moved[1], PARTITIONS)
    for url in (many, *moved):
        assert rebuild(url, processes=1).differences == 0
    with snapshot(many) as first, snapshot(moved[1]) as last:
        assert digest(first) == digest(last)
    with closing(open_store(moved[1], read_only=True)) as again:
        assert digests.differences(digests.state(again), states[0]) == {}


def test_it_is_rebuilt_into_another_folder(tmp_path: Path) -> None:
    many, fresh = folder(tmp_path / "many"), folder(tmp_path / "fresh")
    worker = played(many, examples.balance_and_bridge())
    worker.intake.flush_all()
    assert rebuild(many, fresh, processes=1).differences == 0
    with closing(open_store(fresh)) as made:
        assert made.positions() == worker.store.positions() != {}
        assert digests.differences(digests.state(made), digests.state(worker.store)) == {}
    assert rebuild(fresh, processes=1).differences == 0


def test_a_folder_of_too_few_partitions_is_refused_before_anything_is_replayed_or_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    many, fresh = folder(tmp_path / "many"), tmp_path / "fresh"
    played(many, examples.balance_and_bridge()).intake.flush_all()
    monkeypatch.setenv("PUHUI_STORE", many)
    monkeypatch.setenv("PUHUI_PARTITIONS", "1")
    monkeypatch.setattr(command, "rebuild", None)
    assert main(["rebuild", "--into", f"sqlite:{fresh}/"]) == 3
    assert capsys.readouterr().err == (
        f"puhui: the rebuild failed: partition {partition_of(BANK, PARTITIONS)} of the topics would have no file in {fresh} "
        "(partitions there: 1): set PUHUI_PARTITIONS to what the topics have, and name a folder that is not there\n"
    )
    assert not fresh.exists()


def test_who_goes_on_in_a_moved_folder_finds_what_waits(tmp_path: Path) -> None:
    one, many = f"sqlite:{tmp_path}/one.db", f"sqlite:{tmp_path}/many/"
    early = Sender(BANK, _sent=700).repaid("LATER", "2026-06-01", 100)
    worker = played(one, [*examples.balance_and_bridge(), early])
    assert worker.store.parked()
    copy(one, many, PARTITIONS)
    with closing(open_store(many)) as opened:
        worker.store, worker.intake.store = opened, opened
        worker.__post_init__()
        worker.clock = instant("2026-12-31") // 1000
        worker.send(sent([Sender(BANK, _sent=900).issued("LATER", SHOP, "2026-05-01", 1_000)]))
        assert opened.parked() == []


# refusals, and who may write


def test_a_folder_of_other_partitions_than_the_topics_have_is_refused(tmp_path: Path) -> None:
    folder(tmp_path / "store")
    with pytest.raises(StoreUnfit, match=r"files for 4 partitions.*the topics have 8.*puhui move"):
        open_store(f"sqlite:{tmp_path}/store/", partitions=8)


@pytest.mark.parametrize("name", ["county.db", "partition-1-of-4.db", "partition-3-of-4.db"])
def test_a_folder_that_lacks_a_file_is_not_begun_anew(tmp_path: Path, name: str) -> None:
    url = folder(tmp_path / "store")
    with closing(open_store(url)) as whole:
        whole.write(born("alerts", ONE))
    (tmp_path / "store" / name).unlink()
    for _ in range(2):
        with pytest.raises(StoreUnfit, match=f"lacks {name}: restore the store from a backup"):
            open_store(url, partitions=PARTITIONS)
    assert not (tmp_path / "store" / name).exists()


@pytest.mark.parametrize("begun", ["", "half of a file"])
def test_a_folder_whose_making_was_broken_off_is_made_whole(tmp_path: Path, begun: str) -> None:
    url = folder(tmp_path / "store")
    (tmp_path / "store/partition-3-of-4.db").unlink()
    if begun:
        (tmp_path / "store/partition-2-of-4.db").write_bytes(b"")
    with closing(open_store(url, partitions=PARTITIONS)) as whole:
        whole.write(born("alerts", ONE, OTHER))
        assert [name for name, *_ in whole.books()] == sorted(["alerts", ONE, OTHER])


@pytest.mark.parametrize("read_only", [True, False])
def test_an_empty_folder_is_no_store(tmp_path: Path, read_only: bool) -> None:
    with pytest.raises(StoreFailed, match="there is no store in"):
        open_store(f"sqlite:{tmp_path}", read_only=read_only)


@contextmanager
def held(path: Path, *, stopped: bool) -> Iterator[psutil.Process]:
    """A process that holds a file in the middle of a transaction."""
    program = (
        "import sqlite3, sys; file = sqlite3.connect(sys.argv[1]); file.execute('BEGIN IMMEDIATE'); "
        "print('it is held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", program, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        if stopped:
            process.send_signal(signal.SIGSTOP)
        yield psutil.Process(process.pid)
        process.kill()


def test_who_is_stopped_in_the_middle_of_a_write_is_ended(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "store" / f"partition-1-of-{PARTITIONS}.db"
    with held(path, stopped=True) as process:
        assert not store.take_over(["c/t/1"])
        wait_until(lambda: store.take_over(["c/t/1"]), "the file is taken over", 20)
        assert process.wait(5) == -signal.SIGKILL


def test_a_lock_on_another_volume_is_not_the_file_s(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The numbers of files repeat from volume to volume: a process of no business here may hold the same one."""
    path = tmp_path / "store" / f"partition-1-of-{PARTITIONS}.db"
    locks, told = stopped._LOCKS, tmp_path / "locks"
    monkeypatch.setattr(stopped, "_LOCKS", told)
    with held(path, stopped=False) as process:
        told.write_text(text := locks.read_text())
        assert stopped.writer(path) == process.pid
        told.write_text(re.sub(r"\w+:\w+:(\d+ 120 120)", r"fff:fffff:\1", text))
        assert stopped.writer(path) is None


def test_who_goes_on_holding_a_file_is_named(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "PATIENCE", 0)
    path = tmp_path / "store" / "county.db"
    with held(path, stopped=False) as process, pytest.raises(StoreFailed) as raised:
        store.take_over(["c/t/1"])
    assert str(raised.value).startswith(f"{path} is held by process {process.pid} for 0 seconds")
