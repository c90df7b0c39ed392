"""Who follows docs/installation.md, command by command, ends with an installation that runs, and can go back."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from aggregates.store import open_store
from streams.broker import EmbeddedBroker, free_port
from streams.topics import check_topics, topics
from tests import digests
from tests.events import Event, Sender, yuan
from tests.examples import SHOP
from tests.installation import wait_until
from tests.parts.compose import ROOT
from tests.parts.kafka import Kafka
from tests.parts.postgres import Postgres
from tests.references import social_credit_code

GUIDE = ROOT / "docs" / "installation.md"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.parts,
    pytest.mark.skipif(not GUIDE.exists(), reason="the guide is not beside the tests"),
]

ABSOLUTE = re.compile(r"(?<![\w/$])/(?:opt/puhui|etc|usr/local|var/lib)\b")
OWNERS = re.compile(r" -o \w+ -g puhui")
SHIMS = {
    "systemctl": 'echo "$@" >> "$MACHINE/systemctl"; [ -z "$ALIVE" ] || '
    f'{{ cd {ROOT} && exec {sys.executable} -m tests.parts.systemd "$MACHINE" "$@"; }}',
    "useradd": 'echo "$@" >> "$MACHINE/useradd"',
    "setpriv": 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"',
}
"""What only root on a machine with systemd can do."""


@dataclass
class Machine:
    """A folder that stands for `/`, and a source tree in it; where it is alive, its units are processes."""

    folder: Path
    alive: bool = False
    sent: int = 0
    ports: dict[str, str] = field(
        default_factory=lambda: {port: str(free_port()) for port in ("9464", "9465", "9466", "8080")}
    )
    """By the ports that the guide speaks of, those that are free here."""

    def follow(self, heading: str, **words: str) -> None:
        """Run the shell blocks below a heading of the guide, in this folder, with other words for some."""
        section = GUIDE.read_text("utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
        blocks = re.findall(r"^```sh\n(.*?)^```$", section, re.M | re.S)
        assert blocks, heading
        for block in blocks:
            for there, here in words.items():
                block = re.sub(f"^{there}=.*", f"{there}={here}", block, flags=re.M)
            self.run(block)

    def run(self, script: str) -> str:
        """Run commands as they are written, but for the root of paths, owners and ports; what they print."""
        script = OWNERS.sub("", self.moved(script))
        for there, here in self.ports.items():
            script = re.sub(rf"\b{there}\b", here, script)
        path = f"{self.folder}/shims:{self.folder}/usr/local/sbin:{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script], cwd=self.folder / "source",
            env={**os.environ, "PATH": path, "MACHINE": str(self.folder), "ALIVE": "yes" if self.alive else ""},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
        return done.stdout

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


@pytest.fixture
def alive(installed: Machine, apache_kafka: Kafka) -> Iterator[Machine]:
    """The machine beside a real Kafka, its units running from here on."""
    apache_kafka.delete_topics()
    file = installed.folder / "etc/puhui/puhui.env"
    settings = re.sub(
        "^PUHUI_BROKER=.*$", f"PUHUI_BROKER={apache_kafka.bootstrap}", file.read_text(), flags=re.M
    )
    file.write_text(f"{settings}PUHUI_HTTP_PORT={installed.ports['8080']}\n")
    for left in (installed.folder / "var/lib/puhui").glob("puhui.db*"):
        left.unlink()
    installed.follow("Kafka")
    (installed.folder / "systemctl").unlink(missing_ok=True)
    installed.alive = True
    yield installed
    installed.run("systemctl stop puhui.target")
    installed.alive = False


def reported(months: range) -> list[Event]:
    """What eight banks send: each its registration first, then a loan a month, and a part of it paid back."""
    events = []
    for number in range(1, 9):
        bank = Sender(social_credit_code(number), "production", _sent=100 * months.start)
        events += [bank.registered()] if months.start == 1 else []
        for month in months:
            loan, day = f"L{month}", f"2024-{month:02d}-10"
            events += [
                bank.issued(loan, SHOP, day, yuan(100_000 * number)),
                bank.repaid(loan, day, yuan(month)),
            ]
    return events


def publish(machine: Machine, events: list[Event], store: str) -> None:
    """Send events, and wait until all that were ever sent are taken in."""
    (machine.folder / "events.jsonl").write_text("\n".join(json.dumps(event) for event in events))
    machine.run(f"puhui-admin publish {machine.folder}/events.jsonl")

    def taken_in() -> bool:
        with closing(open_store(store, read_only=True)) as opened:
            return sum(n for _, result, _, _, n in opened.counted() if result == "accepted") == expected

    expected = machine.sent = machine.sent + len(events)
    wait_until(taken_in, f"{expected} events are taken in")


def known(store: str) -> digests.State:
    """What was taken in, and what figures are made from."""
    with closing(open_store(store, read_only=True)) as opened:
        found = digests.state(opened)
    return {part: found[part] for part in ("facts", "movements", "figures", "counts")}


def shown(port: str, path: str) -> str:
    """What a unit answers; empty while it does not."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as reply:
            return str(reply.read().decode())
    except OSError:
        return ""


