"""What every command of `puhui` says of itself, and of an argument that it cannot read."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

from aggregates.store import open_store
from puhui.cli import main

COMMANDS = (
    "worker", "broker", "topics", "publish", "parked", "rejected", "access", "positions", "keys", "figures", "alerts",
    "rebuild", "audit", "backup", "restore", "move", "migrate", "archive", "history", "verify", "contract", "serve",
    "dashboards", "demo", "simulate",
)  # fmt: skip


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[object, str]:
    """The exit status, and all that was said in one line."""
    with pytest.raises(SystemExit) as ended:
        main(words)
    return ended.value.code, " ".join("".join(capsys.readouterr()).split())


def test_the_list_of_commands_is_whole(capsys: pytest.CaptureFixture[str]) -> None:
    status, help_ = said(capsys, "--help")
    assert status == 0
    assert [name for name in COMMANDS if f" {name} " not in help_] == []
    assert "exit status: 0 good, 1 the answer is no" in help_


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_what_it_does_and_what_its_exit_status_means(
    capsys: pytest.CaptureFixture[str], name: str
) -> None:
    status, help_ = said(capsys, name, "--help")
    assert status == 0
    assert f"usage: puhui {name}" in help_
    assert "exit status: 0 good, 1 the answer is no" in help_


@pytest.mark.parametrize(
    ("words", "allowed"),
    [
        ("figures --as-of 2024-13-01", "'2024-13-01' is not a date such as 2024-09-30"),
        ("figures --as-of 0001-01-01", "'0001-01-01' is not a date such as 2024-09-30, from 2000 to 2099"),
        ("figures --known-at soon", "'soon' is not an instant such as 2024-10-20"),
        ("figures --known-at 0001-01-01", "'0001-01-01' is not an instant such as 2024-10-20"),
        ("verify --since yesterday", "'yesterday' is not a date such as 2024-09-30"),
        ("history --since 2024-13-01", "'2024-13-01' is not a date such as 2024-09-30"),
        (
            "alerts --rule NPRSwing",
            "invalid choice: 'NPRSwing' (choose from 'NprSwing', 'LargeBankGrowthMissed'",
        ),
        ("broker --port 99999", "'99999' is not a number from 0 to 65535"),
        ("serve --port -1", "'-1' is not a number from 0 to 65535"),
        ("demo --port many", "'many' is not a number from 1 to 65535"),
        ("figures --known-at 0001-01-01T00:00:00+14:00", "is not an instant such as 2024-10-20"),
        ("rebuild --processes many", "'many' is not a number from 1 to 256"),
        ("archive --before 24 --to x", "'24' is not a year of four digits"),
        ("demo --days-per-second 0", "'0' is not a number above 0"),
    ],
)
def test_an_argument_that_cannot_be_read_is_answered_with_what_is_allowed(
    capsys: pytest.CaptureFixture[str], words: str, allowed: str
) -> None:
    status, error = said(capsys, *words.split())
    assert status == 2
    assert allowed in error


@pytest.mark.parametrize("words", ["rebuild --into {}", "move {} sqlite:new.db", "move sqlite:old.db {}"])
@pytest.mark.parametrize("store", ["new.db", "sqlite:", "posgresql://puhui:secret@db/puhui"])
def test_a_store_that_is_named_wrongly_is_answered_with_what_is_allowed_and_never_repeated(
    capsys: pytest.CaptureFixture[str], words: str, store: str
) -> None:
    status, error = said(capsys, *words.format(store).split())
    assert status == 2
    assert "`sqlite:<file>`, `sqlite:<folder>/` or `postgresql://" in error
    assert "secret" not in error


@pytest.mark.parametrize("words", ["contract --out", "demo --exit --folder"])
def test_a_folder_that_is_a_file_is_named_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: str
) -> None:
    file = tmp_path / "file"
    file.touch()
    assert main([*words.split(), str(file)]) == 3
    assert f"puhui: {file} cannot be written: " in capsys.readouterr().err


def alerts(folder: Path, output: int | IO[bytes], **more: str) -> subprocess.CompletedProcess[bytes]:
    """`puhui alerts` over an empty store, in a process of its own."""
    url = f"sqlite:{folder}/puhui.db"
    open_store(url).close()
    others = {name: value for name, value in os.environ.items() if not name.startswith(("PUHUI_", "PYTHON"))}
    return subprocess.run(
        [sys.executable, "-m", "puhui.cli", "alerts"], env={**others, "PUHUI_STORE": url, **more}, stdout=output,
        stderr=subprocess.PIPE, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("buffered", ["", "1"])
def test_an_output_that_is_full_is_a_failure_in_a_sentence(tmp_path: Path, buffered: str) -> None:
    with Path("/dev/full").open("wb") as full:
        done = alerts(tmp_path, full, PYTHONUNBUFFERED=buffered)
    said = b"puhui: the output cannot be written: No space left on device\n"
    assert (done.returncode, done.stderr) == (3, said)


@pytest.mark.parametrize("buffered", ["", "1"])
def test_a_reader_that_has_seen_enough_is_no_failure(tmp_path: Path, buffered: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "wb") as pipe:
        done = alerts(tmp_path, pipe, PYTHONUNBUFFERED=buffered)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8", "gb18030"])
def test_what_a_terminal_cannot_write_is_escaped_as_json_does(tmp_path: Path, encoding: str) -> None:
    done = alerts(tmp_path, subprocess.PIPE, PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(f'"{done.stdout.decode(encoding).strip()}"') == "没有预警"


LOADING = """
import signal, sys

signal.signal(signal.SIGINT, signal.default_int_handler)  # who runs the tests may have it ignored

class Held:
    def find_spec(self, name, path=None, target=None):
        if name == "msgspec":
            print("loading", flush=True)
            signal.pause()

sys.meta_path.insert(0, Held())
from puhui.cli import main
raise SystemExit(main())
"""
"""A program whose loading does not come to its end."""


def test_an_interrupt_while_the_program_is_still_being_loaded_ends_it_without_a_word() -> None:
    command = [sys.executable, "-c", LOADING, "--help"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as given:
        assert given.stdout is not None
        assert given.stdout.readline() == "loading\n"
        given.send_signal(signal.SIGINT)
        said = given.communicate(timeout=60)
    assert (given.returncode, *said) == (130, "", "")
