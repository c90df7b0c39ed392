"""`puhui backup`, `restore` and `move`: the same store in another place."""

import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from aggregates.store import StoreFailed, open_store
from aggregates.store.copying import copy
from aggregates.store.files import paths
from aggregates.store.snapshot import TABLES, digest, snapshot
from aggregates.store.transaction import Position, Transaction
from projections.rebuilding import Report, rebuild
from puhui.cli import main
from tests import digests, examples
from tests.events import Sender
from tests.examples import BANK, SHOP
from tests.figures import instant, total
from tests.installation import wait_until
from tests.parts.postgres import Postgres
from tests.tampering import played, sent
from tests.worker import PARTITIONS, DirectWorker

Run = Callable[..., int]


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> DirectWorker:
    """A store with something in every table that events fill: written back in part, with parked and refused ones."""
    bank, events = Sender(BANK, _sent=100), examples.balance_and_bridge()
    url = f"sqlite:{tmp_path_factory.mktemp('lived')}/store.db"
    worker = played(url, [*events, total(bank, "2026-06-30", "PH", "5050.00")], known="2026-07-02")
    worker.intake.flush_all()
    late, early = bank.repaid("B", "2026-07-10", 100), bank.repaid("LATER", "2026-06-01", 100)
    worker.clock = instant("2026-12-31") // 1000
    worker.send(sent([late, early, bank.issued("NOTHING", SHOP, "2026-05-01", 0)]))
    return worker


def url_of(worker: DirectWorker) -> str:
    return f"sqlite:{worker.store.path}"  # type: ignore[attr-defined]  # a file of SQLite


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    def run(store: str, *arguments: object) -> int:
        monkeypatch.setenv("PUHUI_STORE", store)
        return main([str(argument) for argument in arguments])

    return run


