"""The real `puhui worker` on the embedded broker and SQLite: everything taken in once, whatever happens to it."""

import json
import os
import signal
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

import psutil
import pytest
from kafka import KafkaProducer

from aggregates.partitioning import partition_of
from streams.broker import EmbeddedBroker, start_broker
from tests.events import Event, Sender, message, yuan
from tests.examples import BANK, SHOP, balance_and_bridge, late_line_crossing, partial_renewal, renewed_again
from tests.installation import Installation, expected, wait_until
from tests.parts.process import Server
from tests.references import social_credit_code

DAYS = [date(2023, 12, 31), date(2024, 3, 31), date(2024, 6, 30), date(2026, 3, 31), date(2026, 6, 30)]


SMALL_STORE = """
import sys
from aggregates.store import sqlite_recorder
from puhui.cli import main
sqlite_recorder._PRAGMAS += ("max_page_count={pages}",)
sys.exit(main())
"""


@pytest.fixture
def installation(fresh_broker: EmbeddedBroker, tmp_path: Path) -> Installation:
    return Installation(tmp_path / "installation", fresh_broker.bootstrap)


@pytest.fixture
def worker(installation: Installation) -> Iterator[Server]:
    server = installation.worker()
    yield server
    server.kill()


def child_of(server: Server) -> psutil.Process:
    """The process that takes events in, under its supervisor."""
    children = psutil.Process(server.pid).children()
    wait_until(lambda: bool(psutil.Process(server.pid).children()), "the supervisor has a child")
    return (children or psutil.Process(server.pid).children())[0]


@pytest.mark.parametrize("example", [balance_and_bridge, partial_renewal, renewed_again, late_line_crossing])
def test_the_balances_are_the_oracles(
    installation: Installation, worker: Server, example: Callable[[], list[Event]]
) -> None:
    events = example()
    installation.publish(events)
    installation.wait_until_taken_in()
    assert installation.balances(BANK, DAYS) == expected(events, BANK, DAYS)


def test_sigterm_is_a_stop_in_good_order_with_everything_written_back(
    installation: Installation, worker: Server
) -> None:
    installation.publish(balance_and_bridge())
    installation.wait_until_taken_in()
    worker.signal(signal.SIGTERM)
    assert worker.status == 0
    with closing(installation.open()) as store:
        assert [flushed == last for name, flushed, last, _ in store.books() if name == BANK] == [True]


def test_killed_in_the_middle_and_started_again_nothing_is_lost_and_nothing_twice(
    installation: Installation, worker: Server
) -> None:
    events = balance_and_bridge()
    installation.publish(events[:5])
    installation.wait_until_taken_in()
    before = child_of(worker).pid
    os.kill(before, signal.SIGKILL)
    installation.publish(events[5:])
    installation.publish(events)
    installation.wait_until_taken_in()
    assert child_of(worker).pid != before
    assert installation.counted() == {"accepted": len(events), "repeated": len(events)}
    assert installation.balances(BANK, DAYS) == expected(events, BANK, DAYS)


def test_the_worker_dies_with_its_supervisor(installation: Installation, worker: Server) -> None:
    child = child_of(worker)
    worker.kill()
    wait_until(
        lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, "the child is gone", 10
    )


@pytest.mark.slow
def test_a_full_store_ends_the_worker_and_everything_is_taken_in_at_the_next_start(
    installation: Installation,
) -> None:
    worker = installation.worker("--once")
    path = installation.store.removeprefix("sqlite:")
    worker.signal(signal.SIGTERM)
    with closing(sqlite3.connect(path)) as database:
        pages = database.execute("PRAGMA page_count").fetchone()[0]
    bank = Sender(BANK)
    loans = [bank.issued(f"L{n}", SHOP, "2023-12-10", yuan(1_000)) for n in range(500)]
    events = [bank.registered(), *loans]
    full = installation.worker(
        "--once", name="full", program=[sys.executable, "-c", SMALL_STORE.format(pages=pages)]
    )
    installation.publish(events)
    wait_until(lambda: not full.running, "the worker has ended")
    assert full.status == 3
    assert "cannot be written: " in full.last_words()
    assert "full" in full.last_words()
    again = installation.worker("--once", name="again")
    installation.wait_until_taken_in()
    again.signal(signal.SIGTERM)
    assert installation.balances(BANK, DAYS) == expected(events, BANK, DAYS)


