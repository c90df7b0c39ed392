"""`puhui archive`: what goes is proven first and can be asked and verified there, and no figure changes; in either database."""

import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from aggregates.store import Store, StoreFailed, open_store
from aggregates.store.chain import chain_key
from aggregates.store.copying import copy
from aggregates.store.postgres import PostgresStore
from aggregates.store.sqlite import SqliteStore
from aggregates.store.transaction import RefusedRow, Transaction
from projections.alerts import Evidence, Finding, Reading
from projections.archiving import archive
from projections.evidence import facts_of
from projections.rebuilding import rebuild
from projections.rebuilding.archives import ArchiveNeeded, archived
from projections.verifying import Head, verify
from projections.views import Figures
from puhui.cli import main
from tests import digests, examples
from tests.events import Sender
from tests.examples import BANK, SHOP
from tests.figures import instant
from tests.parts.postgres import Postgres
from tests.tampering import sent
from tests.worker import PARTITIONS, DirectWorker

SECRET = "a-key-that-only-the-auditors-have"
KEY = chain_key(SECRET)
OLD, WRITTEN = 9, 11
"""Commits of 2026; those that are written back, two of 2027 among them. Two more are not."""
NOW = instant("2027-03-01")
BANKER = Sender(BANK, _sent=100)


def lived(url: str) -> None:
    """A bank's book of two years, and something of 2026 that was refused."""
    worker = DirectWorker(
        open_store(url, key=KEY, partitions=PARTITIONS), clock=instant("2026-07-02") // 1000
    )
    for one in sent([*examples.balance_and_bridge(), BANKER.issued("NOTHING", SHOP, "2026-05-01", 0)]):
        worker.send([one])
    pay(worker, "2027-02-15", 100, 200)
    worker.intake.flush_all()
    pay(worker, "2027-02-16", 300, 400)
    worker.store.close()


