"""The command `rebuild`: does the log still make what is stored?"""

import argparse
import sys
from concurrent.futures.process import BrokenProcessPool
from typing import Final

import msgspec

from aggregates.store import StoreFailed, Superseded
from aggregates.store.chain import chain_key
from projections.rebuilding.running import Report, rebuild
from puhui.settings import Settings

GOOD, DIFFERENT, FAILED = 0, 1, 3
SHOWN: Final = 200
"""How many differences are listed."""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command of this module."""
    what = "replay the store, and say what is stored otherwise than it is replayed"
    parser = commands.add_parser("rebuild", help=what, description=f"{what[0].upper()}{what[1:]}.")
    parser.set_defaults(run=run_rebuild)
    parser.add_argument(
        "--into", metavar="STORE",
        help="write what is replayed into this fresh store too, so that it can take the old one's place",
    )  # fmt: skip
    parser.add_argument(
        "--processes", type=_count, default=2, metavar="N", help="how many processes work (default: 2)"
    )
    parser.add_argument("--json", action="store_true", help="answer as one JSON object")


def _count(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 256:
        raise argparse.ArgumentTypeError("a number from 1 to 256 is allowed")
    return number


def run_rebuild(given: argparse.Namespace) -> int:
    """`puhui rebuild`: 0 where nothing differs, 1 where something does, 3 where a store cannot be read or written."""
    try:
        settings = Settings.read()
        report = rebuild(settings.store, given.into, given.processes, chain_key(settings.chain_key))
    except (StoreFailed, Superseded, BrokenProcessPool) as error:
        print(f"puhui: the rebuild failed: {error}", file=sys.stderr)
        return FAILED
    if given.json:
        print(msgspec.json.encode(msgspec.structs.replace(report, listed=report.listed[:SHOWN])).decode())
    else:
        _print(report, given.into)
    return DIFFERENT if report.differences else GOOD


def _print(report: Report, into: str | None) -> None:
    for difference in report.listed[:SHOWN]:
        print(f"{difference.book}  {difference.subject}: {difference.what}")
    left = report.differences - len(report.listed[:SHOWN])
    if left:
        print(f"… and {left:,} more")
    rate = report.facts / report.seconds if report.seconds else 0
    print(
        f"{report.differences or 'no'} differences: {report.books} books, {report.facts:,} facts, {report.movements:,} "
        f"movements, {report.rows:,} rows, in {report.seconds:.1f} s ({rate:,.0f} facts/s)"
    )
    if into is not None and not report.whole:
        print("the fresh store is not whole: the log could not be replayed to its end")
