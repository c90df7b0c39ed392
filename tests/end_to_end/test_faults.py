"""What the worker rests on fails while events flow: it is at work again by itself, and the fault leaves no trace."""

import pickle
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

import psycopg
import pytest

from streams.broker import LOOPBACK
from streams.topics import check_topics
from tests import digests
from tests.conftest import do_without
from tests.flow import Record, flow
from tests.installation import PUHUI, Installation
from tests.killing import Ended, Run
from tests.parts import Absent
from tests.parts.clock import Clock
from tests.parts.disk import Disk, Forbidden, fill, make_room
from tests.parts.kafka import Kafka
from tests.parts.line import Line
from tests.parts.postgres import Postgres

pytestmark = [pytest.mark.parts, pytest.mark.slow]

PARTITIONS = 4
UNTIL = date(2022, 4, 20)
"""Long enough for the closing of two quarters, and for alerts."""
AFTER = 2_500
"""So many events are taken in when the fault happens."""

RAISES_ONCE = """
import sys
from pathlib import Path
from aggregates.store.sqlite import SqliteStore
from puhui.cli import main

write, once = SqliteStore.write, Path({once!r})

def fails(store, transaction):
    if len(transaction.commits) > 3 and transaction.position.next > 500 and not once.exists():
        once.touch()
        raise ZeroDivisionError("a mistake in the program")
    write(store, transaction)

SqliteStore.write = fails
sys.exit(main())
"""


@pytest.fixture(scope="module")
def records() -> list[Record]:
    """What flows."""
    return flow(PARTITIONS, UNTIL)


def fresh(kafka: Kafka, folder: Path, store: str = "") -> Installation:
    """An installation on topics that are new."""
    kafka.delete_topics()
    return Installation(folder / "installation", kafka.bootstrap, store, partitions=PARTITIONS)


@pytest.fixture(scope="module")
def undisturbed(
    apache_kafka: Kafka, records: list[Record], tmp_path_factory: pytest.TempPathFactory
) -> Ended:
    """The run that all others are compared with; an empty part of it would hide a difference."""
    ended = Run(fresh(apache_kafka, tmp_path_factory.mktemp("undisturbed")), records).to_the_end()
    assert [part for part, found in ended.state.items() if not found] == []
    assert ended.alerts
    assert ended.rejected
    return ended


def check(ended: Ended, undisturbed: Ended) -> None:
    """Figures, facts, queues and alerts are the same, and nothing left twice in two forms; what came twice is counted."""
    assert digests.differences({"register": ended.state["register"]}, ended.folded) == {}
    repeats = Counter(ended.state["counts"])
    repeats.subtract(undisturbed.state["counts"])
    assert {result for (_, result, _, _), more in repeats.items() if more} <= {"repeated"}
    assert min(repeats.values()) >= 0
    assert repeats.total() == ended.twice
    assert digests.differences(ended.state | {"counts": {}}, undisturbed.state | {"counts": {}}) == {}
    for mine, theirs in ((ended.alerts, undisturbed.alerts), (ended.rejected, undisturbed.rejected)):
        assert mine.keys() == theirs.keys()
        assert [forms for forms in mine.values() if len(forms) > 1] == []
    print(
        f"{ended.seconds:.0f} s, {ended.flowing} events to come; undisturbed in {undisturbed.seconds:.0f} s"
    )


def test_kafka_killed_and_started_again(
    apache_kafka: Kafka, records: list[Record], undisturbed: Ended, tmp_path: Path
) -> None:
    def fault(run: Run) -> None:
        apache_kafka.kill()
        apache_kafka.start()

    check(Run(fresh(apache_kafka, tmp_path), records).disturbed(fault, AFTER), undisturbed)


def test_postgresql_dies_and_recovers(
    apache_kafka: Kafka, postgres: Postgres, records: list[Record], undisturbed: Ended, tmp_path: Path
) -> None:
    def fault(run: Run) -> None:
        postgres.stop("immediate")
        postgres.start()

    installation = fresh(apache_kafka, tmp_path, postgres.create_database())
    check(Run(installation, records).disturbed(fault, AFTER), undisturbed)


