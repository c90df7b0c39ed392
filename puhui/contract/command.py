"""`puhui contract`: write the JSON Schemas and examples of every event type."""

import argparse
from pathlib import Path

from puhui.contract.schemas import write


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    told = "write a JSON Schema and an example of every event type"
    parser = commands.add_parser("contract", help=told, description=told.capitalize() + ".")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the folder to write into")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Write the files; the exit status."""
    written = write(given.out)
    print(f"{len(written)} files in {given.out}")
    return 0
