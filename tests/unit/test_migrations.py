"""A store that an older program wrote: refused with a sentence, and migrated as a whole, in either database."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from aggregates.store import StoreFailed, StoreTooNew, StoreTooOld, open_store
from aggregates.store.chain import chain_key
from aggregates.store.copying import copy
from aggregates.store.migrations import MIGRATIONS, migrate
from aggregates.store.sql import SCHEMA_VERSION
from aggregates.store.transaction import RefusedRow, Transaction
from projections.rebuilding import rebuild
from projections.verifying import verify
from puhui.cli import main
from streams.ending import Status, status_of
from tests.events import Sender, message
from tests.examples import BANK
from tests.parts.postgres import Postgres
from tests.worker import DirectWorker

SECRET = "0123456789abcdef0123456789abcdef"
KEY = chain_key(SECRET)
TESTS = Path(__file__).parents[1]


def statements(url: str, schema: int = 1) -> Iterable[str]:
    """The store of an old schema as this database writes it."""
    for line in (TESTS / f"schema_{schema}.sql").read_text("utf-8").splitlines():
        if line.startswith(("CREATE", "INSERT")) and url.startswith("sqlite:"):
            yield line
        elif line.startswith(("CREATE", "INSERT")) and "__migration__" not in line:
            line = line.replace(" WITHOUT ROWID", "").replace("BLOB", "BYTEA").replace("INTEGER", "BIGINT")
            line = line.replace(
                "state BYTEA, PRIMARY KEY (", "state BYTEA, notification_id bigserial, PRIMARY KEY ("
            )
            yield line.replace("X'", "'\\x")


def on(url: str) -> Any:
    return sqlite3.connect(url.removeprefix("sqlite:")) if url.startswith("sqlite:") else psycopg.connect(url)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.parts)])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A store of schema 1 of some commits, merged blocks and single ones."""
    if request.param == "sqlite":
        url = f"sqlite:{tmp_path}/old.db"
    else:
        server: Postgres = request.getfixturevalue("postgres")
        url = server.create_database()
    with on(url) as database:
        for statement in statements(url):
            database.execute(statement)
    return url


def test_each_file_of_a_folder_is_migrated(tmp_path: Path) -> None:
    url = f"sqlite:{tmp_path}/store/"
    open_store(url, key=KEY, partitions=1).close()
    path = tmp_path / "store" / "partition-0-of-1.db"
    path.unlink()
    with on(f"sqlite:{path}") as database:
        for statement in statements("sqlite:"):
            database.execute(statement)
    with pytest.raises(StoreTooOld):
        open_store(url, read_only=True)
    assert (migrate(url, KEY), migrate(url, KEY)) == (list(range(1, SCHEMA_VERSION)), [])
    with closing(open_store(url, key=KEY)) as store:
        assert [last for _, _, last, _ in store.books()]


def test_a_store_of_an_older_program_is_refused_until_it_is_migrated(old: str) -> None:
    for read_only in (True, False):
        with pytest.raises(StoreTooOld, match=r"the store has schema 1, .* run `puhui migrate`") as refused:
            open_store(old, read_only=read_only)
        assert status_of(refused.value) is Status.UNDECIDED
    assert migrate(old, KEY) == list(range(1, SCHEMA_VERSION))
    with closing(open_store(old, key=KEY)) as store:
        assert all(row.said == "" for row in store.refused())
        store.write(Transaction(refused=[RefusedRow(BANK, 1, 2, "V04", "data.value", 3, "t/0/1", "[]")]))
        assert store.refused(BANK)[-1].said == "[]"
    assert migrate(old, KEY) == [], "once is enough"


def test_a_migrated_store_is_whole_and_chained(old: str) -> None:
    migrate(old, KEY)
    assert rebuild(old, processes=1).differences == 0
    verified = verify(old, KEY)
    assert (verified.findings, verified.books, verified.commits) == (0, 2, 13)


def test_loans_of_schema_2_learn_the_numbers_of_their_repayments(tmp_path: Path) -> None:
    """What was counted twice stays so; who tells one of them again is known."""
    url = f"sqlite:{tmp_path}/old.db"
    with on(url) as database:
        for statement in statements(url, 2):
            database.execute(statement)
    assert migrate(url, KEY) == [2]
    assert (rebuild(url, processes=1).differences, verify(url, KEY).findings) == (0, 0)
    worker = DirectWorker(open_store(url, key=KEY))
    worker.offsets |= {("loan-events", n): 7 for n in range(3)}
    again = message(Sender(BANK).repaid("A", "2024-06-21", 200, repayment_no="R2") | {"id": "head-office-2"})
    worker.send([(again.topic, again.key.decode(), again.value)], at=1_719_900_000_000)
    loan = worker.intake.book(BANK).loan("A")
    assert loan is not None
    assert loan.balance == 100 * 10_000 - 150 - 100 - 200
    worker.intake.flush_all()
    worker.store.close()
    assert rebuild(url, processes=1).differences == 0


def test_a_fresh_store_has_the_schema_to_which_the_migrations_lead(tmp_path: Path) -> None:
    assert sorted(MIGRATIONS) == list(range(1, SCHEMA_VERSION))
    with closing(open_store(f"sqlite:{tmp_path}/fresh.db")) as fresh:
        assert fresh.meta("schema") == str(SCHEMA_VERSION)


def test_a_log_that_is_not_whole_is_not_migrated_in_part(old: str) -> None:
    with on(old) as database:
        database.execute("DELETE FROM stored_events WHERE originator_version = 11")
    with pytest.raises(StoreFailed, match="commit 11 of book 9114102400000T018M is not in the log"):
        migrate(old, KEY)
    with pytest.raises(StoreTooOld):
        open_store(old)


def test_a_damaged_log_is_not_migrated(old: str) -> None:
    with on(old) as database:
        database.execute(
            "UPDATE stored_events SET state = attributes FROM segment WHERE originator_version = 4"
        )
    with pytest.raises(StoreFailed, match="the store is damaged, and not migrated"):
        migrate(old, KEY)


def test_a_store_of_a_newer_program_is_refused_by_every_door(old: str, tmp_path: Path) -> None:
    with on(old) as database:
        database.execute("UPDATE meta SET value = '99'")
    for door in (
        lambda: open_store(old), lambda: open_store(old, read_only=True), lambda: migrate(old, KEY),
        lambda: copy(old, f"sqlite:{tmp_path}/copy.db"),
    ):  # fmt: skip
        with pytest.raises(StoreTooNew, match="the store has schema 99, this program knows up to 3"):
            door()


def test_the_command_says_through_what_it_went(
    old: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "key").write_text(f"{SECRET}\n")
    monkeypatch.setenv("PUHUI_STORE", old)
    monkeypatch.setenv("PUHUI_CHAIN_KEY_FILE", str(tmp_path / "key"))
    assert [main(["backup", str(tmp_path / "kept")]), main(["migrate"]), main(["migrate"])] == [3, 0, 0]
    assert capsys.readouterr().out.splitlines() == ["schema 1 → 2 → 3", "nothing is to be done"]
    assert main(["verify"]) == 0


def test_what_is_no_store_is_not_migrated(tmp_path: Path) -> None:
    with pytest.raises(StoreFailed, match="cannot be migrated"):
        migrate(f"sqlite:{tmp_path}/absent.db", KEY)
    assert list(tmp_path.iterdir()) == []
