"""`puhui contract`: write the JSON Schemas and examples of every event type."""

import argparse
from pathlib import Path

from puhui.commands import Commands, command
from puhui.contract.schemas import write


def add(commands: Commands) -> None:
    """Add the command."""
    what = "write a JSON Schema and an example of every event type"
    parser = command(commands, "contract", run, what)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the folder to write into")


def run(given: argparse.Namespace) -> int:
    """Write the files; the exit status."""
    written = write(given.out)
    print(f"{len(written)} files in {given.out}")
    return 0
