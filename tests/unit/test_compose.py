"""The compose file keeps to its schema, gives each container only what it needs, and names what is there."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from puhui.settings import SETTINGS, Settings
from tests.parts.compose import COMPOSE, DOCKER, ROOT, compose, lasting, mounted, networks, ours, services

pytestmark = pytest.mark.skipif(not COMPOSE.exists(), reason="the containers are not beside the tests")

SECRET = re.compile("PASSWORD|TOKEN|SECRET|KEY|STORE")
OF_OTHERS = {
    "prometheus": "prometheus/prometheus.yml",
    "grafana": "grafana/provisioning/datasources/prometheus.yaml",
}

each_service = pytest.mark.parametrize(
    "service", [pytest.param(s, id=name) for name, s in services().items()]
)
each_lasting = pytest.mark.parametrize("service", [pytest.param(s, id=name) for name, s in lasting().items()])
each_of_ours = pytest.mark.parametrize("service", [pytest.param(s, id=name) for name, s in ours().items()])


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The secrets as `docker/prepare.sh` makes them."""
    folder = tmp_path_factory.mktemp("prepared") / "secrets"
    subprocess.run([DOCKER / "prepare.sh", folder], check=True)
    return folder


def tool(name: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a tool of the environment that the tests run in."""
    command = [Path(sys.executable).with_name(name), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def given_secrets(service: Mapping[str, Any]) -> set[str]:
    """The names of the secrets that a service gets."""
    return {secret if isinstance(secret, str) else secret["source"] for secret in service.get("secrets", ())}


def test_the_compose_file_keeps_to_the_schema_of_compose() -> None:
    checked = tool("check-jsonschema", "--builtin-schema", "vendor.compose-spec", COMPOSE)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_dockerfile_keeps_to_the_rules_of_its_linter() -> None:
    checked = tool("hadolint", DOCKER / "Dockerfile")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_who_runs_in_the_image_is_the_user_and_the_group_its_files_belong_to() -> None:
    """A process without any capability can give a file to no other group: not even the new file of the keys."""
    text = (DOCKER / "Dockerfile").read_text("utf-8")
    (user, group) = re.findall(r"^USER (\d+):(\d+)$", text, re.M)[0]
    assert f"groupadd --gid {group} puhui" in text
    assert f"useradd --uid {user} --gid {group} " in text


@each_service
def test_a_container_cannot_write_its_image_and_has_no_privilege(service: Mapping[str, Any]) -> None:
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert "privileged" not in service
    assert "no-new-privileges:true" in service["security_opt"]


@each_service
def test_a_container_has_limits(service: Mapping[str, Any]) -> None:
    assert service["deploy"]["resources"]["limits"].keys() == {"cpus", "memory", "pids"}


@each_service
def test_an_image_is_pinned_by_its_version_and_named_without_a_host(service: Mapping[str, Any]) -> None:
    assert re.fullmatch(r"(\w+/)?\w+:v?\d+(\.\d+){1,2}(-bookworm|-alpine)?", service["image"])


@each_lasting
def test_what_lasts_is_watched_and_started_again(service: Mapping[str, Any]) -> None:
    assert service["restart"] == "unless-stopped"
    assert service["healthcheck"].keys() == {"test", "interval", "timeout", "start_period", "retries"}


@each_service
def test_a_port_is_published_on_loopback_only_and_leads_to_no_internal_network(
    service: Mapping[str, Any],
) -> None:
    for port in service.get("ports", ()):
        assert port.startswith("127.0.0.1:")
        assert networks(service) & {"loopback", "outside"}


def test_only_alertmanager_has_a_way_out() -> None:
    assert [name for name, service in services().items() if "outside" in networks(service)] == [
        "alertmanager"
    ]
    translated = "com.docker.network.bridge.enable_ip_masquerade"
    for name, network in compose()["networks"].items():
        closed = network.get("internal") or network.get("driver_opts", {}).get(translated) == "false"
        assert closed or name == "outside"


def test_only_who_needs_the_store_is_on_its_network() -> None:
    assert {name for name, service in services().items() if "store" in networks(service)} == {
        "postgres", "worker-1", "worker-2", "page",
    }  # fmt: skip


@each_service
def test_a_secret_is_given_as_a_file(service: Mapping[str, Any]) -> None:
    environ = service.get("environment", {})
    given = {path for name, path in environ.items() if SECRET.search(name) and name != "PUHUI_KEYS_FILE"}
    assert {Path(path).parent.as_posix() for path in given} <= {"/run/secrets"}
    assert {Path(path).name for path in given} <= given_secrets(service)


def test_every_secret_is_made_by_the_script_and_by_nothing_else(secrets: Path) -> None:
    files = {name: Path(secret["file"]).name for name, secret in compose()["secrets"].items()}
    assert set(files.values()) == {path.name for path in secrets.iterdir()}
    assert set(files) == {name for service in services().values() for name in given_secrets(service)}
    assert secrets.stat().st_mode & 0o777 == 0o700


def test_a_secret_that_is_there_is_kept(secrets: Path) -> None:
    before = {path.name: path.read_text() for path in secrets.iterdir()}
    subprocess.run([DOCKER / "prepare.sh", secrets], check=True)
    assert {path.name: path.read_text() for path in secrets.iterdir()} == before
    assert len(set(before.values())) == len(before)


@each_of_ours
def test_every_variable_is_a_setting_and_its_value_is_allowed(
    service: Mapping[str, Any], secrets: Path
) -> None:
    known = {setting.name for setting in SETTINGS}
    environ = {
        name: value.replace("/run/secrets", str(secrets))
        for name, value in service.get("environment", {}).items()
    }
    assert {name.removesuffix("_FILE") if name not in known else name for name in environ} <= known
    Settings.read(environ)


def test_workers_differ_in_their_names_alone() -> None:
    one, two = services()["worker-1"], services()["worker-2"]
    assert one["environment"].pop("PUHUI_MEMBER") != two["environment"].pop("PUHUI_MEMBER")
    assert one == two


@pytest.mark.parametrize(("source", "target"), [pytest.param(s, t, id=t) for _, s, t in mounted()])
def test_what_is_mounted_is_there_and_where_it_is_looked_for(source: Path, target: str) -> None:
    assert source.exists()
    if target.startswith("/etc/") and source.is_file():
        assert any(target in word for service in services().values() for word in service.get("command", ()))


def asked() -> Iterator[tuple[str, str]]:
    """Who asks whom, as `host:port`."""
    prometheus = yaml.safe_load((DOCKER / OF_OTHERS["prometheus"]).read_text("utf-8"))
    for job in prometheus["scrape_configs"] + prometheus["alerting"]["alertmanagers"]:
        for group in job["static_configs"]:
            yield from (("prometheus", target) for target in group["targets"])
    grafana = yaml.safe_load((DOCKER / OF_OTHERS["grafana"]).read_text("utf-8"))
    yield from (("grafana", urlsplit(source["url"]).netloc) for source in grafana["datasources"])
    door = (DOCKER / "nginx" / "door.conf").read_text("utf-8")
    yield from (("door", urlsplit(url).netloc) for url in re.findall(r"\bhttp://[^;]*", door))
    for name, service in ours().items():
        if broker := service.get("environment", {}).get("PUHUI_BROKER"):
            yield from ((name, broker) for _ in networks(service) & {"events"})


@pytest.mark.skipif(not COMPOSE.exists(), reason="the containers are not beside the tests")
def test_who_is_asked_is_there_on_a_common_network_at_that_port() -> None:
    ports = {"kafka": 9092, "prometheus": 9090, "alertmanager": 9093, "page": 8080}
    ports |= {"worker-1": 9464, "worker-2": 9464}
    for asking, address in asked():
        host, _, port = address.partition(":")
        name = asking if host == "127.0.0.1" else host
        assert networks(services()[asking]) & networks(services()[name]), address
        assert ports[name] == int(port)


def test_one_service_makes_our_image_and_none_fetches_it() -> None:
    assert [name for name, service in services().items() if "build" in service] == ["topics"]
    assert {service["pull_policy"] for service in ours().values()} == {"build", "never"}


def test_versions_agree_with_what_is_tested() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert {service["image"] for service in ours().values()} == {f"puhui:{project['version']}"}
    tested = re.findall(
        r"<kafka.version>(.*)</kafka.version>", (ROOT / "scripts/kafka-pom.xml").read_text("utf-8")
    )
    assert [services()["kafka"]["image"]] == [f"apache/kafka:{version}" for version in tested]
