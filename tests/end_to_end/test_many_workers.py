"""Workers come, go, freeze and wake while events flow through Apache Kafka into a store that they share: no trace in the end.

One PostgreSQL, or a folder of SQLite's files: there a worker that is stopped in the middle of a write is ended by the other.
"""

import re
import urllib.request
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil
import pytest

from aggregates.store import folder_of
from projections.alerts import State
from streams.broker import LOOPBACK, free_port
from tests import digests
from tests.feeding import Feed, Taken
from tests.flow import Record, flow
from tests.installation import Installation, wait_until
from tests.killing import AT_WORK_AGAIN, Ended, Run, ended, settled
from tests.parts.kafka import Kafka
from tests.parts.postgres import Postgres
from tests.sharing import Group, Worker

pytestmark = [pytest.mark.parts, pytest.mark.slow, pytest.mark.timeout(600)]

PARTITIONS: Final = 8
UNTIL: Final = 1_674_576_000_000
"""2023-01-25: a year, and the closing of its last quarter."""
LARGE: Final = (1, 7)
"""Partitions of the two largest banks, which would triple the time."""
TAKEN_OVER: Final = "another worker has taken over what this one had"
LINE_ENDED: Final = "cannot be written: "
"""Who was in the middle of a transaction."""
_SAMPLE: Final = re.compile(r"^(puhui_\w+)(\{.*\})? (\S+)$", re.MULTILINE)

Series = dict[tuple[str, str], float]
"""Samples of an exposition by name and labels."""


@dataclass
class Course:
    """What happened while workers shared the partitions, and what it came to."""

    ended: Ended | None = None
    woken: list[str] = field(default_factory=list)
    """What each frozen worker said after it had woken."""
    shown: list[Series] = field(default_factory=list)
    """What each of two workers showed to Prometheus when all was taken in."""
    accepted: int = 0
    """Events accepted, as the store knows them."""


def fresh(kafka: Kafka, folder: Path, store: str = "") -> Installation:
    """An installation on topics that are new."""
    kafka.delete_topics()
    return Installation(folder / "installation", kafka.bootstrap, store, partitions=PARTITIONS)


@pytest.fixture(scope="module")
def records() -> list[Record]:
    return [record for record in flow(PARTITIONS) if record.at < UNTIL and record.partition not in LARGE]


@pytest.fixture(scope="module")
def undisturbed(
    apache_kafka: Kafka, records: list[Record], tmp_path_factory: pytest.TempPathFactory
) -> Ended:
    """One worker alone, on SQLite."""
    return Run(fresh(apache_kafka, tmp_path_factory.mktemp("alone")), records).to_the_end()


@pytest.fixture(scope="module", params=["postgres", "files"])
def course(
    request: pytest.FixtureRequest,
    undisturbed: Ended,
    apache_kafka: Kafka,
    records: list[Record],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Course]:
    folder = tmp_path_factory.mktemp("shared")
    if request.param == "postgres":
        server: Postgres = request.getfixturevalue("postgres")
        store = server.create_database()
    else:
        store = f"sqlite:{folder}/store/"
    installation = fresh(apache_kafka, folder, store)
    stage = Stage(Group(installation), records)
    try:
        yield stage.play()
    finally:
        stage.clear()