def shares(machine: Machine) -> list[int]:
    """How many partitions each of three workers has, by its own figures."""
    told = [shown(machine.ports[port], "/metrics") for port in ("9464", "9465", "9466")]
    found = [re.search(r"^puhui_assigned_partitions (\d+)", text, re.M) for text in told]
    return [int(number[1]) if number else 0 for number in found]


def secrets_shown(machine: Machine) -> list[str]:
    """The secrets of the installation that a unit's log, figures, command line or the history's backup shows."""
    files = [
        machine.folder / "etc/puhui" / name
        for name in ("chain_key", "password_of_puhui", "password_of_reader")
    ]
    pids = [path.read_text() for path in (machine.folder / "run").glob("*.pid")]
    ours = [
        process
        for pid in pids
        for process in (psutil.Process(int(pid)), *psutil.Process(int(pid)).children(True))
    ]
    texts = [" ".join(process.cmdline()).encode() for process in ours]
    assert sum(b"puhui worker" in text for text in texts) >= 3
    texts += [path.read_bytes() for path in (machine.folder / "run").glob("*.log")]
    texts += [shown(machine.ports[port], "/metrics").encode() for port in ("9464", "9465", "9466")]
    texts.append((machine.folder / "var/lib/puhui/before-the-move").read_bytes())
    return [file.name for file in files if any(file.read_bytes().strip() in text for text in texts)]


def test_one_worker_on_sqlite_becomes_three_on_kafka_and_postgres_with_its_history(
    alive: Machine, bare_postgres: Postgres
) -> None:
    alive.follow("Start")
    alive.systemctl()
    wait_until(lambda: "ready" in shown(alive.ports["9464"], "/-/ready"), "the worker is ready")
    publish(alive, reported(range(1, 4)), alive.sqlite)
    ask = "puhui-admin figures --as-of 2024-03-31 --known-at 2099-12-31 --json"
    before, figures = known(alive.sqlite), alive.run(ask)
    alive.follow("PostgreSQL, and more workers", db=f"127.0.0.1:{bare_postgres.port}")
    enabled = " ".join(f"puhui-worker@{alive.ports[port]}" for port in ("9465", "9466"))
    assert alive.systemctl() == ["stop puhui.target", f"enable {enabled}", "start puhui.target"]
    wait_until(
        lambda: sum(shares(alive)) == 16 and min(shares(alive)) >= 4, "three workers share 16 partitions"
    )
    readers = (alive.folder / "etc/puhui/store_of_readers").read_text().strip()
    assert digests.differences(known(readers), before) == {}
    assert alive.run(ask) == figures
    publish(alive, reported(range(4, 7)), readers)
    assert len(json.loads(shown(alive.ports["8080"], "/api/figures?as_of=2024-06-30"))) > 0
    assert not secrets_shown(alive)
    assert "no findings" in alive.run("puhui-admin verify")
    assert "no differences" in alive.run("puhui-admin rebuild")