def test_a_backup_is_a_store_and_is_restored_as_it_was(
    lived: DirectWorker, tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(url_of(lived), "backup", tmp_path / "kept") == 0
    assert "replayed with no differences" in (said := capsys.readouterr().out)
    assert run(f"sqlite:{tmp_path}/again.db", "restore", tmp_path / "kept") == 0
    assert said.split()[-1] == capsys.readouterr().out.split()[-1], "the digests"
    with closing(open_store(f"sqlite:{tmp_path}/again.db")) as again:
        assert digests.differences(digests.state(again), digests.state(lived.store)) == {}
        assert again.positions() == lived.store.positions() != {}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again.db", "kept"], "one file each"


def test_a_worker_goes_on_writing_while_a_backup_is_made(tmp_path: Path, run: Run) -> None:
    events = examples.balance_and_bridge()
    worker = played(f"sqlite:{tmp_path}/store.db", events[:3])
    bank, stop = Sender(BANK, _sent=200), threading.Event()

    def write() -> None:
        while not stop.is_set():
            worker.send(sent([bank.issued(f"N{bank._sent}", SHOP, "2026-05-01", 1_000)]))
            worker.intake.flush_all()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(3):
            assert run(url_of(worker), "backup", tmp_path / f"kept-{number}") == 0
    finally:
        stop.set()
        writer.join()
    grown = [
        open_store(f"sqlite:{tmp_path}/kept-{n}", read_only=True).book(BANK) or (0, 0, 0) for n in range(3)
    ]
    assert grown[0][1] < grown[2][1], "it did write meanwhile"


@pytest.mark.parts
def test_a_store_moves_to_postgresql_and_back_with_all_its_history(
    lived: DirectWorker, postgres: Postgres, tmp_path: Path, run: Run
) -> None:
    database, back = postgres.create_database(), f"sqlite:{tmp_path}/back.db"
    assert run("sqlite:unused.db", "move", url_of(lived), database) == 0
    assert run("sqlite:unused.db", "move", database, back) == 0
    assert run(database, "backup", tmp_path / "kept") == 0
    assert run(postgres.create_database(), "restore", tmp_path / "kept") == 0
    with snapshot(url_of(lived)) as first, snapshot(back) as last:
        assert digest(first) == digest(last)
    assert rebuild(database, processes=1).differences == 0
    offsets, late = dict(lived.offsets), Sender(BANK, _sent=900).issued("LATER", SHOP, "2026-05-01", 1_000)
    states = []
    for url in (database, back):
        successor = DirectWorker(open_store(url), clock=lived.clock, offsets=dict(offsets))
        successor.send(sent([late]))
        assert successor.store.parked() == [], "what waited for this loan was released"
        successor.intake.flush_all()
        states.append(digests.state(successor.store))
    assert digests.differences(*states) == {}


def test_a_folder_of_files_is_backed_up_and_restored(
    lived: DirectWorker, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    many, again = f"sqlite:{tmp_path}/many/", f"sqlite:{tmp_path}/again/"
    monkeypatch.setenv("PUHUI_PARTITIONS", str(PARTITIONS))
    assert run("sqlite:unused.db", "move", url_of(lived), many) == 0
    assert run(many, "backup", tmp_path / "kept") == 0
    assert run(again, "restore", tmp_path / "kept") == 0
    assert run(again, "rebuild", "--into", f"sqlite:{tmp_path}/fresh/") == 0
    with snapshot(url_of(lived)) as first, snapshot(again) as last:
        assert digest(first) == digest(last)
    for url in (many, again, f"sqlite:{tmp_path}/fresh/"):
        with closing(open_store(url)) as copied:
            lasts = {key: copied.last(key) for key in copied.positions()}
            assert lasts == {key: lived.store.last(key) for key in lived.store.positions()}
            assert None not in lasts.values()
    assert run(again, "restore", tmp_path / "kept") == 3, "nothing is ever written over"


def test_a_copy_of_a_folder_and_a_worker_that_writes_several_files_never_wait_for_each_other(
    lived: DirectWorker, tmp_path: Path
) -> None:
    folder = f"sqlite:{tmp_path}/many/"
    copy(url_of(lived), folder, PARTITIONS)

    def file(partition: int, timeout: float) -> sqlite3.Connection:
        path = paths(tmp_path / "many", PARTITIONS)[partition]
        return sqlite3.connect(path, timeout=timeout, isolation_level=None)

    def is_held(partition: int) -> bool:
        with closing(file(partition, 0)) as other:
            try:
                other.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return True
        return False

    with closing(file(1, 10)) as one, closing(file(0, 10)) as two, ThreadPoolExecutor() as beside:
        one.execute("BEGIN IMMEDIATE")
        copied = beside.submit(copy, folder, f"sqlite:{tmp_path}/copied.db")
        wait_until(lambda: is_held(0), "the copy holds the file that is wanted next")
        two.execute("BEGIN IMMEDIATE")
        two.execute("COMMIT")
        one.execute("COMMIT")
        assert copied.result()["ledger"].rows > 0


@pytest.mark.parts
def test_a_folder_of_fewer_partitions_keeps_the_positions_of_a_former_topic(tmp_path: Path) -> None:
    worker = played(f"sqlite:{tmp_path}/store.db", examples.balance_and_bridge()[:3])
    worker.store.write(Transaction(position=Position("cluster/former-topic/7", 0, 5)))
    made = copy(f"sqlite:{tmp_path}/store.db", f"sqlite:{tmp_path}/few/", 2)
    with snapshot(f"sqlite:{tmp_path}/few/") as few:
        assert digest(few) == made
    with closing(open_store(f"sqlite:{tmp_path}/few/")) as folder:
        assert folder.positions() == worker.store.positions()


def test_a_changed_row_of_any_table_is_another_digest(lived: DirectWorker, postgres: Postgres) -> None:
    database = postgres.create_database()
    before = copy(url_of(lived), database)
    filled = [table for table in TABLES if before[table.name].rows]
    assert {table.name for table in TABLES} - {table.name for table in filled} <= {"alert", "mark"}
    with psycopg.connect(database, autocommit=True) as connection:
        for table in filled:
            statement = f"DELETE FROM {table.name} WHERE ctid IN (SELECT ctid FROM {table.name} WHERE {table.where} LIMIT 1)"
            connection.execute(statement.encode())
    with snapshot(database) as seen:
        after = digest(seen)
    assert all(after[table.name] != before[table.name] for table in filled)


def test_nothing_is_ever_written_over(
    lived: DirectWorker, tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "there").write_text("something dear")
    for arguments in (("backup", tmp_path / "there"), ("move", url_of(lived), f"sqlite:{tmp_path}/there")):
        assert run(url_of(lived), *arguments) == 3
        assert "is there already" in capsys.readouterr().err
    assert run(url_of(lived), "restore", tmp_path / "there") == 3
    assert (tmp_path / "there").read_text() == "something dear"


@pytest.mark.parametrize("target", ["file", "folder"])
def test_two_never_write_the_same_copy_at_a_time(
    lived: DirectWorker, tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str], target: str
) -> None:
    part = tmp_path / "kept.part"
    half, slash = (part / "county.db", "/") if target == "folder" else (part, "")
    half.parent.mkdir(exist_ok=True)
    half.write_text("half of it")
    assert run("sqlite:unused.db", "move", url_of(lived), f"sqlite:{tmp_path}/kept{slash}") == 3
    assert "kept.part is there already" in capsys.readouterr().err
    assert half.read_text() == "half of it"


def test_what_has_come_meanwhile_is_not_written_over(
    lived: DirectWorker, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def replayed(*_: object, **__: object) -> Report:
        (tmp_path / "kept").write_text("something dear")
        return Report(0, 0, 0, 0, 0.0, True, 0, [])

    monkeypatch.setattr("projections.care_commands.rebuild", replayed)
    assert run(url_of(lived), "backup", tmp_path / "kept") == 3
    assert (tmp_path / "kept").read_text() == "something dear"
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


@pytest.mark.parametrize("log", ["-wal", "-journal"])
def test_nothing_is_restored_beside_the_log_of_a_former_store(
    lived: DirectWorker, tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str], log: str
) -> None:
    former = Path(f"{url_of(lived).removeprefix('sqlite:')}-wal").read_bytes()
    assert run(url_of(lived), "backup", tmp_path / "kept") == 0
    (tmp_path / f"again.db{log}").write_bytes(former)  # it was killed, and only its first file was put away
    assert run(f"sqlite:{tmp_path}/again.db", "restore", tmp_path / "kept") == 3
    assert f"again.db{log} is there already" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"again.db{log}", "kept"]
    assert (tmp_path / f"again.db{log}").read_bytes() == former