def pay(worker: DirectWorker, day: str, *amounts: int) -> None:
    """Repayments on a day, a commit each."""
    for amount in amounts:
        worker.send(sent([BANKER.repaid("B", day, amount)]), at=instant(day) // 1000)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = f"sqlite:{tmp_path_factory.mktemp('original')}/store.db"
    lived(url)
    return url


@pytest.fixture(params=["sqlite", "files", pytest.param("postgres", marks=pytest.mark.parts)])
def store(request: pytest.FixtureRequest, original: str, tmp_path: Path) -> str:
    url = f"sqlite:{tmp_path}/store.db"
    if request.param == "files":
        lived(url := f"sqlite:{tmp_path}/store/")
        return url
    if request.param == "postgres":
        server: Postgres = request.getfixturevalue("postgres")
        url = server.create_database()
    copy(original, url)
    return url


@pytest.fixture
def before(store: str) -> digests.State:
    """What could be asked before."""
    return seen(store)


@pytest.fixture
def kept(store: str, before: digests.State, tmp_path: Path) -> Path:
    """The archive of the years before 2027."""
    archive(store, KEY, 2027, tmp_path / "kept", "zhang", NOW)
    return tmp_path / "kept"


def seen(url: str) -> digests.State:
    """All that a reader can ask, and the columns from which any day is figured as known at any version."""
    with closing(open_store(url, read_only=True)) as store:
        found = {
            part: value for part, value in digests.state(store).items() if part not in ("facts", "refused")
        }
        found["figures"] = {key: value for key, value in found["figures"].items() if key[0] == BANK}
        _, commits, moves = zip(*store.blocks(BANK, 0), strict=True)
    return {**found, "columns": {"commits": b"".join(commits), "movements": b"".join(moves)}}


def do(url: str, statement: str, *values: Any) -> None:
    """Change something in a store, as somebody may who has the database but not the key."""
    if url.startswith("sqlite:"):
        path, changed = Path(url.removeprefix("sqlite:")), 0
        for one in path.glob("*.db") if path.is_dir() else (path,):
            with closing(sqlite3.connect(one)) as file, file:
                changed += file.execute(statement, values).rowcount
    else:
        with psycopg.connect(url) as database:
            changed = database.execute(statement.replace("?", "%s").encode(), values).rowcount
    assert changed >= 1


def head(url: str, version: int) -> Head:
    with closing(open_store(url, read_only=True)) as store:
        return Head(BANK, version, store.link(BANK, version).hex(), "2026-12-31")


def first_record(url: str) -> int | None:
    with closing(open_store(url, read_only=True)) as store:
        return store.first_record(BANK)


def test_records_of_the_years_before_go_and_no_figure_changes(
    store: str, before: digests.State, tmp_path: Path
) -> None:
    made = archive(store, KEY, 2027, tmp_path / "kept", "zhang", NOW)
    assert (made.books, made.records, made.refused) == (1, OLD, 1)
    assert first_record(store) == OLD + 1
    assert digests.differences(seen(store), before) == {}
    with closing(open_store(store, read_only=True)) as left:
        assert left.refused() == []


def test_the_archive_can_be_asked_verified_and_rebuilt_by_itself(
    kept: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"sqlite:{kept}"
    verified = verify(url, KEY)
    assert (verified.findings, verified.archive) == (0, "")
    assert rebuild(url, processes=1).differences == 0
    with closing(open_store(url, read_only=True)) as store:
        assert [row.rule for row in store.refused()] == ["V04"]
    assert not kept.with_name("kept-wal").exists(), "all of it is in one file"
    monkeypatch.setenv("PUHUI_STORE", url)
    assert main(["figures", "--institution", BANK, "--indicator", "I21", "--as-of", "2026-06-30"]) == 0
    assert "5,050.00" in capsys.readouterr().out


def test_the_chain_goes_on_from_the_cut_and_with_the_archive_from_the_first_commit(
    store: str, kept: Path
) -> None:
    heads = [head(f"sqlite:{kept}", OLD), head(store, WRITTEN + 2)]
    alone, together = verify(store, KEY, heads), verify(store, KEY, heads, kept)
    assert (alone.findings, alone.archive) == (0, "kept")
    assert (together.findings, together.archive) == (0, "")
    published = Head(BANK, OLD, "00" * 16, "2026-12-31")
    assert [d.subject for d in verify(store, KEY, [published]).listed] == [f"commit {OLD}"]


def test_what_is_changed_before_the_cut_is_found_in_either_place(store: str, kept: Path) -> None:
    with closing(open_store(store, read_only=True)) as opened:
        version, _, moves = opened.blocks(BANK, 0)[0]
    do(
        store,
        "UPDATE ledger SET moves = ? WHERE book = ? AND version = ?",
        b"\x01" + moves[1:],
        BANK,
        version,
    )
    said = f"or one before it is not what it was when {kept.name} was made"
    assert [(d.subject, d.what) for d in verify(store, KEY).listed] == [(f"commit {OLD}", said)]
    do(store, "UPDATE ledger SET moves = ? WHERE book = ? AND version = ?", moves, BANK, version)
    assert verify(store, KEY).findings == 0
    with closing(open_store(f"sqlite:{kept}", read_only=True)) as opened:
        record = dict(opened.records(BANK))[3]
    changes = "UPDATE stored_events SET state = ? WHERE originator_id = ? AND originator_version = 4"
    do(f"sqlite:{kept}", changes, record, BANK)
    assert [d.subject for d in verify(store, KEY, archive=kept).listed] == ["commit 4"]


def test_records_that_somebody_else_dropped_are_missed(store: str, kept: Path) -> None:
    do(store, "DELETE FROM stored_events WHERE originator_id = ? AND originator_version = ?", BANK, OLD + 1)
    assert [(d.subject, d.what) for d in verify(store, KEY).listed] == [
        (f"commit {OLD + 1}", "is not in the log")
    ]
    do(store, "DELETE FROM stored_events WHERE originator_id = 'archives'")
    assert verify(store, KEY).findings > OLD, "what was told of the archive is chained too"


def test_a_worker_goes_on_and_starts_again(store: str, kept: Path) -> None:
    worker = DirectWorker(open_store(store, key=KEY))
    worker.offsets = offsets(worker)
    pay(worker, "2027-03-02", 500)
    worker.intake.flush_all()
    worker.store.close()
    assert rebuild(store, processes=1, archive=kept).differences == 0
    assert verify(store, KEY).findings == 0


def test_what_comes_late_after_a_restart_is_flagged_and_restates_what_is_closed(
    store: str, kept: Path
) -> None:
    """The first record, of the day on which the bank went live, is in the archive: the date is not."""
    worker = DirectWorker(open_store(store, key=KEY))
    worker.offsets = offsets(worker)
    worker.send(sent([BANKER.repaid("B", "2026-12-15", 500)]), at=instant("2027-03-02") // 1000)
    restated = {row.period for row in worker.store.restatements(BANK)}
    flagged = [key for key in worker.store.counted_in_all() if key[:3] == (BANK, "flagged", "V07")]
    worker.store.close()
    assert restated == {"2026-12", "2027-01", "2026Q4"}
    assert len(flagged) == 1


@pytest.mark.parametrize("dropped", [0, 4])
def test_an_archive_that_was_broken_off_is_made_again(
    store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dropped: int
) -> None:
    half, drop = tmp_path / "half", Store.drop_records

    def broken_off(self: Store, book: str, upto: int) -> None:
        drop(self, book, min(upto, dropped))
        raise StoreFailed("the disk is gone")

    with monkeypatch.context() as patch:
        patch.setattr(Store, "drop_records", broken_off)
        with pytest.raises(StoreFailed, match="the disk is gone"):
            archive(store, KEY, 2027, half, "zhang", NOW)
    assert first_record(store) == dropped + 1
    assert verify(store, KEY).findings == verify(store, KEY, archive=half).findings == 0
    assert rebuild(store, processes=1, archive=half).differences == 0
    assert archive(store, KEY, 2027, tmp_path / "kept", "zhang", NOW, half).records == OLD - dropped
    assert first_record(store) == OLD + 1
    assert rebuild(store, processes=1, archive=tmp_path / "kept").differences == 0


def test_a_worker_goes_on_writing_while_an_archive_is_made(store: str, tmp_path: Path) -> None:
    worker, stop = DirectWorker(open_store(store, key=KEY)), threading.Event()
    worker.offsets = offsets(worker)

    def write() -> None:
        while not stop.is_set():
            pay(worker, "2027-03-02", 1)
            worker.intake.flush_all()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        archive(store, KEY, 2027, tmp_path / "kept", "zhang", NOW)
    finally:
        stop.set()
        writer.join()
    written = worker.store.book(BANK)
    worker.store.close()
    assert written is not None
    assert written[1] > WRITTEN + 2, "it did write meanwhile"
    assert verify(store, KEY).findings == 0
    assert rebuild(store, processes=1, archive=tmp_path / "kept").differences == 0


def test_a_rebuild_needs_the_archive_and_makes_the_store_whole_again(
    store: str, before: digests.State, kept: Path, tmp_path: Path
) -> None:
    with pytest.raises(ArchiveNeeded, match=r"of before 2027 are in the archive kept: give it by --with"):
        rebuild(store, processes=1)
    whole = f"sqlite:{tmp_path}/whole.db"
    report = rebuild(store, whole, processes=2, key=KEY, archive=kept)
    assert (report.differences, report.whole) == (0, True)
    assert digests.differences(seen(whole) | {"register": {}}, before | {"register": {}}) == {}
    assert verify(whole, KEY).findings == rebuild(whole, processes=1).differences == 0
    with closing(open_store(whole, read_only=True)) as opened:
        assert archived(opened) == {}


def test_evidence_says_which_commits_it_could_not_look_at(original: str, store: str, kept: Path) -> None:
    evidence = Evidence(
        indicator="I22", unit="ratio", value="0", as_of="2026-06-30", versions={BANK: WRITTEN}
    )
    finding = Finding(
        rule="NprSwing", version=1, subject=BANK, period="2026Q2", reading=Reading.BREACH, severity="orange",
        headline="", evidence=evidence,
    )  # fmt: skip
    found = []
    for url in (original, store):
        with closing(open_store(url, read_only=True)) as opened:
            figures = Figures(opened)
            figures.follow()
            found.append(facts_of(opened, figures, finding) or ())
    whole, left = found
    assert left[0] == {"fact": "records_archived", "version": OLD}
    assert len(whole) > 1
    assert all("loan_no" in fact for fact in whole)
    without = [{name: fact[name] for name in fact.keys() - {"loan_no", "event"}} for fact in whole]
    assert list(left[1:]) == without, "movements stay, who made them is in the archive"


def test_only_the_archive_itself_will_do(store: str, kept: Path, tmp_path: Path) -> None:
    fresh = tmp_path / "fresh"
    open_store(f"sqlite:{fresh}").close()
    with pytest.raises(ArchiveNeeded, match=f"does not have the commits of book {BANK} up to {OLD}"):
        rebuild(store, processes=1, archive=fresh)


def test_the_next_archive_takes_the_place_of_the_one_before(store: str, kept: Path, tmp_path: Path) -> None:
    worker = DirectWorker(open_store(store, key=KEY))
    worker.offsets = offsets(worker)
    pay(worker, "2028-02-01", 700, 800)
    worker.intake.flush_all()
    worker.store.close()
    later = tmp_path / "later"
    with pytest.raises(ArchiveNeeded, match="kept"):
        archive(store, KEY, 2028, later, "li", NOW)
    assert archive(store, KEY, 2028, later, "li", NOW, kept).records == 4
    kept.unlink()
    assert rebuild(store, processes=1, archive=later).differences == 0
    assert verify(store, KEY, archive=later).findings == verify(store, KEY).findings == 0


def test_an_archive_of_fewer_years_takes_no_place(store: str, kept: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreFailed, match="the commit records of before 2027 are in the archive kept"):
        archive(store, KEY, 2026, tmp_path / "fewer", "li", NOW, kept)
    assert verify(store, KEY, archive=kept).findings == 0


def test_refusals_go_some_at_a_time(store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    most, sizes = 3, list[int]()
    with closing(open_store(store, key=KEY)) as opened:
        old = [RefusedRow("unknown", n, -n, "V03", "id", n, "p") for n in range(10)]
        opened.write(Transaction(refused=[*old, RefusedRow("unknown", 5, 77, "V03", "id", NOW, "p")]))
    monkeypatch.setattr("aggregates.store.base.DROPPED_AT_ONCE", most)
    for kind in (SqliteStore, PostgresStore):
        monkeypatch.setattr(kind, "_run", _noting(sizes, kind._run))
    assert archive(store, KEY, 2027, tmp_path / "kept", "zhang", NOW).refused == 11
    with closing(open_store(store, read_only=True)) as opened:
        assert [row.at for row in opened.refused()] == [NOW]
    with closing(open_store(f"sqlite:{tmp_path}/kept", read_only=True)) as kept:
        assert [row.at for row in kept.refused()][1:] == [*range(9, -1, -1)]
    assert max(sizes) <= most


def _noting(sizes: list[int], run: Callable[..., None]) -> Callable[..., None]:
    def noted(self: Store, book: str | None, statement: str, rows: Sequence[Any]) -> None:
        before = len(self.refused())
        run(self, book, statement, rows)
        sizes.append(before - len(self.refused()))

    return noted


def offsets(worker: DirectWorker) -> dict[tuple[str, int], int]:
    """Where a worker that is started anew goes on."""
    found = ((key.split("/"), position) for key, position in worker.store.positions().items())
    return {(place[1], int(place[2])): position for place, position in found}


def test_nothing_goes_that_is_not_final_or_not_proven(store: str, tmp_path: Path) -> None:
    with pytest.raises(StoreFailed, match="the figures of 2027 are final on 2028-01-30"):
        archive(store, KEY, 2028, tmp_path / "kept", "zhang", NOW)
    with pytest.raises(StoreFailed, match="no commit record of before 2026"):
        archive(store, KEY, 2026, tmp_path / "kept", "zhang", NOW)
    with closing(open_store(store, read_only=True)) as opened:
        record = dict(opened.records(BANK))[8]
    statement = "UPDATE stored_events SET state = ? WHERE originator_id = ? AND originator_version = 9"
    do(store, statement, record, BANK)
    with pytest.raises(StoreFailed, match="is not archived"):
        archive(store, KEY, 2027, tmp_path / "kept", "zhang", NOW)
    assert not (tmp_path / "kept").exists()
    assert first_record(store) == 1


@pytest.fixture
def run(store: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    monkeypatch.setenv("PUHUI_STORE", store)
    monkeypatch.setenv("PUHUI_CHAIN_KEY", SECRET)
    monkeypatch.setenv("SUDO_USER", "zhang")

    def run(*arguments: object) -> int:
        return main([str(argument) for argument in arguments])

    return run


def test_the_commands_say_what_is_where(
    run: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "kept"
    assert run("archive", "--before", 2027, "--to", kept) == 0
    assert f"{OLD} commit records of 1 books" in capsys.readouterr().out
    assert run("archive", "--before", 2027, "--to", kept) == 3
    assert "--with" in capsys.readouterr().err
    for command in ("rebuild", "audit"):
        assert run(command) == 3
        assert "in the archive kept: give it by --with" in capsys.readouterr().err
        assert run(command, "--with", kept) == 0
    assert run("verify") == 0
    assert "kept were not looked at" in capsys.readouterr().out
    assert run("verify", "--with", kept) == 0
    assert "not looked at" not in capsys.readouterr().out
    assert run("backup", tmp_path / "copy") == 0
    assert "it was not replayed" in capsys.readouterr().out
    assert run("backup", tmp_path / "again", "--with", kept) == 0
    assert "replayed with no differences" in capsys.readouterr().out
    assert run("history", "--what", "records") == 0
    said = f"records.archived  {BANK}  by zhang: commit records up to {OLD}, of before 2027, in kept"
    assert said in capsys.readouterr().out
