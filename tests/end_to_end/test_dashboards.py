"""Every panel draws something: a real Prometheus scrapes a real worker that has played a part of the simulated county.

The rules are loaded too, and a real Alertmanager is told: what all is well looks like, and one fault.
"""

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
from confluent_kafka import Producer
from faust.types import TP

from dashboards.commands import all_dashboards
from dashboards.style import as_json
from projections.metrics import SERIES
from puhui.cli import main
from streams.broker import LOOPBACK, free_port
from streams.progress import times_of
from streams.simulation import Message, county
from streams.topics import Topic, ensure_topics
from tests.events import Sender
from tests.installation import Installation, wait_until
from tests.parts.alertmanager import Alertmanager
from tests.parts.embedded import embedded
from tests.parts.process import Server
from tests.parts.prometheus import Prometheus

pytestmark = [pytest.mark.parts, pytest.mark.slow]

UNTIL: Final = "2023-04-20"
"""Five quarters are closed by then, so that every comparison with the year before has its base."""
BANKS: Final = ("GG", "GZ", "CS", "CZ", "NF")
"""Two large banks, two small ones of which one is local, and one at level A: a twentieth of all events."""
VALUES: Final = {"$__rate_interval": "[5m]", "$institution": ".+", "$period": "2023Q1"}


@dataclass
class Scraped:
    """A worker and the Prometheus that scrapes it."""

    prometheus: Prometheus
    alertmanager: Alertmanager
    worker: Server
    port: int
    worst: float

    def get(self, path: str) -> str:
        """What the worker answers."""
        with urllib.request.urlopen(f"http://{LOOPBACK}:{self.port}{path}", timeout=10) as reply:
            text: str = reply.read().decode()
            return text


def history() -> Iterator[Message]:
    """The first quarters of some banks."""
    simulated = county(1, environment="test")
    left_out = {i.usc for i in simulated.institutions if i.short not in BANKS}
    for message in simulated.history():
        if message.recorded_at.date().isoformat() >= UNTIL:
            return
        if message.key not in left_out:
            yield message


def in_order(bootstrap: str, codec: str = "none") -> Producer:
    """A producer that keeps the order, whatever it has to send again."""
    settings = {"partitioner": "murmur2_random", "max.in.flight": 1, "compression.type": codec}
    return Producer({"bootstrap.servers": bootstrap, **settings})


def publish(bootstrap: str, messages: Iterable[Message]) -> None:
    """Publish with the timestamps of the simulation, which are the clock."""
    producer = in_order(bootstrap)
    for m in messages:
        producer.produce(m.topic, m.value, m.key, timestamp=int(m.recorded_at.timestamp() * 1000))
        producer.poll(0)
    assert producer.flush(60) == 0


@pytest.fixture(scope="module")
def scraped(
    tmp_path_factory: pytest.TempPathFactory, prometheus_binary: Path, amtool: Path
) -> Iterator[Scraped]:
    folder = tmp_path_factory.mktemp("scraped")
    port = free_port()
    assert main(["dashboards", "--out", str(folder / "dashboards"), "--rules", str(folder / "rules")]) == 0
    rules = sorted((folder / "rules").iterdir())
    alertmanager = Alertmanager(folder / "alertmanager", amtool)
    with embedded(folder / "broker") as broker:
        settings = {"PUHUI_METRICS_PORT": str(port), "PUHUI_ALERTMANAGERS": alertmanager.url}
        installation = Installation(folder / "installation", broker.bootstrap, settings=settings)
        messages = list(history())
        publish(broker.bootstrap, messages)
        worker = installation.worker("--once")
        prometheus = Prometheus(folder / "prometheus", f"{LOOPBACK}:{port}", rules=rules, interval="1s")
        prometheus.start()
        alertmanager.start()
        found = Scraped(prometheus, alertmanager, worker, port, 0.0)
        try:
            while installation.behind():
                began = time.monotonic()
                found.get("/metrics")
                found.worst = max(found.worst, time.monotonic() - began)
                time.sleep(0.5)
            last = messages[-1].recorded_at.isoformat()
            stranger = Sender(messages[-1].key).event("loan.repaid", last[:10], loan_no="X", principal_fen=1)
            strange = stranger | {"source": "urn:puhui:inst:somebody-else"}
            prometheus.wait_for("puhui_event_delay_seconds_count > 1000", 30)  # what comes now makes a rate
            publish(broker.bootstrap, [messages[-1]._replace(value=json.dumps(strange).encode())])
            installation.wait_until_taken_in()
            taken_in = time.time()
            prometheus.wait_for(f"puhui_figures_updated_timestamp_seconds > {taken_in}", 30)
            prometheus.wait_for("increase(puhui_refusals_total[1h])")  # which takes two scrapes
            yield found
        finally:
            prometheus.stop()
            alertmanager.stop()
            worker.kill()


