"""Commands about the way in and out: `worker`, `broker`, `topics`, `publish`, `parked`, `rejected`."""

import argparse
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from aggregates.store import Store, StoreFailed, open_store
from puhui.commands import GOOD, NEGATIVE, Commands, command, failed, number
from puhui.keys import NOBODY, WrongKeys, read_keys
from puhui.policy.periods import moment_at
from puhui.settings import Settings


def add(commands: Commands) -> None:
    """Add the commands of this module."""
    worker = command(commands, "worker", run_worker, "take events in, until a signal says stop")
    worker.add_argument(
        "--once",
        action="store_true",
        help="end at the first failure instead of starting again",
    )
    broker = command(
        commands, "broker", run_broker, "run the embedded broker, which keeps everything in memory"
    )
    broker.add_argument(
        "--port", type=number(0, 65535), help="the port to listen on (default: the one of PUHUI_BROKER)"
    )
    topics = command(commands, "topics", run_topics, "create the topics that are missing, and check them all")
    topics.add_argument("--check", action="store_true", help="create nothing")
    topics.add_argument("--json", action="store_true", help="answer as JSON")
    publish = command(commands, "publish", run_publish, "publish events, one structured CloudEvent a line")
    publish.add_argument("--key-file", metavar="FILE", help="sign with the keys in this file (`puhui keys`)")
    publish.add_argument("file", metavar="FILE.jsonl", help="the events; - reads standard input")
    for name, run, what in (
        ("parked", run_parked, "list events that wait for something"),
        ("rejected", run_rejected, "list the latest refused events"),
    ):
        listed = command(commands, name, run, what)
        listed.add_argument("--institution", metavar="ID", help="of this institution only")
        listed.add_argument("--json", action="store_true", help="answer as JSON, one object a line")


def run_worker(given: argparse.Namespace) -> int:
    """`puhui worker`."""
    settings = Settings.read()
    from streams.evaluating import evaluator
    from streams.running import run_worker as run
    from streams.worker import supervise

    work = partial(run, settings, evaluator)
    return work() if given.once else supervise(settings, work)


def run_broker(given: argparse.Namespace) -> int:
    """`puhui broker`: prints its address when it answers."""
    from streams.broker import BrokerFailed, start_broker

    port = (
        given.port if given.port is not None else int(Settings.read().broker.split(",")[0].rpartition(":")[2])
    )
    stop = threading.Event()
    for end in (signal.SIGTERM, signal.SIGINT):
        signal.signal(end, lambda *_: stop.set())
    try:
        with start_broker(port or None) as broker:
            print(broker.bootstrap, flush=True)
            while not stop.wait(0.5):
                if broker.process.poll() is not None:
                    return failed(f"the broker ended with status {broker.process.returncode}")
    except BrokerFailed as error:
        return failed(error)
    return GOOD


def run_topics(given: argparse.Namespace) -> int:
    """`puhui topics`: 1 where something is not as it should be."""
    from kafka.errors import KafkaError

    from streams.connecting import NotLetIn, connection
    from streams.topics import check_topics, ensure_topics, topics

    settings = Settings.read()
    wanted = topics(settings.partitions, settings.partitions)
    try:
        report = (check_topics if given.check else ensure_topics)(connection(settings), wanted)
    except NotLetIn as error:
        return failed(error)
    except KafkaError as error:
        return failed(f"Kafka at {settings.broker} does not answer: {type(error).__name__}")
    if given.json:
        print(msgspec.json.encode(report).decode())
    else:
        for topic in wanted:
            partitions = report.partitions.get(topic.name)
            state = "created" if topic.name in report.created else "there"
            print(f"{topic.name}: {'missing' if partitions is None else f'{state}, {partitions} partitions'}")
        for difference in report.differences:
            print(difference)
    return GOOD if report.good else NEGATIVE


def run_publish(given: argparse.Namespace) -> int:
    """`puhui publish`: 1 where a line was not published."""
    from kafka.errors import KafkaError

    from streams.connecting import NotLetIn, connection
    from streams.publishing import publish

    settings = Settings.read()
    try:
        keys = read_keys(Path(given.key_file)) if given.key_file else NOBODY
        if given.file == "-":
            done = publish(connection(settings), sys.stdin.buffer, keys)
        else:
            with Path(given.file).open("rb") as lines:
                done = publish(connection(settings), lines, keys)
    except OSError as error:
        return failed(f"{given.file} cannot be read: {error.strerror}")
    except (NotLetIn, WrongKeys) as error:
        return failed(error)
    except KafkaError as error:
        return failed(f"Kafka at {settings.broker} does not answer: {type(error).__name__}")
    for warning in done.warnings():
        print(warning, file=sys.stderr)
    print(f"sent {done.sent}, acknowledged {done.acknowledged}, failed {len(done.failures)}")
    return NEGATIVE if done.failures else GOOD


def run_parked(given: argparse.Namespace) -> int:
    """`puhui parked`."""

    def rows(store: Store) -> Iterable[Mapping[str, Any]]:
        for row in store.parked(given.institution):
            yield {
                "institution": row.book, "rule": row.rule, "waits_for": row.wait, "since": _instant(row.since),
                "until": _instant(row.until), "place": row.place,
            }  # fmt: skip

    return _list(given, rows)


def run_rejected(given: argparse.Namespace) -> int:
    """`puhui rejected`."""

    def rows(store: Store) -> Iterable[Mapping[str, Any]]:
        for row in store.refused(given.institution):
            yield {
                "institution": row.book, "rule": row.rule, "field": row.field, "at": _instant(row.at),
                "place": row.place,
            }  # fmt: skip

    return _list(given, rows)


def _list(given: argparse.Namespace, rows: Callable[[Store], Iterable[Mapping[str, Any]]]) -> int:
    try:
        with closing(open_store(Settings.read().store, read_only=True)) as store:
            for row in rows(store):
                if given.json:
                    print(msgspec.json.encode(row).decode())
                else:
                    print("  ".join(str(value) for value in row.values()))
    except StoreFailed as error:
        return failed(error)
    return GOOD


def _instant(microseconds: int) -> str:
    return moment_at(microseconds).isoformat(timespec="seconds")
