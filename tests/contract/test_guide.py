"""Who follows docs/installation.md, command by command, ends with an installation that runs, and can go back."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from aggregates.store import open_store
from streams.broker import EmbeddedBroker
from streams.topics import check_topics, topics
from tests.parts.compose import ROOT
from tests.parts.postgres import Postgres

GUIDE = ROOT / "docs" / "installation.md"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.parts,
    pytest.mark.skipif(not GUIDE.exists(), reason="the guide is not beside the tests"),
]

ABSOLUTE = re.compile(r"(?<![\w/$])/(?:opt/puhui|etc|usr/local|var/lib)\b")
OWNERS = re.compile(r" -o \w+ -g puhui")
SHIMS = {
    "systemctl": 'echo "$@" >> "$MACHINE/systemctl"',
    "useradd": 'echo "$@" >> "$MACHINE/useradd"',
    "setpriv": 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"',
}
"""What only root on a machine with systemd can do."""


@dataclass
class Machine:
    """A folder that stands for `/`, and a source tree in it."""

    folder: Path

    def follow(self, heading: str, **words: str) -> None:
        """Run the shell blocks below a heading of the guide, in this folder, with other words for some."""
        section = GUIDE.read_text("utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
        blocks = re.findall(r"^```sh\n(.*?)^```$", section, re.M | re.S)
        assert blocks, heading
        for block in blocks:
            for there, here in words.items():
                block = re.sub(f"^{there}=.*", f"{there}={here}", block, flags=re.M)
            self.run(block)

    def run(self, script: str) -> None:
        """Run commands as they are written, but for the root of paths and owners."""
        script = OWNERS.sub("", self.moved(script))
        path = f"{self.folder}/shims:{self.folder}/usr/local/sbin:{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script], cwd=self.folder / "source",
            env={**os.environ, "PATH": path, "MACHINE": str(self.folder)},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"

    def moved(self, text: str) -> str:
        """A text with its absolute paths in this folder."""
        return ABSOLUTE.sub(lambda found: f"{self.folder}{found[0]}", text)

    @property
    def current(self) -> str:
        """The version that would run."""
        return os.readlink(self.folder / "opt" / "puhui" / "current")

    @property
    def sqlite(self) -> str:
        """The store with which the guide begins."""
        return f"sqlite:{self.folder}/var/lib/puhui/puhui.db"

    def systemctl(self) -> list[str]:
        """What systemctl was asked, once."""
        asked = (self.folder / "systemctl").read_text().splitlines()
        (self.folder / "systemctl").unlink()
        return asked


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory, image: Path) -> Machine:
    """A machine with nothing on it but the source tree; what takes long to install is there already."""
    machine = Machine(tmp_path_factory.mktemp("machine"))
    source = machine.folder / "source"
    shutil.copytree(ROOT / "systemd", source / "systemd")
    shutil.copytree(ROOT / "docker" / "postgres", source / "docker" / "postgres")
    shutil.copy(ROOT / "pyproject.toml", source)
    for text in (source / "systemd").iterdir():
        text.write_text(machine.moved(text.read_text("utf-8")), "utf-8")
    scripts = {source / "scripts" / "install.sh": f'[ ! -e "$2" ] && cp -rs {image} "$2"'}
    scripts |= {machine.folder / "shims" / name: shim for name, shim in SHIMS.items()}
    for path, script in scripts.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/bash\n{script}\n")
        path.chmod(0o755)
    for folder in ("opt/puhui", "etc/systemd/system", "usr/local/sbin", "var/lib"):
        (machine.folder / folder).mkdir(parents=True)
    return machine


@pytest.fixture(scope="module")
def installed(machine: Machine) -> Machine:
    machine.follow("Install the program")
    assert machine.systemctl() == ["daemon-reload"]
    return machine


def test_each_version_has_its_folder_and_one_of_them_runs(installed: Machine) -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", installed.current)
    installed.run("/opt/puhui/current/bin/puhui --help")


def test_every_unit_that_the_guide_starts_is_installed(installed: Machine) -> None:
    installed.follow("Start")
    asked = " ".join(installed.systemctl()).split()
    units = {re.sub("@.*", "@", word) for word in asked if word.startswith("puhui")}
    there = {
        path.name.removesuffix(".service") for path in (installed.folder / "etc/systemd/system").iterdir()
    }
    assert units == there == {"puhui.target", "puhui-worker@", "puhui-serve"}


def test_the_topics_are_made_with_the_settings_of_the_units(
    installed: Machine, fresh_broker: EmbeddedBroker
) -> None:
    settings = installed.folder / "etc" / "puhui" / "puhui.env"
    settings.write_text(settings.read_text().replace("127.0.0.1:9092", fresh_broker.bootstrap))
    installed.follow("Kafka")
    installed.run("puhui-admin keys list")
    assert check_topics(fresh_broker.bootstrap, topics()).good


def test_the_guide_leads_to_dashboards_and_rules(installed: Machine) -> None:
    installed.follow("Prometheus, Alertmanager, Grafana")
    assert list((installed.folder / "usr/local/share/puhui").rglob("*.json"))
    assert list((installed.folder / "usr/local/share/puhui").rglob("*.yaml"))


def test_a_new_version_is_put_beside_the_old_one_and_left_again(installed: Machine) -> None:
    open_store(installed.sqlite).close()  # as the first start makes it
    before, project = installed.current, installed.folder / "source" / "pyproject.toml"
    project.write_text(project.read_text("utf-8").replace(f'"{before}"', '"99.0.0"'), "utf-8")
    section = "\n## Upgrade and rollback\n"
    there, back = re.findall(r"^```sh\n(.*?)^```$", GUIDE.read_text("utf-8").split(section)[1], re.M | re.S)
    installed.run(there)
    assert installed.current == "99.0.0"
    assert installed.systemctl() == ["stop puhui.target", "start puhui.target"]
    assert (installed.folder / "var/lib/puhui/before-99.0.0").exists()
    installed.run(back)
    assert installed.current == before
    assert installed.systemctl() == ["stop puhui.target", "start puhui.target"]


def test_a_history_on_sqlite_moves_to_postgres_and_three_workers(
    installed: Machine, bare_postgres: Postgres
) -> None:
    with closing(open_store(installed.sqlite)) as store:
        store.claim("environment", "production")
    installed.follow("PostgreSQL, and more workers", db=f"127.0.0.1:{bare_postgres.port}")
    with closing(
        open_store((installed.folder / "etc/puhui/store_of_readers").read_text().strip(), read_only=True)
    ) as moved:
        assert moved.meta("environment") == "production"
    assert installed.systemctl() == [
        "stop puhui.target", "enable puhui-worker@9465 puhui-worker@9466", "start puhui.target",
    ]  # fmt: skip
