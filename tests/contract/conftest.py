"""What tests of contracts share: both kinds of Kafka, a bare PostgreSQL, and one installed program, made once."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.parts.compose import DOCKER, ROOT, run
from tests.parts.postgres import Postgres

EMBEDDED = pytest.param("embedded_broker", id="embedded")
APACHE = pytest.param("apache_kafka", id="apache", marks=pytest.mark.parts)


@pytest.fixture(params=[EMBEDDED, APACHE])
def bootstrap(request: pytest.FixtureRequest) -> str:
    """Where a Kafka answers: the embedded one and Apache's keep the same promises."""
    address: str = request.getfixturevalue(request.param).bootstrap
    return address


@pytest.fixture(scope="module")
def bare_postgres(postgres: Postgres) -> Iterator[Postgres]:
    """A server without our roles and our database, and so again afterwards."""
    yield postgres
    with psycopg.connect(postgres.address(), autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS puhui WITH (FORCE)")
        connection.execute("DROP ROLE IF EXISTS puhui")
        connection.execute("DROP ROLE IF EXISTS puhui_reader")


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the image has in /opt/puhui, made by its own step from the files that are let into its build."""
    folder = tmp_path_factory.mktemp("build")
    ignored = (DOCKER / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    for name in [line.removeprefix("!") for line in ignored if line.startswith("!")]:
        source, target = ROOT / name, folder / "source" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    (step,) = re.findall(r"^RUN (\[.*install\.sh.*\])$", (DOCKER / "Dockerfile").read_text("utf-8"), re.M)
    script, python, target = json.loads(step)
    assert (python, target) == ("/usr/local/bin/python3", "/opt/puhui")
    run(folder / "source" / script, sys.executable, folder / "puhui")
    shutil.rmtree(folder / "source")
    return folder / "puhui"
