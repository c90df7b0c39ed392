"""The units of systemd are understood, give the program only what it needs, and set nothing that is no setting."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from puhui.settings import SETTINGS, Settings
from streams.ending import HOPELESS

UNITS = Path(__file__).parents[2] / "systemd"
NAMES = ("puhui-worker@.service", "puhui-serve.service")
TARGET = "puhui.target"
EXPOSURE = 15  # tenths of systemd's own mark; 0 is a service that can do nothing

pytestmark = pytest.mark.skipif(not UNITS.exists(), reason="the units are not beside the tests")

Analyze = Callable[..., str]


@pytest.fixture(scope="module")
def analyze(tmp_path_factory: pytest.TempPathFactory) -> Analyze:
    """Runs systemd-analyze over the units, with a program where they look for it."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is absent")
    folder = tmp_path_factory.mktemp("units")
    (folder / "bin").mkdir()
    (folder / "bin" / "puhui").touch(mode=0o755)
    for name in (*NAMES, TARGET):
        unit = (UNITS / name).read_text("utf-8").replace("/opt/puhui/current", str(folder))
        (folder / name).write_text(unit, "utf-8")

    def run(*arguments: str) -> str:
        done = subprocess.run(
            ["systemd-analyze", *arguments], env={"SYSTEMD_UNIT_PATH": f"{folder}:", "PATH": "/usr/bin:/bin"},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stderr  # a key that it does not know is only worth a warning to it

    return run


@pytest.mark.parametrize("unit", ["puhui-worker@9464.service", "puhui-serve.service", TARGET])
def test_systemd_understands_every_line(analyze: Analyze, unit: str) -> None:
    assert analyze("verify", "--man=no", unit) == ""


@pytest.mark.parametrize("unit", ["puhui-worker@9464.service", "puhui-serve.service"])
def test_a_unit_is_shut_off_from_the_machine(analyze: Analyze, unit: str) -> None:
    analyze("security", "--offline=true", f"--threshold={EXPOSURE}", "--no-pager", unit)


@pytest.mark.parametrize("unit", NAMES)
def test_a_unit_sets_settings_only(unit: str) -> None:
    text = (UNITS / unit).read_text("utf-8")
    assert set(re.findall(r"(PUHUI_\w+)=", text)) <= {setting.name for setting in SETTINGS}


@pytest.mark.parametrize("unit", NAMES)
def test_what_only_a_decision_helps_is_not_tried_again(unit: str) -> None:
    text = (UNITS / unit).read_text("utf-8")
    (prevented,) = re.findall(r"^RestartPreventExitStatus=(.*)$", text, re.M)
    hopeless = {str(int(status)) for status in HOPELESS} if "worker" in unit else {"2"}
    assert set(prevented.split()) == hopeless
    assert "WatchdogSec" not in text  # the program tells systemd nothing; /-/healthy is asked by Prometheus


def test_the_settings_that_come_with_the_units_are_settings() -> None:
    lines = (UNITS / "puhui.env").read_text("utf-8").splitlines()
    given = dict(line.split("=", 1) for line in lines if not line.startswith("#"))
    files = {name: given.pop(f"{name}_FILE") for name in ("PUHUI_STORE", "PUHUI_CHAIN_KEY")}
    assert files == {"PUHUI_STORE": "/etc/puhui/store", "PUHUI_CHAIN_KEY": "/etc/puhui/chain_key"}
    assert given.keys() <= {setting.name for setting in SETTINGS}
    assert Settings.read(given).environment == "production"


def test_both_units_are_shut_off_alike() -> None:
    def hardening(name: str) -> list[str]:
        text = (UNITS / name).read_text("utf-8")
        return text[text.index("# One user for all units") :].splitlines()

    assert hardening(NAMES[0]) == hardening(NAMES[1])
