"""The command `archive`: the commit records of past years go into a file of their own."""

import argparse
import time
from pathlib import Path

from aggregates.store.chain import chain_key
from projections.archiving import archive
from projections.care_commands import guarded
from projections.rebuilding.command import with_archive
from puhui.commands import GOOD, Commands, argument, command, operator
from puhui.settings import Settings


def add(commands: Commands) -> None:
    """Add the command of this module."""
    parser = command(
        commands,
        "archive",
        guarded("archive", run_archive),
        "put the commit records of past years, by which nothing is figured any more, into a file, and drop them",
    )
    parser.add_argument(
        "--before",
        type=argument(_year, "a year of four digits"),
        metavar="YEAR",
        required=True,
        help="of the years before this one",
    )
    parser.add_argument("--to", type=Path, metavar="FILE", required=True, help="a file that is not there yet")
    with_archive(parser)


def _year(text: str) -> int:
    year = int(text)
    if not 1000 <= year <= 9999:
        raise ValueError(text)
    return year


def run_archive(given: argparse.Namespace) -> int:
    """`puhui archive`: all of these records are in the archive, proven, or nothing is dropped."""
    settings, now = Settings.read(), time.time_ns() // 1000
    began = time.perf_counter()
    made = archive(
        settings.store, chain_key(settings.chain_key), given.before, given.to, operator(), now, given.archive
    )
    print(
        f"{given.to}: {made.records:,} commit records of {made.books} books ({made.bytes:,} bytes) and {made.refused:,} "
        f"refusals of before {given.before} are there alone now, in {time.perf_counter() - began:.1f} s"
    )
    print("keep it, and a copy: `puhui rebuild`, `verify` and `audit` read it (--with)")
    return GOOD