@pytest.mark.slow
def test_a_store_that_cannot_be_opened_is_tried_again_and_then_given_up(installation: Installation) -> None:
    blocked = installation.folder / "file"
    blocked.write_text("not a folder")
    done = installation.run("worker", PUHUI_STORE=f"sqlite:{blocked / 'puhui.db'}", PUHUI_RESTARTS="2")
    assert done.returncode == 3
    assert done.stderr.count("the worker does not start: the store") == 3
    assert "failed 3 times in a row: giving up" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "status", "sentence"),
    [
        ({"PUHUI_ENVIRONMENT": "prod"}, 2, "PUHUI_ENVIRONMENT: "),
        ({"PUHUI_ENVIRONMENT": "drill"}, 4, "the store belongs to the environment test"),
    ],
)
def test_what_no_restart_heals_ends_at_once(
    installation: Installation, settings: dict[str, str], status: int, sentence: str
) -> None:
    installation.worker("--once").signal(signal.SIGTERM)
    done = installation.run("worker", **settings)
    assert done.returncode == status
    assert done.stderr.count(sentence) == 1


@pytest.mark.slow
def test_a_newer_store_ends_at_once(installation: Installation) -> None:
    installation.worker("--once").signal(signal.SIGTERM)
    with closing(sqlite3.connect(installation.store.removeprefix("sqlite:"))) as database, database:
        database.execute("UPDATE meta SET value = '999' WHERE name = 'schema'")
    done = installation.run("worker")
    assert done.returncode == 4
    assert done.stderr.count("update puhui") == 1


@pytest.mark.slow
def test_a_log_that_is_not_whole_ends_at_once(installation: Installation) -> None:
    installation.publish(balance_and_bridge())
    worker = installation.worker("--once")
    installation.wait_until_taken_in()
    worker.signal(signal.SIGTERM)
    with closing(sqlite3.connect(installation.store.removeprefix("sqlite:"))) as database, database:
        database.execute(
            "DELETE FROM stored_events WHERE originator_id = ? AND originator_version = "
            "(SELECT last FROM watermark WHERE book = originator_id)",
            (BANK,),
        )
    done = installation.run("worker")
    assert done.returncode == 4
    assert done.stderr.count(f"the log of book {BANK} is not whole") == 1


@pytest.mark.slow
def test_a_lost_range_is_named_and_ends_at_once(installation: Installation) -> None:
    installation.publish(balance_and_bridge())
    worker = installation.worker("--once")
    installation.wait_until_taken_in()
    worker.signal(signal.SIGTERM)
    with closing(sqlite3.connect(installation.store.removeprefix("sqlite:"))) as database, database:
        moved = database.execute("UPDATE tracking SET notification_id = 90 WHERE notification_id = 9")
        assert moved.rowcount == 1
    done = installation.run("worker")
    assert done.returncode == 4
    assert "loan-events, partition 2: the offsets 9 to 89 are not in Kafka any more" in done.stderr


@pytest.mark.slow
def test_a_kafka_that_was_set_back_and_has_grown_again_is_named_until_somebody_goes_on_with_it(
    installation: Installation,
) -> None:
    installation.publish(balance_and_bridge())
    worker = installation.worker("--once")
    installation.wait_until_taken_in()
    worker.signal(signal.SIGTERM)
    assert installation.run("positions").returncode == 0
    with closing(sqlite3.connect(installation.store.removeprefix("sqlite:"))) as database, database:
        other = database.execute("UPDATE mark SET value = 1 WHERE name LIKE 'content:%/2'")
        assert other.rowcount == 2  # as if the store had taken another record in there
    done, shown = installation.run("worker"), installation.run("positions")
    said = "loan-events, partition 2: at the offset 8 is not the record that was taken in there"
    assert (done.returncode, said in done.stderr) == (4, True)
    assert (shown.returncode, said in shown.stdout) == (1, True)
    assert installation.run("positions", "--accept").returncode == 0
    again = installation.worker("--once")
    again.signal(signal.SIGTERM)
    assert installation.run("positions").returncode == 0


