"""Fixtures for every test: the real parts, started once a session, and the rule for absent ones."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from streams.broker import EmbeddedBroker
from tests.parts import Absent
from tests.parts.alertmanager import Alertmanager
from tests.parts.embedded import embedded
from tests.parts.kafka import Kafka
from tests.parts.postgres import Postgres
from tests.parts.prometheus import program

MANDATORY = "PUHUI_TEST_MANDATORY"


def do_without(absent: Absent) -> NoReturn:
    """Skip the test, or fail it where the parts are mandatory."""
    if os.environ.get(MANDATORY) == "1":
        pytest.fail(f"{absent}, and {MANDATORY}=1 demands it", pytrace=False)
    pytest.skip(str(absent))


@pytest.fixture(scope="session")
def apache_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """A running Apache Kafka; a test that stops or kills it starts it again."""
    try:
        kafka = Kafka(tmp_path_factory.mktemp("kafka"))
    except Absent as absent:
        do_without(absent)
    kafka.start()
    yield kafka
    kafka.resume()
    kafka.kill()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A running PostgreSQL; each test makes a database of its own in it."""
    try:
        server = Postgres()
    except Absent as absent:
        do_without(absent)
    server.start()
    yield server
    server.remove()


@pytest.fixture(scope="session")
def prometheus_binary() -> Path:
    """The program `prometheus`; `tests.parts.prometheus.Prometheus` runs it."""
    try:
        return program("prometheus")
    except Absent as absent:
        do_without(absent)


@pytest.fixture(scope="session")
def promtool() -> Path:
    """The program `promtool`, which checks and tests rules."""
    try:
        return program("promtool")
    except Absent as absent:
        do_without(absent)


@pytest.fixture(scope="session")
def amtool() -> Path:
    """The program `amtool`, which asks an Alertmanager and checks its configuration."""
    try:
        return program("amtool")
    except Absent as absent:
        do_without(absent)


@pytest.fixture
def alertmanager(tmp_path: Path, amtool: Path) -> Iterator[Alertmanager]:
    """A running Alertmanager that tells a webhook; a test that stops it starts it again."""
    try:
        server = Alertmanager(tmp_path / "alertmanager", amtool)
    except Absent as absent:
        do_without(absent)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def embedded_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    """An embedded broker for the whole session, for tests that choose their own topic names."""
    with embedded(tmp_path_factory.mktemp("embedded")) as broker:
        yield broker


@pytest.fixture
def fresh_broker(tmp_path: Path) -> Iterator[EmbeddedBroker]:
    """An embedded broker with nothing in it, for one test."""
    with embedded(tmp_path / "broker") as broker:
        yield broker