@pytest.mark.parts
def test_a_database_that_holds_something_is_refused(lived: DirectWorker, postgres: Postgres) -> None:
    database = postgres.create_database()
    copy(url_of(lived), database)
    with pytest.raises(StoreFailed, match="not empty: a fresh one is needed"):
        copy(url_of(lived), database)


def test_a_store_that_is_not_there_leaves_no_file(
    tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(f"sqlite:{tmp_path}/absent.db", "backup", tmp_path / "kept") == 3
    assert "the backup failed" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_backup_of_a_damaged_store_says_so(
    tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    played(f"sqlite:{tmp_path}/store.db", examples.balance_and_bridge()).intake.flush_all()
    with closing(sqlite3.connect(tmp_path / "store.db")) as file, file:
        file.execute("DELETE FROM loan WHERE loan_no = 'B'")
    assert run(f"sqlite:{tmp_path}/store.db", "backup", tmp_path / "kept") == 1
    assert "loan B: has no row in the register" in capsys.readouterr().out


def test_a_store_that_is_written_while_it_moves_is_not_moved(
    tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from projections import care_commands

    worker = played(f"sqlite:{tmp_path}/store.db", examples.balance_and_bridge()[:3])

    def copied(source: str, target: str, partitions: int) -> object:
        made = copy(source, target, partitions)
        worker.send(sent([Sender(BANK, _sent=50).issued("NEW", SHOP, "2026-05-01", 1_000)]))
        return made

    monkeypatch.setattr(care_commands, "copy", copied)
    assert run("sqlite:unused.db", "move", url_of(worker), f"sqlite:{tmp_path}/new.db") == 1
    assert "stop its workers" in capsys.readouterr().err
