"""What the containers are given is understood by the programs that run in them, and the door lets in who may come."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import psycopg
import pytest

from aggregates.store import open_store
from streams.broker import free_port
from tests.conftest import do_without
from tests.installation import PUHUI
from tests.parts import Absent
from tests.parts.compose import COMPOSE, DOCKER, run, services
from tests.parts.kafka import Kafka
from tests.parts.postgres import Postgres, programs
from tests.parts.process import Server, as_user

pytestmark = [
    pytest.mark.parts,
    pytest.mark.skipif(not COMPOSE.exists(), reason="the containers are not beside the tests"),
]


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The secrets as `docker/prepare.sh` makes them."""
    folder = tmp_path_factory.mktemp("prepared") / "secrets"
    run(DOCKER / "prepare.sh", folder)
    return folder


# Kafka


@pytest.fixture(scope="module")
def properties(apache_kafka: Kafka, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Kafka's properties, as the setup of its image makes them from the variables; it formats the data too."""
    folder = tmp_path_factory.mktemp("image")
    for name in ("default", "mounted", "final"):
        (folder / name).mkdir()
    for name in ("server.properties", "log4j2.yaml", "tools-log4j2.yaml"):
        (folder / "default" / name).touch()
    options = [f"--{name}-configs-dir={folder / name}" for name in ("default", "mounted", "final")]
    given = services()["kafka"]["environment"] | {"KAFKA_LOG_DIRS": str(folder / "data")}
    run(*apache_kafka.java("kafka.docker.KafkaDockerWrapper", "setup", *options), environ=given)
    assert (folder / "data" / "meta.properties").exists()
    lines = (folder / "final" / "server.properties").read_text("utf-8").split()
    return dict(line.split("=", 1) for line in lines)


def test_the_setup_of_kafkas_image_takes_every_variable(properties: dict[str, str]) -> None:
    given = [name for name in services()["kafka"]["environment"] if name.startswith("KAFKA_")]
    assert len(properties) == len(given) - 1  # KAFKA_HEAP_OPTS is for Java
    assert properties["log.retention.hours"] == "720"


def test_every_property_is_known_to_kafka(apache_kafka: Kafka, properties: dict[str, str]) -> None:
    known = set(
        re.findall(r'id="brokerconfigs_([^"]*)"', run(*apache_kafka.java("kafka.server.KafkaConfig")))
    )
    assert set(properties) <= known


# PostgreSQL


def test_postgres_understands_its_configuration(postgres: Postgres) -> None:
    file = postgres.folder / "postgresql.conf"
    shutil.copy(DOCKER / "postgres" / "postgresql.conf", file)
    file.chmod(0o644)
    said = subprocess.run(
        [programs() / "postgres", "-D", postgres.folder / "data", "-c", f"config_file={file}", "-C", "synchronous_commit"],
        capture_output=True, text=True, check=False, cwd=postgres.folder,
        **as_user("postgres" if os.getuid() == 0 else None),
    )  # fmt: skip
    assert said.stdout == "on\n", said.stderr


@pytest.fixture(scope="module")
def with_roles(bare_postgres: Postgres, secrets: Path) -> str:
    """The address of the server after the roles were made as in a new container: without user and database."""
    files = {"PUHUI_PASSWORD_FILE": "puhui_password", "READER_PASSWORD_FILE": "reader_password"}
    run(
        "psql", "--no-psqlrc", f"--dbname={bare_postgres.address()}", "--file", DOCKER / "postgres" / "roles.sql",
        environ={name: str(secrets / file) for name, file in files.items()},
    )  # fmt: skip
    return f"127.0.0.1:{bare_postgres.port}"


def test_the_roles_get_the_passwords_of_their_files_and_no_right_over_the_server(
    postgres: Postgres, with_roles: str
) -> None:
    asked = "SELECT rolname, rolpassword LIKE 'SCRAM-SHA-256$%', rolsuper OR rolcreatedb OR rolcreaterole FROM pg_authid"
    with psycopg.connect(postgres.address()) as connection:
        found = connection.execute(f"{asked} WHERE rolname LIKE 'puhui%' ORDER BY 1").fetchall()
    assert found == [("puhui", True, False), ("puhui_reader", True, False)]


def test_the_page_can_read_the_store_that_a_worker_made_and_cannot_write_it(
    with_roles: str, secrets: Path
) -> None:
    addresses = [
        (secrets / name).read_text().strip().replace("@postgres/", f"@{with_roles}/")
        for name in ("store_of_workers", "store_of_readers")
    ]
    worker, page = open_store(addresses[0]), open_store(addresses[1], read_only=True)
    assert page.positions() == worker.positions() == {}
    worker.close()
    page.close()
    with (
        psycopg.connect(addresses[1]) as connection,
        pytest.raises(
            psycopg.errors.InsufficientPrivilege, match="permission denied for table stored_events"
        ),
    ):
        connection.execute("DELETE FROM stored_events")


# Prometheus


def test_prometheus_understands_its_configuration(promtool: Path, secrets: Path, tmp_path: Path) -> None:
    provisioned = [
        word.replace("/provisioned", str(tmp_path)) for word in services()["dashboards"]["command"]
    ]
    run(*PUHUI, *provisioned)
    config = (DOCKER / "prometheus" / "prometheus.yml").read_text("utf-8")
    here = config.replace("/run/secrets", str(secrets)).replace("/provisioned", str(tmp_path))
    (tmp_path / "prometheus.yml").write_text(here, "utf-8")
    said = run(promtool, "check", "config", tmp_path / "prometheus.yml")
    assert f"SUCCESS: {len(list((tmp_path / 'rules').iterdir()))} rule files found" in said


# nginx


@pytest.fixture
def nginx() -> str:
    """The program `nginx`."""
    found = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if found is None:
        do_without(Absent("nginx"))
    return found


def test_the_door_shows_the_token_for_the_browsers_of_this_machine_and_lets_nothing_be_sent(
    nginx: str, secrets: Path, tmp_path: Path
) -> None:
    page, door = free_port(), free_port()
    moved = {
        "/tmp/": f"{tmp_path}/", "/run/secrets": str(secrets), "http://page:8080": f"http://127.0.0.1:{page}",
        "listen 8080": f"listen 127.0.0.1:{door}",
    }  # fmt: skip
    config = (DOCKER / "nginx" / "door.conf").read_text("utf-8")
    for there, here in moved.items():
        config = config.replace(there, here)
    (tmp_path / "door.conf").write_text(config, "utf-8")
    open_store(f"sqlite:{tmp_path}/puhui.db").close()
    settings = [f"PUHUI_STORE=sqlite:{tmp_path}/puhui.db", f"PUHUI_HTTP_TOKEN_FILE={secrets}/http_token"]
    serving, opening = Server(tmp_path / "page.log"), Server(tmp_path / "door.log")
    serving.launch(["env", *settings, *PUHUI, "serve", f"--port={page}"], lambda: _listens(page))
    try:
        opening.launch(
            [nginx, "-c", str(tmp_path / "door.conf"), "-g", "daemon off;"], lambda: _listens(door)
        )
        statuses = [
            _status(f"http://127.0.0.1:{port}/healthz", method)
            for port, method in ((page, "GET"), (door, "GET"), (door, "HEAD"), (door, "POST"))
        ]
    finally:
        opening.signal(signal.SIGTERM)
        serving.signal(signal.SIGTERM)
    assert statuses == [401, 200, 200, 403]


def _listens(port: int) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


def _status(url: str, method: str) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
