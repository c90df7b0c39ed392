"""What is given as a store and is none, or none yet, is named in a sentence that says what to do, and is left as it was."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest

from aggregates.store import StoreFailed, StoreUnfit, open_store
from aggregates.store.migrations import migrate
from tests.parts.postgres import Postgres

EMPTY = "is empty: no worker has written to it yet; is it the one that workers write to?"
FOREIGN = "is none: it holds the tables of another program; name another place"
DAMAGED = (
    "is none, or is damaged: SQLite cannot read it; name another place, or restore the store from a backup"
)
NOBODY = 65534


def foreign(path: Path, table: str = "invoice(number)") -> Path:
    """A database of another program."""
    with closing(sqlite3.connect(path)) as file:
        file.execute(f"CREATE TABLE {table}")
    return path


def refused(url: str, *, read_only: bool = True, partitions: int = 0) -> str:
    """The sentence with which a store is not opened."""
    with pytest.raises(StoreFailed) as error:
        open_store(url, read_only=read_only, partitions=partitions).close()
    return str(error.value)


def not_migrated(url: str) -> str:
    """The sentence with which a store is not migrated."""
    with pytest.raises(StoreFailed) as error:
        migrate(url, b"")
    return str(error.value)


def test_an_empty_file_is_none_for_who_reads_and_becomes_one_for_who_writes(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    path.touch()
    assert refused(f"sqlite:{path}") == f"the store {path} {EMPTY}"
    assert not_migrated(f"sqlite:{path}") == f"the store cannot be migrated: the store {path} {EMPTY}"
    open_store(f"sqlite:{path}").close()
    open_store(f"sqlite:{path}", read_only=True).close()


@pytest.mark.parametrize("table", ["invoice(number)", "meta(anything)"])
def test_the_database_of_another_program_is_refused_and_gets_no_tables_of_ours(
    tmp_path: Path, table: str
) -> None:
    path = foreign(tmp_path / "theirs.db", table)
    before = path.read_bytes()
    said = [refused(f"sqlite:{path}", read_only=read_only) for read_only in (True, False)]
    assert {*said, not_migrated(f"sqlite:{path}")} == {f"the store {path} {FOREIGN}"}
    assert path.read_bytes() == before


def test_another_programs_database_is_not_tried_again(tmp_path: Path) -> None:
    with pytest.raises(StoreUnfit):
        open_store(f"sqlite:{foreign(tmp_path / 'theirs.db')}")


def test_a_file_that_is_no_database_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear supervisor,\n" * 500)
    before = path.read_bytes()
    said = [refused(f"sqlite:{path}", read_only=read_only) for read_only in (True, False)]
    assert {*said, not_migrated(f"sqlite:{path}")} == {f"the store {path} {DAMAGED}"}
    assert path.read_bytes() == before


@contextmanager
def an_ordinary_user() -> Iterator[None]:
    """Root may do everything: for a moment we are not."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


def test_a_folder_into_which_the_user_may_not_look_is_named(shared: Path) -> None:
    path = shared / "closed" / "puhui.db"
    open_store(f"sqlite:{path}").close()
    shared.chmod(0o711)
    path.parent.chmod(0)
    try:
        with an_ordinary_user():
            said = [refused(f"sqlite:{path}", read_only=read_only) for read_only in (True, False)]
    finally:
        path.parent.chmod(0o700)
    assert set(said) == {f"the store {path} cannot be opened: this user may not look into its folder"}


@pytest.mark.parametrize("mode", [0o000, 0o711, 0o744])
@pytest.mark.parametrize("partitions", [0, 2])
def test_a_folder_of_files_into_which_the_user_may_not_look_is_named(
    shared: Path, mode: int, partitions: int
) -> None:
    folder = shared / "store"
    open_store(f"sqlite:{folder}/", partitions=2).close()
    shared.chmod(0o711)
    folder.chmod(mode)
    try:
        with an_ordinary_user():
            said = {
                refused(f"sqlite:{folder}/", read_only=True, partitions=partitions),
                refused(f"sqlite:{folder}/", read_only=False, partitions=partitions),
                not_migrated(f"sqlite:{folder}/"),
            }
    finally:
        folder.chmod(0o700)
    assert said == {f"the store {folder}/ cannot be opened: this user may not look into it"}


@pytest.mark.parametrize(
    ("file", "folder", "read_only", "said"),
    [
        (0o000, 0o777, True, "this user may not read it"),
        (0o444, 0o777, False, "this user may not write it"),
        (0o666, 0o555, False, "this user may not write into its folder"),
    ],
)
def test_a_file_that_the_user_may_not_use_is_named_with_what_is_missing(
    shared: Path, file: int, folder: int, read_only: bool, said: str
) -> None:
    path = shared / "puhui.db"
    open_store(f"sqlite:{path}").close()
    path.chmod(file)
    shared.chmod(folder)
    with an_ordinary_user():
        assert refused(f"sqlite:{path}", read_only=read_only) == f"the store {path} cannot be opened: {said}"


@pytest.fixture
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder into which every user may look."""
    path = tmp_path_factory.mktemp("shared")
    above = [parent for parent in path.parents if parent.stat().st_uid == os.getuid() and parent != Path("/")]
    before = [parent.stat().st_mode for parent in above]
    for parent, mode in zip(above, before, strict=True):
        parent.chmod(mode | 0o011)
    yield path
    path.chmod(0o700)
    for parent, mode in zip(above, before, strict=True):
        parent.chmod(mode)


def test_an_empty_database_of_postgresql_is_none_for_who_reads(postgres: Postgres) -> None:
    url = postgres.create_database()
    said = refused(url)
    assert said.startswith("the store postgresql://")
    assert said.endswith(EMPTY)
    assert not_migrated(url) == f"the store cannot be migrated: {said}"
    open_store(url).close()
    open_store(url, read_only=True).close()


def test_another_programs_database_of_postgresql_is_refused_and_gets_no_tables_of_ours(
    postgres: Postgres,
) -> None:
    url = postgres.create_database()
    with psycopg.connect(url) as theirs:
        theirs.execute("CREATE TABLE invoice(number INTEGER)")
    said = [refused(url, read_only=read_only) for read_only in (True, False)]
    assert len({*said, not_migrated(url)}) == 1
    assert said[0].endswith(FOREIGN)
    with psycopg.connect(url) as theirs:
        tables = theirs.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    assert tables == [("invoice",)]