@pytest.mark.slow
def test_without_topics_the_worker_says_what_to_do(fresh_broker: EmbeddedBroker, tmp_path: Path) -> None:
    installation = Installation(tmp_path / "installation", fresh_broker.bootstrap)
    with start_broker() as empty:
        done = installation.run("worker", "--once", PUHUI_BROKER=empty.bootstrap)
    assert done.returncode == 3
    assert "has no topic loan-events and no registry-events: run `puhui topics`" in done.stderr


@pytest.mark.slow
def test_without_kafka_the_worker_says_so(installation: Installation) -> None:
    done = installation.run("worker", "--once", PUHUI_BROKER="127.0.0.1:1")
    assert done.returncode == 3
    assert "Kafka at 127.0.0.1:1 does not answer" in done.stderr


@pytest.mark.slow
def test_a_refused_event_is_listed_and_leaves_on_kafka(installation: Installation, worker: Server) -> None:
    events = balance_and_bridge()
    foreign = {**events[1], "id": "foreign", "source": "urn:puhui:inst:somebody-else"}
    installation.publish(events[:1])
    installation.wait_until_taken_in()
    installation.publish([*events[1:], foreign])
    installation.wait_until_taken_in()
    listed = installation.run("rejected", "--institution", BANK, "--json")
    assert [json.loads(line)["rule"] for line in listed.stdout.splitlines()] == ["V05"]
    assert installation.counted()["refused"] == 1


@pytest.mark.slow
def test_what_waits_is_listed_until_its_institution_is_known(
    installation: Installation, worker: Server
) -> None:
    events = balance_and_bridge()
    installation.publish(events[1:2])
    installation.wait_until_taken_in()
    listed = installation.run("parked", "--json")
    assert [json.loads(line)["institution"] for line in listed.stdout.splitlines()] == [BANK]
    installation.publish(events[:1])
    installation.wait_until_taken_in()
    assert installation.run("parked").stdout == ""


@pytest.mark.slow
def test_what_waits_too_long_is_refused_by_the_clock_of_the_records(
    installation: Installation, worker: Server
) -> None:
    registered, *others = map(message, balance_and_bridge())
    other = message(Sender(social_credit_code(2)).registered())
    days = 86_400_000
    with closing(KafkaProducer(bootstrap_servers=installation.bootstrap)) as producer:
        waiting = others[-1]  # the loan that it speaks of is not there
        for m, at in ((registered, 0), (waiting, days), (other, 5 * days)):
            producer.send(m.topic, m.value, m.key, timestamp_ms=1_783_000_000_000 + at)
    wait_until(lambda: "refused" in installation.counted(), "the event has waited too long")
    assert installation.counted() == {"accepted": 2, "refused": 1}
    assert installation.run("parked").stdout == ""


@pytest.mark.slow
def test_a_forwarded_record_is_known_at_the_instant_at_which_it_was_published(
    installation: Installation, worker: Server
) -> None:
    registered, loan, *_ = map(message, balance_and_bridge())
    home = partition_of(BANK, installation.partitions)
    with closing(KafkaProducer(bootstrap_servers=installation.bootstrap)) as producer:
        for number, m in enumerate((registered, loan)):
            at, elsewhere = 1_783_000_000_000 + number, (home + 1) % installation.partitions
            producer.send(m.topic, m.value, m.key, timestamp_ms=at, partition=elsewhere)
    installation.wait_until_taken_in()
    assert installation.counted() == {"accepted": 2, "forwarded": 2}
    with closing(installation.open()) as store:
        known = {book: at // 1_000_000 for book, _, _, at in store.books()}
    assert known == {f"registry:{home}": 1_783_000_000, BANK: 1_783_000_000}


def test_publishing_says_what_failed(installation: Installation) -> None:
    good = json.dumps(balance_and_bridge()[0])
    done = installation.run("publish", "-", text=f"{good}\nno event\n\n{good}\n")
    assert done.returncode == 1
    assert done.stdout == "sent 2, acknowledged 2, failed 1\n"
    assert done.stderr.startswith("line 2: ")


def test_topics_are_created_once_and_a_difference_is_a_negative_answer(installation: Installation) -> None:
    there = installation.run("topics", "--json", PUHUI_PARTITIONS="4")
    assert (there.returncode, json.loads(there.stdout)["created"]) == (0, [])
    other = installation.run("topics", PUHUI_PARTITIONS="5")
    assert other.returncode == 1
    assert "loan-events: the number of partitions should be 5 and is 4" in other.stdout
