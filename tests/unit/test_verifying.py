"""`puhui verify`: whatever is done to the commits of a book is found, and its place is named; in either database."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from aggregates.facts import decode_record, encode_record
from aggregates.store import StoreFailed, StoreIncomplete, Superseded, WrongKey, open_store
from aggregates.store.chain import chain_key, link
from aggregates.store.copying import copy
from aggregates.store.transaction import Commit, Transaction
from aggregates.store.writing import COMMIT_HEADER
from projections.ledger import Ledger
from projections.rebuilding import rebuild
from projections.verifying import Head, Verified, verify
from tests import examples
from tests.events import Sender
from tests.examples import BANK
from tests.figures import instant
from tests.parts.postgres import Postgres
from tests.tampering import sent
from tests.worker import DirectWorker

SECRET = "a-key-that-only-the-auditors-have"
KEY = chain_key(SECRET)
LAST, MERGED = 12, 9
"""Of the book's twelve commits the ledger holds the first nine in one block."""
NOT_COMMITTED = "is not what was committed, or not where it was"

CUT_OFF = "was published on 2026-07-02, but the book ends at commit {}: it was cut off"


class Chained:
    """A chained store in either database, with a hand in it."""

    def __init__(self, url: str, key: bytes = KEY) -> None:
        self.url = url
        self.key = key

    def do(self, statement: str, *values: object) -> None:
        """Change something, as somebody may who has the database but not the key."""
        with self._database() as database:
            marks = statement if self.url.startswith("sqlite:") else statement.replace("?", "%s")
            assert database.execute(marks, values).rowcount >= 1, "nothing changed"

    def value(self, statement: str) -> Any:
        with self._database() as database:
            return database.execute(statement).fetchone()[0]

    def _database(self) -> Any:
        if self.url.startswith("sqlite:"):
            return sqlite3.connect(self.url.removeprefix("sqlite:"))
        return psycopg.connect(self.url)

    def verified(self, *heads: Head) -> Verified:
        return verify(self.url, self.key, heads)

    def found(self, *heads: Head) -> list[tuple[str, str]]:
        """What is found, all of it in the one book."""
        verified = self.verified(*heads)
        assert verified.findings == len(verified.listed)
        assert {difference.book for difference in verified.listed} <= {BANK}
        return [(difference.subject, difference.what) for difference in verified.listed]

    def head(self, version: int) -> Head:
        """The head as it was published when this was the last commit."""
        for _, commits, _ in self._blocks():
            for at, _, _, made in COMMIT_HEADER.iter_unpack(bytes(commits)):
                if at == version:
                    return Head(BANK, version, made.hex(), "2026-07-02")
        raise AssertionError(f"no commit {version}")

    def _blocks(self) -> list[Any]:
        with closing(open_store(self.url, read_only=True)) as store:
            return store.blocks(BANK, 0)

    def log(self, change: str, version: int, *values: object) -> None:
        """Change one commit record."""
        self.do(
            f"{change} WHERE originator_id = ? AND originator_version = ?".replace("{}", "stored_events"),
            *values,
            BANK,
            version,
        )

    def ledger(self, change: str, version: int, *values: object) -> None:
        """Change one block of the ledger."""
        self.do(f"{change} WHERE book = ? AND version = ?".replace("{}", "ledger"), *values, BANK, version)

    def state(self, version: int) -> bytes:
        where = f"originator_id = '{BANK}' AND originator_version = {version}"
        return bytes(self.value(f"SELECT state FROM stored_events WHERE {where}"))

    def block(self, version: int) -> tuple[bytes, bytes]:
        (found,) = [(bytes(commits), bytes(moves)) for v, commits, moves in self._blocks() if v == version]
        return found


def lived(url: str, key: bytes) -> None:
    """Twelve commits of one bank: nine written back, three after them."""
    bank, worker = Sender(BANK, _sent=100), DirectWorker(open_store(url, key=key))
    worker.clock = instant("2026-07-02") // 1000
    for one in sent(examples.balance_and_bridge()):
        worker.send([one])
    worker.intake.flush_all()
    for paid in (100, 200, 300):
        worker.send(sent([bank.repaid("B", "2026-07-01", paid)]))
    worker.store.close()


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = f"sqlite:{tmp_path_factory.mktemp('original')}/store.db"
    lived(url, KEY)
    return url


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.parts)])
def store(request: pytest.FixtureRequest, original: str, tmp_path: Path) -> Chained:
    if request.param == "sqlite":
        url = f"sqlite:{tmp_path}/store.db"
    else:
        server: Postgres = request.getfixturevalue("postgres")
        url = server.create_database()
    copy(original, url)
    return Chained(url)


