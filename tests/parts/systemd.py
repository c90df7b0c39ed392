"""Stands for systemctl where no systemd runs: the enabled units of a folder become processes, and end in good order.

    python -m tests.parts.systemd FOLDER enable|start|stop|… UNIT …

What is started is the unit's own command with the unit's own environment; its limits and its sandbox are systemd's alone.
"""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

TARGET = "puhui.target"
PATIENCE = 60.0


def systemctl(folder: Path, verb: str, *units: str) -> None:
    """What systemctl would do for the units below a folder that stands for `/`."""
    services = [unit for unit in units if unit != TARGET]
    state = folder / "run"
    state.mkdir(exist_ok=True)
    if verb == "enable":
        for unit in services:
            (state / f"{unit}.enabled").touch()
    for unit in sorted(path.stem for path in state.glob("*.enabled")) if TARGET in units else services:
        if verb == "start":
            start(folder, unit)
        elif verb == "stop":
            stop(state / f"{unit}.pid")


def start(folder: Path, unit: str) -> None:
    """Run the command of a unit's file; its output goes to a log of its own."""
    name, _, instance = unit.partition("@")
    file = folder / "etc/systemd/system" / f"{name}{'@' if instance else ''}.service"
    text = file.read_text("utf-8").replace("%i", instance).replace("%l", "machine")
    found = re.findall(r"^(ExecStart|Environment|EnvironmentFile)=(.*)$", text, re.M)
    environment, command = dict(os.environ), ""
    for key, value in found:
        if key == "ExecStart":
            command = value
        elif key == "Environment":
            environment |= dict(part.split("=", 1) for part in shlex.split(value))
        else:
            environment |= settings(value)
    with (folder / "run" / f"{unit}.log").open("ab") as log:
        process = subprocess.Popen(
            shlex.split(command), env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True, cwd=folder / "var/lib/puhui",
        )  # fmt: skip
    (folder / "run" / f"{unit}.pid").write_text(str(process.pid))


def settings(file: str) -> dict[str, str]:
    """The variables of a file; one with a hyphen before it may be absent."""
    path = Path(file.removeprefix("-"))
    if file.startswith("-") and not path.exists():
        return {}
    lines = [line for line in path.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def stop(file: Path) -> None:
    """Ask a process to end, and wait until it has."""
    if not file.exists():
        return
    pid, deadline = int(file.read_text()), time.monotonic() + PATIENCE
    os.kill(pid, signal.SIGTERM)
    while (
        Path(f"/proc/{pid}/stat").exists() and Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] != "Z"
    ):
        assert time.monotonic() < deadline, f"{file.stem} does not end"
        time.sleep(0.05)
    file.unlink()


if __name__ == "__main__":
    systemctl(Path(sys.argv[1]), *sys.argv[2:])
