"""`puhui contract`: write the JSON Schemas and examples of every event type."""

import argparse
from pathlib import Path

from puhui.commands import GOOD, Commands, command, failed
from puhui.contract.schemas import write


def add(commands: Commands) -> None:
    """Add the command."""
    what = "write a JSON Schema and an example of every event type"
    parser = command(commands, "contract", run, what)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the folder to write into")


def run(given: argparse.Namespace) -> int:
    """Write the files; 3 where the folder cannot be written."""
    try:
        written = write(given.out)
    except OSError as error:
        return failed(f"{given.out} cannot be written: {error.strerror}")
    print(f"{len(written)} files in {given.out}")
    return GOOD