@cache
def panels(name: str) -> list[dict[str, Any]]:
    made = json.loads(as_json(all_dashboards()[name]()))
    return [panel for panel in made["panels"] if panel["type"] != "row"]


EVERY = [
    pytest.param(panel["title"], target, id=f"{name}/{panel['id']}/{target['refId']}")
    for name in all_dashboards()
    for panel in panels(name)
    for target in panel["targets"]
]


def asked(target: dict[str, Any]) -> str:
    """The path that Grafana would ask, with the variables replaced as it does."""
    expression = target["expr"]
    for variable, value in VALUES.items():
        expression = expression.replace(f"[{variable}]" if value.startswith("[") else variable, value)
    assert "$" not in expression
    query = {"query": expression}
    if target["instant"]:
        return "/api/v1/query?" + urllib.parse.urlencode(query)
    now = time.time()
    return "/api/v1/query_range?" + urllib.parse.urlencode(query | {"start": now - 60, "end": now, "step": 1})


@pytest.mark.parametrize(("title", "target"), EVERY)
def test_a_panel_has_something_to_draw(scraped: Scraped, title: str, target: dict[str, Any]) -> None:
    def has_numbers() -> bool:
        try:
            found = scraped.prometheus.get(asked(target))["result"]
        except urllib.error.HTTPError as error:
            pytest.fail(f"{title}: {target['expr']}\n{error.read().decode()}")
        values = [v for row in found for _, v in (row["values"] if "values" in row else [row["value"]])]
        return any(value != "NaN" for value in values)

    wait_until(has_numbers, f"{title}: {target['expr']} has a number", 20)


@pytest.mark.parametrize("name", list(all_dashboards()))
def test_every_variable_has_values(scraped: Scraped, name: str) -> None:
    made = json.loads(as_json(all_dashboards()[name]()))
    for variable in made["templating"]["list"][1:]:
        selector, _, label = (
            variable["definition"].removeprefix("label_values(").removesuffix(")").rpartition(", ")
        )
        query = urllib.parse.urlencode({"match[]": selector})
        assert scraped.prometheus.get(f"/api/v1/label/{label}/values?{query}")


def test_every_metric_of_the_table_is_scraped(scraped: Scraped) -> None:
    shown = {row.labels["__name__"] for row in scraped.prometheus.query('{job="puhui"}')}
    assert set(SERIES) - shown == set()


def test_a_worker_that_is_well_raises_the_watchdog_and_nothing_else(scraped: Scraped) -> None:
    groups = scraped.prometheus.get("/api/v1/rules")["groups"]
    assert [rule["lastError"] for group in groups for rule in group["rules"] if rule.get("lastError")] == []
    scraped.prometheus.wait_for('ALERTS{alertname="Watchdog", alertstate="firing"}')
    firing = scraped.prometheus.query('ALERTS{alertstate="firing"}')
    assert {alert.labels["alertname"] for alert in firing} == {"Watchdog"}