def test_a_store_that_nobody_touched_is_whole(store: Chained) -> None:
    verified = store.verified(store.head(MERGED), store.head(LAST))
    assert (verified.findings, verified.books, verified.commits) == (0, 2, LAST + 1)


def test_a_changed_fact_is_found(store: Chained) -> None:
    record = decode_record(store.state(4))
    forged = encode_record(type(record)(record.recorded_at, [*record.facts, *record.facts]))
    store.log("UPDATE {} SET state = ?", 4, forged)
    assert store.found() == [("commit 4", NOT_COMMITTED)]


def test_a_changed_movement_is_found(store: Chained) -> None:
    _, moves = store.block(11)
    store.ledger("UPDATE {} SET moves = ?", 11, moves[:-2] + b"\x01" + moves[-1:])
    assert store.found() == [("commit 11", NOT_COMMITTED)]


DAMAGED: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda commits: commits[:-1],
    "counting more": lambda commits: commits[:16] + (99).to_bytes(8, "little") + commits[24:],
    "counting less than nothing": lambda commits: commits[:16] + b"\xff" * 8 + commits[24:],
}


@pytest.mark.parametrize("damage", DAMAGED.values(), ids=list(DAMAGED))
@pytest.mark.parametrize("version", [MERGED, LAST])
def test_a_damaged_head_of_a_block_stops_whoever_goes_by_it(
    store: Chained, version: int, damage: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    store.ledger("UPDATE {} SET commits = ?", version, damage(store.block(version)[0]))
    named = f"the ledger of book {BANK} is damaged: its block up to commit {version}"
    with closing(open_store(store.url, key=KEY)) as opened:
        with pytest.raises(StoreIncomplete, match=named):
            Ledger(opened).follow()
    with pytest.raises(StoreFailed, match="damaged"):
        copy(store.url, f"sqlite:{tmp_path}/kept")
    assert store.verified().findings > 0


def test_a_book_whose_first_block_has_no_head_is_not_opened(store: Chained) -> None:
    store.ledger("UPDATE {} SET commits = ?", MERGED, store.block(MERGED)[0][:20])
    with closing(open_store(store.url, key=KEY)) as opened:
        with pytest.raises(StoreIncomplete, match=f"the ledger of book {BANK} is damaged"):
            DirectWorker(opened)


def test_a_changed_instant_of_knowledge_is_found(store: Chained) -> None:
    commits, _ = store.block(11)
    version, recorded_at, count, made = COMMIT_HEADER.unpack(commits)
    store.ledger("UPDATE {} SET commits = ?", 11, COMMIT_HEADER.pack(version, recorded_at - 1, count, made))
    assert store.found() == [("commit 11", NOT_COMMITTED)]


@pytest.mark.parametrize("version", [4, 11, LAST])
def test_a_commit_record_that_was_removed_is_found(store: Chained, version: int) -> None:
    store.log("DELETE FROM {}", version)
    assert store.found() == [(f"commit {version}", "is not in the log")]


def test_a_commit_that_was_removed_from_log_and_ledger_is_found(store: Chained) -> None:
    store.log("DELETE FROM {}", 11)
    store.ledger("DELETE FROM {}", 11)
    assert store.found() == [("commit 11", "is not in the log"), ("commit 11", "is not in the ledger")]


def test_a_commit_that_was_removed_and_the_gap_closed_is_found(store: Chained) -> None:
    commits, _ = store.block(LAST)
    _, recorded_at, count, made = COMMIT_HEADER.unpack(commits)
    store.log("DELETE FROM {}", 11)
    store.ledger("DELETE FROM {}", 11)
    store.log("UPDATE {} SET originator_version = 11", LAST)
    packed = COMMIT_HEADER.pack(11, recorded_at, count, made)
    store.ledger("UPDATE {} SET version = 11, commits = ?", LAST, packed)
    store.do("UPDATE watermark SET last = 11 WHERE book = ?", BANK)
    assert store.found() == [("commit 11", NOT_COMMITTED)]


def test_commits_that_changed_places_are_found(store: Chained) -> None:
    states, blocks = [store.state(v) for v in (11, LAST)], [store.block(v)[1] for v in (11, LAST)]
    for version, state, moves in zip((LAST, 11), states, blocks, strict=True):
        store.log("UPDATE {} SET state = ?", version, state)
        store.ledger("UPDATE {} SET moves = ?", version, moves)
    assert store.found() == [("commit 11", NOT_COMMITTED), ("commit 12", NOT_COMMITTED)]


def test_a_commit_that_was_added_without_the_key_is_found(store: Chained) -> None:
    before, version = bytes.fromhex(store.head(LAST).link), LAST + 1
    state, (_, moves) = store.state(LAST), store.block(LAST)
    recorded_at = decode_record(state).recorded_at
    made = link(chain_key("a guess"), before, BANK, version, recorded_at, state, moves)
    store.do(
        "INSERT INTO stored_events(originator_id, originator_version, topic, state) VALUES(?, ?, 'commit', ?)",
        BANK, version, state,
    )  # fmt: skip
    said = f"commit {version}", "is in the log, behind the last one as the book says"
    assert store.found() == [said], "the log alone has it"
    header = COMMIT_HEADER.pack(version, recorded_at, 1, made)
    store.do(
        "INSERT INTO ledger(book, version, commits, moves) VALUES(?, ?, ?, ?)", BANK, version, header, moves
    )
    store.do("UPDATE watermark SET last = ? WHERE book = ?", version, BANK)
    assert store.found() == [(f"commit {version}", NOT_COMMITTED)], "everything has it"


def test_commits_that_were_cut_off_are_found_by_the_last_version_of_the_book(store: Chained) -> None:
    store.log("DELETE FROM {}", LAST)
    store.ledger("DELETE FROM {}", LAST)
    assert store.found() == [("commit 12", "is not in the log"), ("commit 12", "is not in the ledger")]


def test_commits_that_were_cut_off_everywhere_are_found_by_the_published_head(store: Chained) -> None:
    heads = store.head(MERGED), store.head(LAST)
    store.log("DELETE FROM {}", LAST)
    store.ledger("DELETE FROM {}", LAST)
    store.do("UPDATE watermark SET last = 11 WHERE book = ?", BANK)
    assert store.found() == [], "what is left is whole"
    assert store.found(*heads) == [("commit 12", CUT_OFF.format(11))]


def test_a_book_that_was_removed_is_found_by_the_published_head(store: Chained) -> None:
    head = store.head(LAST)
    store.do("DELETE FROM stored_events WHERE originator_id = ?", BANK)
    store.do("DELETE FROM ledger WHERE book = ?", BANK)
    store.do("DELETE FROM watermark WHERE book = ?", BANK)
    assert store.found(head) == [("commit 12", CUT_OFF.format(0))]


def test_another_history_is_found_by_the_published_head(store: Chained, tmp_path: Path) -> None:
    other = Chained(f"sqlite:{tmp_path}/other.db")
    lived(other.url, KEY)
    with sqlite3.connect(tmp_path / "other.db") as file:
        (recorded_at,) = file.execute("SELECT recorded_at FROM watermark WHERE book = ?", (BANK,)).fetchone()
    with closing(open_store(other.url, key=KEY)) as written:
        state = encode_record(type(decode_record(store.state(1)))(recorded_at + 1, []))
        written.write(Transaction(commits=[Commit(BANK, LAST + 1, recorded_at + 1, state, b"", 0)]))
    published = Head(BANK, LAST + 1, "00" * 16, "2026-07-03")
    assert other.found(other.head(LAST + 1)) == []
    assert other.found(published) == [("commit 13", "is not the one that was published on 2026-07-03")]


def test_the_chain_goes_on_after_another_writer_and_after_a_refused_transaction(store: Chained) -> None:
    state = store.state(LAST)
    with closing(open_store(store.url, key=KEY)) as one, closing(open_store(store.url, key=KEY)) as other:
        for writer, version in ((one, 13), (other, 14), (one, 15), (one, 16)):
            writer.write(Transaction(commits=[Commit(BANK, version, version, state, b"", 0)]))
        with pytest.raises(Superseded):
            other.write(Transaction(commits=[Commit(BANK, 15, 15, b"lost", b"", 0)]))
        other.write(Transaction(commits=[Commit(BANK, v, v, state, b"", 0) for v in (17, 18)]))
    assert (store.verified().findings, store.verified().commits) == (0, 18 + 1)


def test_a_store_is_not_written_with_another_key_nor_without_one(store: Chained) -> None:
    for key in (b"", chain_key("another key of the auditors")):
        with pytest.raises(WrongKey, match="another key than PUHUI_CHAIN_KEY"):
            open_store(store.url, key=key)
        with pytest.raises(WrongKey, match="another key than PUHUI_CHAIN_KEY"):
            verify(store.url, key)


def test_a_rebuilt_store_is_chained_with_the_key_it_is_given(original: str, tmp_path: Path) -> None:
    fresh, key = f"sqlite:{tmp_path}/fresh.db", chain_key("the key of the next years")
    assert rebuild(original, fresh, processes=1, key=key).differences == 0
    assert verify(fresh, key).findings == 0


def test_without_a_key_an_accident_is_found(tmp_path: Path) -> None:
    store = Chained(f"sqlite:{tmp_path}/store.db", b"")
    lived(store.url, b"")
    store.log("UPDATE {} SET state = ?", 4, store.state(5))
    assert store.found() == [("commit 4", NOT_COMMITTED)]
