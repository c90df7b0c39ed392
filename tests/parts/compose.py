"""The compose file as the tests read it: with its defaults filled in, and its services one by one."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
COMPOSE = DOCKER / "compose.yaml"


def compose() -> dict[str, Any]:
    """The file, with `${NAME:-default}` replaced by its default."""
    text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", COMPOSE.read_text("utf-8"))
    read: dict[str, Any] = yaml.safe_load(text)
    return read


def services() -> dict[str, Any]:
    """Each service by its name; none where the file is not beside the tests."""
    return dict(compose()["services"]) if COMPOSE.exists() else {}


def ours() -> dict[str, Any]:
    """The services that run our own image."""
    return {name: service for name, service in services().items() if service["image"].startswith("puhui:")}


def lasting() -> dict[str, Any]:
    """The services that run until they are stopped."""
    return {name: service for name, service in services().items() if "restart" in service}


def mounted() -> Iterator[tuple[str, Path, str]]:
    """Service, file or folder of this tree, and the place in the container where it is mounted."""
    for name, service in services().items():
        for volume in service.get("volumes", ()):
            source, target = volume.split(":")[:2]
            if source.startswith("."):
                yield name, (DOCKER / source).resolve(), target


def networks(service: Mapping[str, Any]) -> set[str]:
    """The networks of a service."""
    return set(service.get("networks", ()))


def run(*command: str | Path, environ: dict[str, str] | None = None) -> str:
    """Run a command to its good end; what it printed."""
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, **(environ or {})}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
