"""Each alert about the system itself is tried by causing its fault: it fires alone, and ends with the fault.

The rules are those that are shipped, with their times scaled down; worker, Kafka, Prometheus and Alertmanager are real. A
worker that is meant to fail in one part of itself looks for a file that says so.
"""

import json
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from threading import Event as Occurrence
from typing import Any, Final

import pytest
from confluent_kafka import Consumer, Producer
from kafka.admin import KafkaAdminClient

from dashboards.alerting import prometheus_alerts, prometheus_rules
from puhui.contract.catalogue import LOAN_EVENTS, REGISTRY_EVENTS, REJECTED_EVENTS
from streams.broker import LOOPBACK, free_port
from streams.topics import ensure_topics, topics
from tests.events import Event, Sender, message, yuan
from tests.examples import BANK, SHOP
from tests.figures import total
from tests.installation import Installation, wait_until
from tests.parts.alertmanager import Alertmanager
from tests.parts.kafka import Kafka
from tests.parts.process import Server
from tests.parts.prometheus import Prometheus
from tests.references import social_credit_code

pytestmark = [pytest.mark.parts, pytest.mark.slow]

SIGNER: Final = social_credit_code(2)
"""An institution that must sign."""
DAY: Final = "2024-11-04"
MONTH: Final = "2024-09-30"
PATIENCE: Final = 20.0
WINDOW: Final = "4s"
WIDE: Final = "30s"
"""For what has to happen several times."""
FAULTY: Final = """
import asyncio, sys
from pathlib import Path
from aiokafka.consumer.fetcher import Fetcher
from aggregates.store import StoreFailed
from projections.board import Board
from puhui.cli import main
from streams import alertmanager, exposing, progress, watching
from streams.evaluating import Judging

def fails(part):
    file = Path({faults!r}) / part
    return file.exists() and bool(file.write_text("it fails"))

progress.STALLED = 2.0
watching.IN_PLACE = watching.STANDSTILL = 1000.0
for pause in ("LOOK_EVERY", "ASK_EVERY", "REFRESH_EVERY", "WEIGH_EVERY", "AGAIN"):
    setattr(exposing, pause, 0.3)
alertmanager.Notifier.__init__.__kwdefaults__["again"] = 0.5
fetch, refresh, judge = Fetcher._proc_fetch_request, Board.refresh, Judging.tick

async def fetch_or_hang(fetcher, *arguments):
    while fails("fetching"):
        await asyncio.sleep(0.05)
    return await fetch(fetcher, *arguments)

def refresh_or_fail(board, *arguments):
    if fails("refreshing"):
        raise StoreFailed("the store cannot be read")
    return refresh(board, *arguments)

async def judge_or_hold_on(judging, clock):
    if fails("judging"):
        judging.preside()
    else:
        await judge(judging, clock)

Fetcher._proc_fetch_request, Board.refresh, Judging.tick = fetch_or_hang, refresh_or_fail, judge_or_hold_on
sys.exit(main())
"""


def scaled(groups: Any) -> str:
    """The shipped rules with their times scaled down: what takes minutes takes seconds."""
    for rule in (rule for group in groups["groups"] for rule in group["rules"]):
        window = WIDE if rule.get("alert") in ("PuhuiRestarts", "PuhuiRebalances") else WINDOW
        rule["expr"] = (
            re.sub(r"\[\w+\]", f"[{window}]", rule["expr"]).replace("> 600", "> 5").replace("> 300", "> 5")
        )
    return re.sub(r'"(for|interval)": "\w+"', r'"\1": "1s"', json.dumps(groups))


