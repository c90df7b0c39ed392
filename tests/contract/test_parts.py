"""The real parts do what the other tests rely on: they come back with what they had."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from kafka import KafkaProducer

from streams.broker import answers
from streams.topics import Topic, end_offsets, ensure_topics
from tests.parts.kafka import Kafka
from tests.parts.postgres import Postgres
from tests.parts.prometheus import Prometheus

pytestmark = pytest.mark.parts


def send(kafka: Kafka, topic: str, count: int) -> None:
    ensure_topics(kafka.bootstrap, [Topic(topic, 1)])
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap, acks="all")
    for _ in range(count):
        producer.send(topic, b"event")
    producer.close()


@pytest.mark.slow
@pytest.mark.parametrize("end", ["stop", "kill"])
def test_kafka_keeps_what_it_acknowledged(apache_kafka: Kafka, end: str) -> None:
    topic = f"parts-{end}"
    send(apache_kafka, topic, 100)
    getattr(apache_kafka, end)()
    assert not answers(apache_kafka.port)
    apache_kafka.start()
    assert end_offsets(apache_kafka.bootstrap, [topic]) == {(topic, 0): 100}


def test_a_frozen_kafka_is_silent_and_goes_on_afterwards(apache_kafka: Kafka) -> None:
    apache_kafka.pause()
    assert not answers(apache_kafka.port, timeout=0.5)
    apache_kafka.resume()
    assert answers(apache_kafka.port, timeout=5)


@pytest.mark.slow
def test_kafkas_own_producer_and_consumer_run(apache_kafka: Kafka) -> None:
    ensure_topics(apache_kafka.bootstrap, [Topic("parts-console", 1)])
    apache_kafka.produce("parts-console", "一\n二\n")
    assert apache_kafka.consume("parts-console", 2) == ["一", "二"]


def test_each_database_is_new(postgres: Postgres) -> None:
    for _ in range(2):
        with psycopg.connect(postgres.create_database()) as connection:
            connection.execute("CREATE TABLE fact (name text)")


def test_postgres_keeps_what_was_committed_before_a_crash(postgres: Postgres) -> None:
    database = postgres.create_database()
    with psycopg.connect(database) as connection:
        connection.execute("CREATE TABLE fact (name text)")
        connection.execute("INSERT INTO fact VALUES ('放款')")
    postgres.stop("immediate")
    postgres.start()
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT name FROM fact").fetchall() == [("放款",)]


class Metrics(http.server.BaseHTTPRequestHandler):
    """One metric, for everyone who asks."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write('puhui_balance{institution="甲"} 42\n'.encode())

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def target() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Metrics) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


def test_prometheus_scrapes_and_answers(prometheus_binary: Path, target: str, tmp_path: Path) -> None:
    prometheus = Prometheus(tmp_path, target)
    prometheus.start()
    try:
        (sample,) = prometheus.wait_for("puhui_balance")
    finally:
        prometheus.stop()
    assert (sample.labels["institution"], sample.value) == ("甲", 42)