def test_the_delay_of_every_record_is_counted_once(scraped: Scraped) -> None:
    (counted,) = scraped.prometheus.query("puhui_event_delay_seconds_count")
    (taken,) = scraped.prometheus.query("sum(puhui_partition_tracked_offset)")
    assert counted.value == taken.value > 1000


def test_alertmanager_has_the_alerts_that_the_store_has(scraped: Scraped) -> None:
    open_states = 'puhui_alerts{state=~"provisional|confirmed"}'
    wanted = scraped.prometheus.query(f"sum by (rule) ({open_states}) > 0")
    assert wanted
    told = Counter(alert["labels"]["alertname"] for alert in scraped.alertmanager.alerts())
    assert told == {row.labels["rule"]: row.value for row in wanted}


def test_the_scraped_figures_are_those_of_the_store(scraped: Scraped) -> None:
    (sample,) = scraped.prometheus.query(
        'puhui_official_npr_balance_yuan{institution="county", period="2023Q1"}'
    )
    banks = scraped.prometheus.query(
        'puhui_official_npr_balance_yuan{institution!="county", period="2023Q1"}'
    )
    assert sample.value == pytest.approx(sum(bank.value for bank in banks))
    assert sample.value > 10_000_000
    lines = scraped.prometheus.query('sum by (institution) (puhui_official_npr_bridge_yuan{line!="end"}) '
                                     '- on (institution) sum by (institution) (puhui_official_npr_bridge_yuan{line="end"})')  # fmt: skip
    assert lines
    assert all(abs(line.value) < 0.01 for line in lines)


def test_a_scrape_waits_for_nothing(scraped: Scraped) -> None:
    times = []
    for _ in range(10):
        began = time.monotonic()
        assert scraped.get("/metrics")
        times.append(time.monotonic() - began)
    assert min(times) < 0.05
    assert scraped.worst < 5
    assert scraped.get("/-/ready") == "ready\n"
    assert scraped.get("/-/healthy") == "healthy\n"


def test_nothing_waits_when_all_is_taken_in(scraped: Scraped) -> None:
    behind = "sum(puhui_partition_end_offset - puhui_partition_tracked_offset)"
    wait_until(lambda: scraped.prometheus.query(behind)[0].value == 0, "the ends are known", 20)
    assert scraped.prometheus.query("max(puhui_oldest_unprocessed_seconds)")[0].value == 0


def test_a_worker_that_is_killed_is_noticed_with_the_next_scrape(scraped: Scraped) -> None:
    scraped.worker.kill()
    (alert,) = scraped.prometheus.wait_for('ALERTS{alertname="PuhuiDown"}')
    assert alert.labels["alertstate"] == "pending"
    assert {row["labels"]["institution"] for row in scraped.alertmanager.alerts()}  # they stand without it


@pytest.mark.parametrize(
    ("broker", "codec"),
    [
        ("embedded_broker", "none"),
        *(("apache_kafka", codec) for codec in ("none", "gzip", "snappy", "lz4", "zstd")),
    ],
)
def test_the_age_of_what_waits_is_read_from_the_log(
    request: pytest.FixtureRequest, broker: str, codec: str
) -> None:
    bootstrap = request.getfixturevalue(broker).bootstrap
    topic = f"ages-{time.time_ns()}"
    ensure_topics(bootstrap, [Topic(topic, 3)])
    producer = in_order(bootstrap, codec)
    first = 1_700_000_000_000
    for partition in (0, 1):
        for number in range(50):
            moment = first + 1000 * number + partition
            producer.produce(topic, b"x" * 20_000, partition=partition, timestamp=moment)
    assert producer.flush(30) == 0
    wanted = {TP(topic, 0): 7, TP(topic, 1): 0, TP(topic, 2): 0}
    assert times_of(bootstrap, wanted) == {TP(topic, 0): first / 1000 + 7, TP(topic, 1): first / 1000 + 0.001}
