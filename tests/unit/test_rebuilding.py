"""`puhui rebuild`: what the log makes is what is stored, and can take its place."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from itertools import islice
from pathlib import Path

import msgspec
import pytest

from aggregates.store import StoreFailed, open_store
from aggregates.store.transaction import Commit, Transaction
from projections.rebuilding import Report, rebuild, running
from projections.rebuilding import movements as ledger
from puhui.cli import main
from streams.simulation import county
from tests import digests, examples
from tests.events import Event, Sender, yuan
from tests.examples import BANK, SHOP
from tests.figures import total
from tests.parts.postgres import Postgres
from tests.tampering import Tampered, played, sent, tampered_store
from tests.worker import DirectWorker

EXAMPLES = (
    examples.balance_and_bridge, examples.partial_renewal, examples.two_into_one_with_increase,
    examples.renewed_again, examples.line_crossing, examples.late_line_crossing, examples.relabelled,
    examples.reversal_across_a_quarter_end,
)  # fmt: skip


@pytest.fixture
def tampered(tmp_path: Path) -> Tampered:
    return tampered_store(tmp_path)


@pytest.mark.parametrize("example", EXAMPLES)
def test_what_was_played_is_what_the_log_makes(tmp_path: Path, example: Callable[[], list[Event]]) -> None:
    url, fresh = f"sqlite:{tmp_path}/store.db", f"sqlite:{tmp_path}/fresh.db"
    worker = played(url, example())
    behind = rebuild(url, processes=1)
    assert (behind.differences, behind.facts) == (0, len(example()))
    worker.intake.flush_all()
    assert rebuild(url, fresh, processes=1).differences == 0
    assert rebuild(fresh, processes=1).differences == 0


def test_a_fresh_store_takes_the_old_ones_place(tmp_path: Path) -> None:
    url, fresh = f"sqlite:{tmp_path}/store.db", f"sqlite:{tmp_path}/fresh.db"
    bank, events = Sender(BANK, _sent=100), examples.balance_and_bridge()
    early = bank.repaid("LATER", "2026-06-01", 100)
    too_much = bank.repaid("B", "2026-06-01", yuan(99_000_000))
    worker = played(
        url,
        [
            *events,
            early,
            too_much,
            bank.issued("NOTHING", SHOP, "2026-05-01", 0),
            total(bank, "2026-06-30", "PH", "5050.00"),
        ],
    )
    worker.intake.flush_all()
    rebuild(url, fresh, processes=1)
    old, new = open_store(url, read_only=True), open_store(fresh)
    assert digests.differences(digests.state(new), digests.state(old)) == {}
    assert [row.id for row in new.outbox()] == [row.id for row in old.outbox()] != []
    assert new.positions() == old.positions() != {}
    assert [(b, last, at) for b, _, last, at in new.books()] == [
        (b, last, at) for b, _, last, at in old.books()
    ]
    successor = DirectWorker(new, clock=worker.clock, offsets=dict(worker.offsets))
    rest = [*events, early, too_much, bank.issued("LATER", SHOP, "2026-05-01", 1_000)]
    for going_on in (worker, successor):
        going_on.send(sent(rest))
        going_on.intake.flush_all()
    assert digests.differences(digests.state(new), digests.state(old)) == {}
    assert [row.rule for row in new.parked()] == ["V19"]


def test_a_part_of_the_county_in_two_processes(tmp_path: Path) -> None:
    url, fresh = f"sqlite:{tmp_path}/store.db", f"sqlite:{tmp_path}/fresh.db"
    worker = DirectWorker(open_store(url), flush_every=30_000)
    messages = list(islice(county(1, environment="test").history(), 12_000))
    for start in range(0, len(messages), 1500):
        part = messages[start : start + 1500]
        at = int(part[-1].recorded_at.timestamp() * 1000)
        worker.send([(m.topic, m.key, m.value) for m in part], at=at)
    report = rebuild(url, fresh)
    assert report.differences == 0, report.listed
    assert report.whole
    assert report.facts > 11_900
    assert rebuild(fresh, processes=1).movements == report.movements
    worker.intake.flush_all()
    old, new = open_store(url, read_only=True), open_store(fresh, read_only=True)
    assert digests.differences(digests.state(new), digests.state(old)) == {}


def test_a_worker_that_writes_meanwhile_makes_no_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, events = f"sqlite:{tmp_path}/store.db", examples.balance_and_bridge()
    worker = played(url, events[:6])
    worker.intake.flush_all()
    worker.send(sent(events[6:7]))
    compared = ledger.Movements

    def movements(*arguments: object) -> object:
        worker.send(sent(events[7:8]))
        worker.intake.flush_all()
        worker.send(sent(events[8:]))
        return compared(*arguments)  # type: ignore[arg-type]  # handed on as they came

    monkeypatch.setattr(running, "Movements", movements)
    with closing(open_store(url, read_only=True)) as store:
        found = running.rebuild_book(store, BANK)
    assert (found.version, found.facts, found.count) == (6, 6, 0)


def test_a_rebuild_never_overwrites(tampered: Tampered) -> None:
    with pytest.raises(StoreFailed, match="is not empty"):
        rebuild(tampered.url, tampered.url, processes=1)


def test_the_command_lists_counts_and_says_by_its_status(
    tampered: Tampered, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("PUHUI_STORE", tampered.url)
    assert main(["rebuild", "--processes", "1"]) == 0
    assert capsys.readouterr().out.startswith("no differences: 2 books, ")
    tampered.do("DELETE FROM loan WHERE loan_no = 'A'")
    assert main(["rebuild", "--processes", "2"]) == 1
    assert capsys.readouterr().out.splitlines()[0] == f"{BANK}  loan A: has no row in the register"
    assert main(["rebuild", "--json", "--processes", "1"]) == 1
    report = msgspec.json.decode(capsys.readouterr().out, type=Report)
    assert [d.subject for d in report.listed] == ["loan A"]
    assert main(["rebuild", "--into", tampered.url, "--processes", "1"]) == 3
    assert "is not empty" in capsys.readouterr().err
    monkeypatch.setenv("PUHUI_STORE", f"sqlite:{tmp_path}/none.db")
    assert main(["rebuild"]) == 3
    assert capsys.readouterr().err == f"puhui: the rebuild failed: there is no store {tmp_path}/none.db\n"


def test_a_long_list_is_cut_and_counted(
    tampered: Tampered, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PUHUI_STORE", tampered.url)
    with closing(sqlite3.connect(tampered.url.removeprefix("sqlite:"))) as database, database:
        state = b"\x90"
        database.executemany(
            "INSERT INTO loan VALUES(?, ?, ?)", [(BANK, f"X{n:03d}", state) for n in range(250)]
        )
    assert main(["rebuild", "--processes", "1"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{BANK}  loan X000: is in the register, but no fact speaks of it"
    assert lines[-2] == "… and 150 more"
    assert lines[-1].startswith("250 differences: ")
    assert main(["rebuild", "--processes", "1", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["differences"] == 250


@pytest.mark.parts
def test_postgresql_is_rebuilt_and_rebuilt_into(postgres: Postgres, tmp_path: Path) -> None:
    one, other = postgres.create_database(), postgres.create_database()
    worker = played(one, examples.balance_and_bridge())
    assert rebuild(one, processes=1).differences == 0
    worker.intake.flush_all()
    assert rebuild(one, other, processes=2).differences == 0
    assert rebuild(other, f"sqlite:{tmp_path}/fresh.db", processes=1).differences == 0
    again = open_store(f"sqlite:{tmp_path}/fresh.db", read_only=True)
    assert digests.differences(digests.state(again), digests.state(worker.store)) == {}


@pytest.mark.parts
def test_several_commits_of_a_book_go_into_one_transaction(postgres: Postgres) -> None:
    store = open_store(postgres.create_database())
    commits = [Commit("bank", version, version, b"state", b"", 0) for version in (1, 2, 3)]
    store.write(Transaction(born=["bank"], commits=commits))
    assert store.book("bank") == (0, 3, 3)