class Stage:
    """Where a course is played, in three acts of as many records."""

    def __init__(self, group: Group, records: Sequence[Record]) -> None:
        self._group, self._installation, self._records = group, group.installation, records
        self._taken, self._feeds = Taken(group.installation), list[Feed]()
        self._alerts = self._promised = 0
        self._ports = {"one": str(free_port()), "two": str(free_port())}
        one, two = (group.start(name, PUHUI_METRICS_PORT=port) for name, port in self._ports.items())
        self._workers = [one, two]
        self.course = Course()

    def play(self) -> Course:
        """A frozen judge, a worker frozen in its transaction, a third one that comes and goes."""
        self._group.wait_for_shares(*self._workers)
        self._publish(0)
        self._wait_for_some()
        judge = max(self._workers, key=lambda worker: worker.judges)
        self._wakes(judge, self._group.freeze(judge))
        busy = max(self._workers, key=lambda worker: 0 in worker.share)
        frozen = self._group.freeze_in_transaction(busy, meanwhile=lambda: self._publish(1))
        if folder_of(self._installation.store) is None:
            self._wakes(busy, frozen)
        else:
            self._is_ended(busy)
        self._publish(2)
        self._comes_and_goes()
        self._end()
        return self.course

    def clear(self) -> None:
        for feed in self._feeds:
            feed.ended.set()
        for worker in self._workers:
            worker.server.kill()
        self._taken.close()

    def _publish(self, act: int) -> None:
        """Let the records of an act flow."""
        third = -(-len(self._records) // 3)
        feed = Feed(self._installation, self._records[act * third : (act + 1) * third])
        feed.published = act * third
        self._promised = min((act + 1) * third, len(self._records))
        self._feeds.append(feed)
        feed.start()

    def _wait_for_some(self) -> None:
        enough = min(self._taken() + 200, self._promised)
        wait_until(lambda: self._taken() >= enough, "events are taken in")

    def _wakes(self, worker: Worker, frozen: psutil.Process) -> None:
        """The other one takes all over, also what it was about to write; then the frozen one wakes, and comes back."""
        (heir,) = (one for one in self._workers if one is not worker)
        everything = set(range(PARTITIONS))
        wait_until(lambda: heir.share == everything, f"{heir.name} has taken all over")
        self._wait_for_some()
        wait_until(lambda: heir.judges, f"{heir.name} judges")
        said = len(worker.said)
        frozen.resume()
        self._group.wait_for_shares(*self._workers)
        self.course.woken.append(worker.said[said:])

    def _is_ended(self, worker: Worker) -> None:
        """The other one ends it, for it holds a file; its supervisor starts it again, and it has its share."""
        wait_until(lambda: "ended by SIGKILL" in worker.said, f"{worker.name} is ended", AT_WORK_AGAIN)
        said = len(worker.said)
        wait_until(lambda: "books opened" in worker.said[said:], f"{worker.name} is back", AT_WORK_AGAIN)
        self._group.wait_for_shares(*self._workers)

    def _comes_and_goes(self) -> None:
        third = self._group.start("three")
        self._workers.append(third)
        self._group.wait_for_shares(*self._workers)
        third.stop()
        self._workers.remove(third)
        self._group.wait_for_shares(*self._workers)

    def _end(self) -> None:
        wait_until(lambda: self._taken() == len(self._records), "everything is taken in")
        wait_until(lambda: settled(self._installation, self._records), "everything due is done")
        self._installation.wait_until_taken_in()
        with closing(self._installation.open()) as store:
            self._alerts = len(store.alerts())
        self.course.accepted = self._installation.counted()["accepted"]
        wait_until(self._is_shown, "the figures of both hold everything")
        for worker in self._workers:
            worker.stop()
        self.course.ended = ended(self._installation)

    def _is_shown(self) -> bool:
        self.course.shown = shown = [series(port) for port in self._ports.values()]
        accepted = total(shown, "puhui_events_total", 'result="accepted"')
        return (accepted, total(shown, "puhui_alerts")) == (self.course.accepted, self._alerts)


def series(port: str) -> Series:
    """What a worker shows."""
    with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/metrics", timeout=10) as reply:
        text = reply.read().decode()
    return {(name, labels): float(value) for name, labels, value in _SAMPLE.findall(text)}


def total(shown: Iterable[Series], metric: str, label: str = "") -> float:
    """The sum of a metric over workers, as the dashboards take it."""
    return sum(n for one in shown for (name, labels), n in one.items() if name == metric and label in labels)


def test_after_all_that_the_state_is_that_of_one_undisturbed_worker(
    course: Course, undisturbed: Ended
) -> None:
    assert course.ended is not None
    assert digests.differences({"register": course.ended.state["register"]}, course.ended.folded) == {}
    assert digests.differences(course.ended.state, undisturbed.state) == {}


def test_alerts_and_answers_are_the_same_and_each_has_one_form(course: Course, undisturbed: Ended) -> None:
    assert course.ended is not None
    assert undisturbed.alerts
    for mine, theirs in (
        (course.ended.alerts, undisturbed.alerts),
        (course.ended.rejected, undisturbed.rejected),
    ):
        assert mine.keys() == theirs.keys()
        assert [forms for forms in mine.values() if len(forms) > 1] == []


def test_who_slept_through_the_loss_of_its_partitions_says_so_or_goes_on(course: Course) -> None:
    assert course.woken
    for said in course.woken:
        (ends,) = re.findall("the worker ends: (.*)", said) or [TAKEN_OVER]
        assert ends.startswith(TAKEN_OVER) or LINE_ENDED in ends


def test_each_worker_shows_its_own_share_and_the_sums_are_right(course: Course) -> None:
    assert course.ended is not None
    one, two = ({key for key in shown if "institution=" in key[1]} for shown in course.shown)
    unknown = {("puhui_parked_events", '{institution="unknown"}')}
    assert one - unknown
    assert two - unknown
    assert one & two == unknown, "no other series of an institution, or of the county, from two workers"
    assert total(course.shown, "puhui_as_of_timestamp_seconds", 'institution="county"') > 0
    assert total(course.shown, "puhui_assigned_partitions") == 2 * PARTITIONS
    states = Counter(state for state, *_ in course.ended.state["alerts"].values())
    shown = {state: total(course.shown, "puhui_alerts", f'state="{state}"') for state in State}
    assert {str(state): alerts for state, alerts in shown.items() if alerts} == states
