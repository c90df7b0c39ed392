"""One promise suite over every store: all of a transaction or nothing, each step compared before it is set."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from random import Random
from threading import Barrier
from typing import Any, Final

import psycopg
import pytest
from msgspec.structs import replace

from aggregates.store import Store, StoreFailed, Superseded, open_store
from aggregates.store.sqlite import SqliteStore
from aggregates.store.transaction import (
    AlertRow,
    Commit,
    Flush,
    Last,
    Outgoing,
    ParkedRow,
    Position,
    RefusedRow,
    Transaction,
)
from tests.installation import wait_until
from tests.parts.postgres import Postgres

OpenStore = Callable[[], Store]
PARTITIONS: Final = 4


_POSTGRES: Final = pytest.param("postgres", marks=pytest.mark.parts)


@pytest.fixture(params=["sqlite", "files", _POSTGRES])
def open_it(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OpenStore]:
    """Opens the same fresh store, as often as it is called."""
    yield from opened(request, tmp_path)


@pytest.fixture(params=["files", _POSTGRES])
def open_shared(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OpenStore]:
    """The same for stores that many workers share."""
    yield from opened(request, tmp_path)


def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OpenStore]:
    if request.param == "sqlite":
        url = f"sqlite:{tmp_path}/store.db"
    elif request.param == "files":
        url = f"sqlite:{tmp_path}/store/"
    else:
        server: Any = request.getfixturevalue("postgres")
        url = server.create_database()
    stores: list[Store] = []

    def open_one() -> Store:
        stores.append(open_store(url, partitions=PARTITIONS))
        return stores[-1]

    yield open_one
    for store in stores:
        store.close()


def commit(version: int, book: str = "bank", moves: bytes = b"") -> Commit:
    return Commit(book, version, 1_000 + version, b"state %d" % version, moves, len(moves) // 28)


def test_a_commit_is_read_back_in_order(open_it: OpenStore) -> None:
    store = open_it()
    store.write(Transaction(born=["bank"], commits=[commit(1)]))
    store.write(Transaction(commits=[commit(2)]))
    assert list(store.records("bank")) == [(1, b"state 1"), (2, b"state 2")]
    assert store.book("bank") == (0, 2, 1_002)


def test_the_latest_instant_of_all_books_is_known_without_a_list_of_them(open_it: OpenStore) -> None:
    store = open_it()
    assert store.latest() == 0
    for book, version in (("bank", 1), ("other", 1), ("bank", 2), ("alerts", 1)):
        store.write(Transaction(born=[book], commits=[commit(version, book)]))
    assert store.latest() == 1_002


def test_a_version_that_another_worker_has_written_is_refused_whole(open_it: OpenStore) -> None:
    store = open_it()
    store.write(Transaction(born=["bank"], commits=[commit(1)]))
    with pytest.raises(Superseded):
        store.write(Transaction(commits=[commit(1)], marks={"judged": 7}))
    assert store.mark("judged") is None


def test_the_state_of_an_alert_is_read_as_it_was_written(open_it: OpenStore) -> None:
    store = open_it()
    rows = [AlertRow("NprSwing", "bank", "2024Q1", state, 1, b"{}") for state in ("provisional", "confirmed")]
    for row in rows:
        store.write(Transaction(alerts=[row]))
        assert store.alerts() == [row]


def test_workers_that_start_together_find_one_fresh_store(open_shared: OpenStore) -> None:
    together = Barrier(4)

    def start(_: int) -> Store:
        together.wait(timeout=10)
        return open_shared()

    with ThreadPoolExecutor(4) as workers:
        first, *others = workers.map(start, range(4))
    first.write(Transaction(born=["bank"], commits=[commit(1)]))
    assert [list(other.records("bank")) for other in others] == [[(1, b"state 1")]] * 3


def test_whose_partition_was_taken_over_can_write_nothing_more(open_shared: OpenStore) -> None:
    former, heir = open_shared(), open_shared()
    assert former.take_over(["c/t/0", "c/t/1"])
    former.write(Transaction(born=["bank"], commits=[commit(1)]))
    assert heir.take_over(["c/t/1"])
    with pytest.raises(Superseded, match="taken over"):
        former.write(Transaction(marks={"judged": 7}))
    heir.write(Transaction(commits=[commit(2)]))
    former.let_go()
    former.write(Transaction(marks={"judged": 8}))
    assert former.take_over(["c/t/0"])
    former.write(Transaction(marks={"judged": 8}))
    heir.write(Transaction(marks={"judged": 9}))
    assert (heir.mark("judged"), heir.positions()) == (9, {})


def test_the_last_record_of_a_partition_stands_with_its_position_until_another_one_comes(
    open_it: OpenStore,
) -> None:
    store, key = open_it(), "c/t/2"
    assert store.last(key) is None
    store.write(Transaction(position=Position(key, 0, 10, Last(8, 77))))
    store.write(Transaction(position=Position(key, 10, 12)))  # markers of transactions alone
    assert (open_it().last(key), store.last("c/t/3")) == (Last(8, 77), None)
    store.write(Transaction(position=Position(key, 12, 14, Last(13, 78)), marks={"judged": 7}))
    with pytest.raises(Superseded):
        store.write(Transaction(position=Position(key, 12, 15, Last(14, 79))))
    assert (store.last(key), store.mark("judged")) == (Last(13, 78), 7)


def test_a_position_is_compared_before_it_is_set(open_it: OpenStore) -> None:
    store = open_it()
    store.write(Transaction(position=Position("c/t/0", 0, 10), born=["bank"], commits=[commit(1)]))
    with pytest.raises(Superseded):
        store.write(Transaction(position=Position("c/t/0", 0, 20), commits=[commit(2)]))
    assert store.position("c/t/0") == 10
    assert [version for version, _ in store.records("bank")] == [1]


def test_a_batch_without_facts_still_moves_the_position(open_it: OpenStore) -> None:
    store = open_it()
    store.write(Transaction(position=Position("c/t/0", 0, 3)))
    assert open_it().position("c/t/0") == 3


def write_and_settle(store: Store, transaction: Transaction) -> None:
    """Write, and wait for the rows that may follow."""
    store.write(transaction)
    store.settle()


def test_rows_and_their_watermark_are_written_together(open_it: OpenStore) -> None:
    store = open_it()
    store.write(Transaction(born=["bank"], commits=[commit(1)]))
    store.write(Transaction(commits=[commit(2)]))
    flush = Flush("bank", 0, 2, [("bank", "L1", b"one"), ("bank", "L2", b"two")], [("bank", "C1", b"who")])
    store.write(Transaction(flush=flush))
    assert store.loans("bank", ["L1", "L2", "L3"]) == {"L1": b"one", "L2": b"two"}
    assert store.customers("bank", ["C1"]) == {"C1": b"who"}
    with pytest.raises(Superseded):
        write_and_settle(store, Transaction(flush=Flush("bank", 0, 2, [("bank", "L1", b"stale")], [])))
    assert open_it().loans("bank", ["L1"]) == {"L1": b"one"}


def test_merged_ledger_blocks_hold_what_the_single_ones_held(open_it: OpenStore) -> None:
    store = open_it()
    moves = [bytes([n]) * 28 for n in (1, 2, 3)]
    for number, rows in enumerate(moves, start=1):
        born = ["bank"] if number == 1 else []
        store.write(Transaction(born=born, commits=[commit(number, moves=rows)]))
    before = store.blocks("bank", 0)
    write_and_settle(store, Transaction(flush=Flush("bank", 0, 3, [], [])))
    after = store.blocks("bank", 0)
    assert len(after) == 1
    assert bytes(after[0][1]) == b"".join(bytes(b[1]) for b in before)
    assert bytes(after[0][2]) == b"".join(moves)


def test_movements_that_do_not_shrink_are_merged_too(open_it: OpenStore) -> None:
    store = open_it()
    for zeros in range(28):  # with some number of them, packed and plain are of the same length
        book, rows = f"bank {zeros}", bytes(zeros) + Random(1).randbytes(56 - zeros)
        store.write(Transaction(born=[book], commits=[commit(1, book, rows[:28])]))
        store.write(Transaction(commits=[commit(2, book, rows[28:])]))
        write_and_settle(store, Transaction(flush=Flush(book, 0, 2, [], [])))
        assert [bytes(moves) for _, _, moves in store.blocks(book, 0)] == [rows]


def test_when_a_book_began_is_known_whatever_leaves_its_log(open_it: OpenStore) -> None:
    """It lies in the ledger, in the first block too that is merged from several, and where nothing moved."""
    store = open_it()
    store.write(Transaction(born=["bank"], commits=[commit(1)]))
    for number in (2, 3):
        store.write(Transaction(commits=[commit(number, moves=bytes(28))]))
    assert (store.live_from("bank"), store.live_from("another")) == (1_001, None)
    write_and_settle(store, Transaction(flush=Flush("bank", 0, 3, [], [])))
    store.drop_records("bank", 2)
    assert open_it().live_from("bank") == 1_001


def test_a_message_waits_in_the_outbox_once_until_it_is_forgotten(open_it: OpenStore) -> None:
    store = open_it()
    letters = [Outgoing("alerts", name, "bank", b"{}", b"") for name in ("a", "b")]
    store.write(Transaction(outbox=letters))
    store.write(Transaction(outbox=letters[:1]))
    assert [letter.id for letter in store.outbox()] == ["a", "b"]
    store.forget("alerts", ["a"])
    assert [letter.id for letter in store.outbox()] == ["b"]


def test_what_is_written_later_is_numbered_behind_what_has_left(open_it: OpenStore) -> None:
    """Also in another file: who has passed a message looks for what is new behind it."""
    store, books = open_it(), [f"book{n}" for n in range(8)]
    letters = [Outgoing("rejected-events", f"m{n}", book, b"{}", b"") for n, book in enumerate(books)]
    numbers: list[int] = []
    for letter in letters:
        store.write(Transaction(outbox=[letter]))
        numbers += [message.seq for message in store.outbox()]
        store.forget(letter.topic, [letter.id])
    assert numbers == sorted(set(numbers))


def test_messages_leave_in_the_order_in_which_they_were_written(open_it: OpenStore) -> None:
    store = open_it()
    letters = [Outgoing("alerts", name, None, b"{}", b"", 7) for name in ("c", "a", "b")]
    store.write(Transaction(outbox=letters[:2]))
    store.write(Transaction(outbox=[letters[2], letters[0]]))
    found = store.outbox()
    assert [replace(letter, seq=0) for letter in found] == letters
    assert store.outbox(first=found[1].seq) == found[1:]
    assert {letter.topic for letter in store.outbox(without=["alerts"])}.isdisjoint({"alerts"})


def test_parked_and_refused_events_are_found_again(open_it: OpenStore) -> None:
    store = open_it()
    row = ParkedRow(
        "bank", 5, 6, "V09", "loan:L1", 10, 20, "loan-events", "loan-events/0/1", b"{}", b"\x90", "[]"
    )
    store.write(
        Transaction(born=["bank"], parked=[row], refused=[RefusedRow("bank", 7, 8, "V03", "id", 9, "p")])
    )
    assert store.parked("bank", "loan:L1") == [row]
    assert (store.parked("bank", until=20), store.parked("bank", until=19)) == ([row], [])
    assert (store.next_deadline("bank", 19), store.next_deadline("bank", 20)) == (20, None)
    assert (store.next_deadline(None, 19), store.next_deadline(None, 20)) == (20, None)
    assert (store.parked_books(), store.parked_books(after="bank")) == ([("bank", 1, 20)], [])
    assert (store.overdue(20), store.overdue(19)) == ([(20, "bank")], [])
    assert (store.overdue(20, after=(20, "bank")), store.overdue(20, limit=0)) == ([], [])
    assert store.last_versions(["bank", "another"]) == {"bank": 0}
    assert store.refused_among("bank", [6, 7, 9]) == [(7, 8)]
    assert store.refused_among("another", [7]) == []
    assert (store.refused_events(2), store.refused_events(0)) == ([7], [])
    store.write(Transaction(unparked=[("bank", 5)]))
    assert store.parked() == []


def test_segments_are_found_by_their_ids_however_many_are_asked_for(open_it: OpenStore) -> None:
    store, many = open_it(), range(-300, 300)
    store.write(Transaction(segments=[(number, str(number).encode()) for number in many]))
    assert {i: bytes(of) for i, of in store.segments_among([*many, 999])} == {
        n: str(n).encode() for n in many
    }
    assert store.segments_among([999]) == store.segments_among([]) == []


def test_counts_add_up_and_a_remark_is_claimed_once(open_it: OpenStore) -> None:
    store = open_it()
    for _ in range(2):
        store.write(Transaction(counts={("bank", "accepted", "", 4): 3}))
    store.write(Transaction(counts={("bank", "accepted", "", 7): 1}))
    assert sorted(store.counted()) == [("bank", "accepted", "", 4, 6), ("bank", "accepted", "", 7, 1)]
    assert store.counted_in_all() == [("bank", "accepted", "", 7)]
    assert store.counted_in_all(5, 7) == [("bank", "accepted", "", 1)]
    assert (store.counted_in_all(8), store.last_counted()) == ([], 7)
    assert store.claim("environment", "test") == "test"
    assert store.claim("environment", "production") == "test"


@pytest.mark.parts
def test_a_store_that_does_not_open_leaves_no_connection_behind(postgres: Postgres) -> None:
    """Who waits for a store tries again and again, and the server has only so many connections."""
    url = postgres.create_database()
    errors = []
    for _ in range(3):
        with pytest.raises(StoreFailed) as raised:
            open_store(url, read_only=True)
        errors.append(raised)  # which hold what was going on when they were raised
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        question = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database()"
        wait_until(lambda: connection.execute(question).fetchone() == (1,), "no connection is left", 5)


@pytest.mark.parts
def test_every_connection_is_made_as_the_address_says(postgres: Postgres) -> None:
    """Its parameters too: one that asks for TLS is not for the readers alone."""
    url = f"{postgres.create_database()}?application_name=ours"
    with closing(open_store(url)) as store:
        store.write(Transaction(born=["bank"]))
        flush = Flush("bank", 0, 0, [], [])
        write_and_settle(store, Transaction(flush=flush))
        with psycopg.connect(url) as connection:
            statement = (
                "SELECT DISTINCT application_name FROM pg_stat_activity WHERE datname = current_database()"
            )
            assert connection.execute(statement).fetchall() == [("ours",)]


@pytest.mark.parts
def test_a_cut_line_is_told_at_once_and_not_tried_again(postgres: Postgres) -> None:
    """Whether the transaction was written is not known: who starts anew reads where it stands."""
    url = postgres.create_database()
    with closing(open_store(url)) as store:
        store.write(Transaction(born=["bank"], commits=[commit(1)]))
        with closing(psycopg.connect(url, autocommit=True)) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
                "AND datname = current_database()"
            )
        with pytest.raises(StoreFailed, match="cannot be written"):
            store.write(Transaction(marks={"judged": 7}))
        with pytest.raises(StoreFailed, match="cannot be written"):
            store.claim("environment", "test")


@pytest.mark.parts
def test_workers_that_write_the_same_messages_crosswise_do_not_wait_for_ever(postgres: Postgres) -> None:
    """Both are held at the message in the middle until both have come as far as they can."""
    url = postgres.create_database()
    letters = [Outgoing("rejected-events", name, None, b"{}", b"") for name in "abc"]
    waiting = "SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    with closing(open_store(url)) as one, closing(open_store(url)) as other, ThreadPoolExecutor(2) as both:
        with closing(psycopg.connect(url)) as blocker, closing(psycopg.connect(url, autocommit=True)) as seen:
            blocker.execute("INSERT INTO outbox(topic, id) VALUES('rejected-events', 'b')")
            orders = ((one, letters), (other, letters[::-1]))
            done = [both.submit(store.write, Transaction(outbox=order)) for store, order in orders]
            wait_until(lambda: seen.execute(waiting).fetchone() == (2,), "both wait", 20)
            blocker.rollback()
        assert [written.result(30) for written in done] == [None, None]
        assert len(one.outbox()) == len(letters)


def test_the_next_message_is_numbered_without_a_look_at_all_that_wait(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path / "store.db")) as store:
        plan = store.rows("EXPLAIN QUERY PLAN SELECT MAX(seq) FROM outbox")
    assert "outbox_by_seq" in str(plan), plan


def test_what_is_committed_to_sqlite_is_on_the_disk(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path / "store.db")) as store:
        recorder: Any = store._recorder
        with recorder.datastore.transaction(commit=False) as cursor:
            cursor.execute("PRAGMA synchronous")
            (synchronous,) = cursor.fetchone()
    assert synchronous == 2, "FULL: a power cut would take what Kafka is never asked for again"