@dataclass
class World:
    """One worker that is watched, with all that it needs and all that watches it."""

    kafka: Kafka
    installation: Installation
    alertmanager: Alertmanager
    prometheus: Prometheus
    others: Path
    bank: Sender = field(default_factory=lambda: Sender(BANK, "production"))
    signer: Sender = field(default_factory=lambda: Sender(SIGNER, "production"))
    worker: Server | None = None
    rules: str = ""

    @property
    def program(self) -> tuple[str, ...]:
        return (sys.executable, "-c", FAULTY.format(faults=str(self.installation.folder)))

    def run(self, rules: str = "on") -> None:
        """Have the worker run, with rules or without."""
        if self.rules != rules:
            self.stop()
            self.worker, self.rules = self.installation.worker(program=self.program, PUHUI_RULES=rules), rules
            self.prometheus.wait_for('puhui_ready{job="puhui"} == 1', PATIENCE)
            self.prometheus.wait_for(f'puhui_unauthentic_events_total{{institution="{SIGNER}"}}', PATIENCE)

    def stop(self) -> None:
        if self.worker is not None:
            self.worker.signal(signal.SIGTERM)

    @property
    def child(self) -> int:
        """The process of the worker itself; its supervisor has no other."""
        assert self.worker is not None
        return int(Path(f"/proc/{self.worker.pid}/task/{self.worker.pid}/children").read_text().split()[0])

    def publish(self, *events: Event, ago: float = 0.0) -> None:
        """Publish with the timestamp of some seconds ago."""
        producer = Producer({"bootstrap.servers": self.kafka.bootstrap, "linger.ms": 0})
        for record in map(message, events):
            stamp = int((time.time() - ago) * 1000)
            producer.produce(record.topic, record.value, record.key, timestamp=stamp)
        assert producer.flush(30) == 0

    @contextmanager
    def failing(self, part: str) -> Iterator[None]:
        """Within, one part of the worker fails."""
        file = self.installation.folder / part
        file.touch()
        try:
            wait_until(lambda: bool(file.read_text()), f"the worker fails in {part}", PATIENCE)
            yield
        finally:
            file.unlink()

    @contextmanager
    def going_on(self, events: Callable[[], list[Event]], ago: float = 0.0) -> Iterator[None]:
        """Within, such events come every second: a machine that is slow for a moment cannot outlast them."""
        over = Occurrence()

        def publish() -> None:
            while not over.wait(1):
                self.publish(*events(), ago=ago)

        self.publish(*events(), ago=ago)
        with ThreadPoolExecutor(1) as pool:
            publishing = pool.submit(publish)
            try:
                yield
            finally:
                over.set()
            publishing.result()

    def firing(self) -> set[str]:
        return {alert.labels["alertname"] for alert in self.prometheus.query('ALERTS{alertstate="firing"}')}

    def wait(self, holds: Callable[[set[str]], bool], what: str) -> None:
        """Wait until this holds of the alerts that fire."""
        seen = [self.firing()]

        def now() -> bool:
            if (firing := self.firing()) != seen[-1]:
                seen.append(firing)
            return holds(firing)

        try:
            wait_until(now, what, PATIENCE)
        except AssertionError as error:
            raise AssertionError(f"{error}; there fired, one after the other: {seen}") from None

    def wait_for(self, raised: set[str], besides: set[str]) -> None:
        """Wait until these alerts fire, and no others besides."""
        self.wait(lambda firing: firing - besides == raised, f"there fires {raised} alone")

    def assignments(self) -> float:
        """How often the worker was given its partitions."""
        return max((found.value for found in self.prometheus.query("puhui_assignments_total")), default=0.0)

    def wait_for_another_assignment(self, before: float) -> None:
        wait_until(lambda: self.assignments() > before, "it is given its partitions anew", PATIENCE)

    def started_at(self) -> float:
        """When the worker was started."""
        found = self.prometheus.query('process_start_time_seconds{job="puhui"}')
        return max((one.value for one in found), default=0.0)

    def wait_for_another_start(self, before: float) -> None:
        wait_until(lambda: self.started_at() > before, "it is there again", PATIENCE)


