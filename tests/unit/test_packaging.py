"""What is installed is complete, and its general names belong to nobody else."""

from __future__ import annotations

import importlib.metadata
import importlib.resources

import pytest

PACKAGES = ["puhui", "aggregates", "projections", "streams", "dashboards", "console"]


@pytest.mark.parametrize("name", PACKAGES)
def test_no_dependency_installs_a_package_of_our_name(name: str) -> None:
    owners = set(importlib.metadata.packages_distributions().get(name, ()))
    assert owners <= {"puhui"}


@pytest.mark.parametrize("name", PACKAGES)
def test_every_package_is_there_and_says_that_it_is_typed(name: str) -> None:
    assert importlib.resources.files(name).joinpath("py.typed").is_file()


def test_faust_finds_the_transport_of_batches() -> None:
    (entry,) = importlib.metadata.entry_points(group="faust.transports", name="batch")
    assert entry.value == "streams.transport:Transport"


def test_the_command_is_installed() -> None:
    (entry,) = importlib.metadata.entry_points(group="console_scripts", name="puhui")
    assert entry.value == "puhui.cli:main"