def test_the_line_to_postgresql_is_cut_in_mid_commit(
    apache_kafka: Kafka, postgres: Postgres, records: list[Record], undisturbed: Ended, tmp_path: Path
) -> None:
    """Once the server has committed and nobody hears of it, once it has not: the client cannot tell."""
    cluster = check_topics(apache_kafka.bootstrap).cluster_id  # a position's key begins with it
    with closing(Line(postgres.port)) as line:

        def fault(run: Run) -> None:
            line.cut("done", of=cluster)
            run.wait_for_word("cannot be written: ", "it is started again")
            run.wait_for_work()
            line.cut("lost", of=cluster)

        installation = fresh(apache_kafka, tmp_path, postgres.create_database())
        through = installation.store.replace(f"{LOOPBACK}:{postgres.port}", f"{LOOPBACK}:{line.port}")
        check(Run(installation, records, PUHUI_STORE=through).disturbed(fault, AFTER), undisturbed)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Disk]:
    """A file system for SQLite."""
    yield from mounted(Disk(tmp_path, megabytes=200))


@pytest.fixture
def small_tablespace(postgres: Postgres) -> Iterator[Disk]:
    """A file system for what PostgreSQL keeps in tables."""
    yield from mounted(Disk(postgres.folder, megabytes=200, user=postgres.user))


def mounted(disk: Disk) -> Iterator[Disk]:
    try:
        disk.mount()
    except Absent as absent:
        do_without(absent)
    except Forbidden as forbidden:
        pytest.skip(str(forbidden))
    yield disk
    disk.remove()


def test_the_disk_of_sqlite_is_full(
    apache_kafka: Kafka, small_disk: Disk, undisturbed: Ended, tmp_path: Path
) -> None:
    fresh(apache_kafka, tmp_path)
    command = (sys.executable, "-m", "tests.full_disk", apache_kafka.bootstrap, str(small_disk.folder))
    ended = tmp_path / "ended"
    subprocess.run(
        small_disk.inside([*command, UNTIL.isoformat(), str(AFTER), str(ended)]), check=True, timeout=200
    )
    check(pickle.loads(ended.read_bytes()), undisturbed)


def test_the_disk_of_postgresql_is_full(
    apache_kafka: Kafka,
    postgres: Postgres,
    small_tablespace: Disk,
    records: list[Record],
    undisturbed: Ended,
    tmp_path: Path,
) -> None:
    def fault(run: Run) -> None:
        fill(small_tablespace.path, postgres.user)
        run.wait_for_word("cannot be written: ", "No space left on device")
        make_room(small_tablespace.path, postgres.user)

    installation = fresh(apache_kafka, tmp_path, postgres.create_database())
    database = installation.store.rpartition("/")[2]
    with closing(psycopg.connect(postgres.address(), autocommit=True)) as connection:
        connection.execute(f"CREATE TABLESPACE small LOCATION '{small_tablespace.path}'".encode())
        connection.execute(f'ALTER DATABASE "{database}" SET default_tablespace = small'.encode())
        try:
            check(Run(installation, records).disturbed(fault, AFTER), undisturbed)
        finally:
            connection.execute(f'DROP DATABASE "{database}" WITH (FORCE)'.encode())
            connection.execute("DROP TABLESPACE small")


def test_an_exception_in_the_agent_ends_the_worker_and_the_same_events_come_again(
    apache_kafka: Kafka, records: list[Record], undisturbed: Ended, tmp_path: Path
) -> None:
    def fault(run: Run) -> None:
        run.wait_for_word("ZeroDivisionError: a mistake in the program", "it is started again")

    program = (sys.executable, "-c", RAISES_ONCE.format(once=str(tmp_path / "once")))
    check(Run(fresh(apache_kafka, tmp_path), records).disturbed(fault, 0, program), undisturbed)


def test_the_clock_of_the_machine_is_set_back(
    apache_kafka: Kafka, records: list[Record], undisturbed: Ended, tmp_path: Path
) -> None:
    """By two hours while events flow, then by two days; later it is right again."""
    try:
        clock = Clock(tmp_path)
    except Absent as absent:
        do_without(absent)

    def fault(run: Run) -> None:
        for offset in ("-2h", "-2d", "+0"):
            clock.set(offset)
            run.wait_for_work()

    check(Run(fresh(apache_kafka, tmp_path), records).disturbed(fault, AFTER, clock.on(PUHUI)), undisturbed)