@pytest.fixture(scope="module")
def world(
    apache_kafka: Kafka, prometheus_binary: Path, amtool: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    folder, port = tmp_path_factory.mktemp("runbook"), free_port()
    apache_kafka.delete_topics()
    alertmanager = Alertmanager(folder / "alertmanager", amtool)
    settings = {
        "PUHUI_METRICS_PORT": str(port), "PUHUI_ALERTMANAGERS": alertmanager.url, "PUHUI_ENVIRONMENT": "production",
        "PUHUI_SESSION": "8", "PUHUI_KEYS_FILE": str(folder / "keys.json"),
    }  # fmt: skip
    installation = Installation(
        folder / "installation", apache_kafka.bootstrap, partitions=1, settings=settings
    )
    assert installation.run("keys", "add", SIGNER, "--copy", str(folder / "key.json")).returncode == 0
    files = [folder / "rules.yaml", folder / "alerts.yaml"]
    for file, groups in zip(files, (prometheus_rules(), prometheus_alerts("runbook.md")), strict=True):
        file.write_text(scaled(groups))
    others = folder / "others.json"
    others.write_text("[]")
    prometheus = Prometheus(
        folder / "prometheus", f"{LOOPBACK}:{port}", rules=files, interval="500ms",
        others=[
            {"job_name": "others", "file_sd_configs": [{"files": [str(others)], "refresh_interval": "1s"}]},
            {"job_name": "alertmanager", "static_configs": [{"targets": [f"{LOOPBACK}:{alertmanager.port}"]}]},
        ],
    )  # fmt: skip
    found = World(apache_kafka, installation, alertmanager, prometheus, others)
    alertmanager.start()
    prometheus.start()
    found.publish(found.bank.registered(), found.signer.registered())
    yield found
    found.stop()
    alertmanager.stop()
    prometheus.stop()


# the faults: each holds within a context


@contextmanager
def no_worker_has_rules(world: World) -> Iterator[None]:
    world.run(rules="off")
    yield
    world.run()


@contextmanager
def a_worker_is_frozen(world: World) -> Iterator[None]:
    os.kill(world.child, signal.SIGSTOP)
    yield
    os.kill(world.child, signal.SIGCONT)


@contextmanager
def its_fetching_hangs(world: World) -> Iterator[None]:
    with world.failing("fetching"):
        world.publish(world.bank.issued("H", SHOP, DAY, yuan(1_000_000)))
        yield


@contextmanager
def there_are_more_workers_than_partitions(world: World) -> Iterator[None]:
    port = free_port()
    store = f"sqlite:{world.installation.folder / 'other.db'}"
    settings = {
        "PUHUI_MEMBER": "two",
        "PUHUI_METRICS_PORT": str(port),
        "PUHUI_STORE": store,
        "PUHUI_RULES": "off",
    }
    other = world.installation.worker("--once", name="other", program=world.program, **settings)
    world.others.write_text(json.dumps([{"targets": [f"{LOOPBACK}:{port}"], "labels": {"job": "puhui"}}]))
    yield
    world.others.write_text("[]")
    other.signal(signal.SIGTERM)


@contextmanager
def figures_cannot_be_made(world: World) -> Iterator[None]:
    with world.failing("refreshing"):
        yield


@contextmanager
def judging_is_held_up(world: World) -> Iterator[None]:
    with world.failing("judging"):
        yield


@contextmanager
def a_producers_clock_is_slow(world: World) -> Iterator[None]:
    loans = map("F{}".format, count())
    with world.going_on(lambda: [world.bank.issued(next(loans), SHOP, DAY, 100) for _ in range(20)], ago=10):
        yield


@contextmanager
def many_events_are_refused(world: World) -> Iterator[None]:
    with world.going_on(lambda: [world.bank.issued("R", SHOP, DAY, -1) for _ in range(40)]):
        yield


@contextmanager
def many_events_come_before_their_loan(world: World) -> Iterator[None]:
    world.publish(*(world.bank.repaid("P", DAY, yuan(1)) for _ in range(120)))
    yield
    world.publish(world.bank.issued("P", SHOP, "2024-11-01", yuan(1_000_000)))


@contextmanager
def somebody_sends_in_anothers_name(world: World) -> Iterator[None]:
    with world.going_on(lambda: [world.signer.issued("U", SHOP, DAY, yuan(1_000_000))]):
        yield


@contextmanager
def an_alertmanager_is_away(world: World) -> Iterator[None]:
    world.publish(
        world.bank.issued("T", SHOP, "2024-09-02", 100),
        total(world.bank, MONTH, "PH", "5000.00", kind="tie_out"),
    )
    wait_until(lambda: bool(world.alertmanager.alerts()), "there is an alert to tell of", PATIENCE)
    world.alertmanager.stop()
    yield
    world.alertmanager.start()


@contextmanager
def a_channel_takes_nothing(world: World) -> Iterator[None]:
    world.alertmanager.answer(400)
    world.alertmanager.tell({"alertname": "Trial"})
    yield
    world.alertmanager.answer(200)


@contextmanager
def the_topic_of_answers_is_away(world: World) -> Iterator[None]:
    with closing(KafkaAdminClient(bootstrap_servers=world.kafka.bootstrap)) as admin:
        admin.delete_topics([REJECTED_EVENTS])
    world.publish(world.bank.issued("M", SHOP, DAY, -1))
    yield
    ensure_topics(world.kafka.bootstrap, topics(1, 1))


@contextmanager
def another_program_comes_and_goes_in_the_group(world: World) -> Iterator[None]:
    for _ in range(4):
        before = world.assignments()
        with closing(Stranger(world)) as stranger:
            stranger.join()
        world.wait_for_another_assignment(before)
    yield


class Stranger:
    """Another program in the consumer group."""

    def __init__(self, world: World) -> None:
        group = world.installation.environ()["PUHUI_GROUP"]
        self._consumer = Consumer({"bootstrap.servers": world.kafka.bootstrap, "group.id": group})
        self._joined = False

    def join(self) -> None:
        """Return when it has what the group gives it, be it nothing."""
        self._consumer.subscribe([LOAN_EVENTS, REGISTRY_EVENTS], on_assign=self._on_assign)
        wait_until(lambda: self._consumer.poll(0.1) is None and self._joined, "it is in the group")

    def _on_assign(self, consumer: Consumer, given: list[Any]) -> None:
        self._joined = True

    def close(self) -> None:
        """Leave."""
        self._consumer.close()


@contextmanager
def it_is_killed_three_times(world: World) -> Iterator[None]:
    for _ in range(3):
        before = world.started_at()
        os.kill(world.child, signal.SIGKILL)
        world.wait_for_another_start(before)
    yield


Fault = Callable[[World], AbstractContextManager[None]]
FAULTS: Final[tuple[tuple[Fault, tuple[str, ...]], ...]] = (
    (no_worker_has_rules, ("PuhuiNobodyJudges",)),
    (a_worker_is_frozen, ("PuhuiDown",)),
    (its_fetching_hangs, ("PuhuiStalled", "PuhuiEventsWait")),
    (there_are_more_workers_than_partitions, ("PuhuiNotReady",)),
    (figures_cannot_be_made, ("PuhuiFiguresStale",)),
    (judging_is_held_up, ("PuhuiJudgingBehind",)),
    (a_producers_clock_is_slow, ("PuhuiFreshnessBudgetBurns",)),
    (many_events_are_refused, ("PuhuiEventsRefused",)),
    (many_events_come_before_their_loan, ("PuhuiEventsParked",)),
    (somebody_sends_in_anothers_name, ("PuhuiEventsUnauthentic",)),
    (an_alertmanager_is_away, ("PuhuiAlertsUndelivered",)),
    (a_channel_takes_nothing, ("PuhuiNotificationsFail",)),
    (the_topic_of_answers_is_away, ("PuhuiMessagesUndelivered",)),
    (another_program_comes_and_goes_in_the_group, ("PuhuiRebalances",)),
    (it_is_killed_three_times, ("PuhuiRestarts",)),
)
"""Each fault, and the alerts that it raises, one after the other."""
BY_TIME: Final = {"PuhuiRebalances", "PuhuiRestarts"}
"""These end when their window is over."""


@pytest.mark.parametrize(("fault", "alerts"), [pytest.param(f, a, id=f.__name__) for f, a in FAULTS])
def test_a_fault_raises_its_alert_alone_and_its_end_ends_it(
    world: World, fault: Fault, alerts: tuple[str, ...]
) -> None:
    if fault is not no_worker_has_rules:
        world.run()
        world.wait_for({"Watchdog"}, besides=BY_TIME)
    with fault(world):
        for number in range(len(alerts)):
            world.wait_for({"Watchdog", *alerts[: number + 1]}, besides=BY_TIME - {*alerts})
    ended = {*alerts} - BY_TIME
    world.wait(lambda firing: not firing & ended, f"there fires no more {ended}")


def test_every_alert_is_tried() -> None:
    groups = prometheus_alerts("runbook.md")["groups"]
    shipped = {rule["alert"] for group in groups for rule in group["rules"]}
    assert shipped == {"Watchdog", *(name for _, alerts in FAULTS for name in alerts)}
