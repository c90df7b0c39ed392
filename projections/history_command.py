"""The command `history`: who changed which target, institution, duty, period, rule or key, and when."""

import argparse
import sys
from contextlib import closing
from datetime import date

import msgspec

from aggregates.store import StoreFailed, open_store
from projections.history import history
from puhui.settings import Settings

GOOD, FAILED = 0, 3


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command of this module."""
    what = "list who changed which target, institution, duty, period, rule or key, and when"
    parser = commands.add_parser("history", help=what, description=f"{what[0].upper()}{what[1:]}.")
    parser.set_defaults(run=run_history)
    parser.add_argument(
        "--what", metavar="KIND", default="", help="only this, e.g. policy.target_set or basis.key"
    )
    parser.add_argument(
        "--since", type=date.fromisoformat, metavar="DATE", default=date.min, help="from then on"
    )
    parser.add_argument("--json", action="store_true", help="answer as a JSON array")


def run_history(given: argparse.Namespace) -> int:
    """`puhui history`: 0, or 3 where the store cannot be read."""
    try:
        with closing(open_store(Settings.read().store, read_only=True)) as store:
            changes = [
                change
                for change in history(store)
                if change.what.startswith(given.what) and change.known_at >= given.since.isoformat()
            ]
    except StoreFailed as error:
        print(f"puhui: {error}", file=sys.stderr)
        return FAILED
    if given.json:
        print(msgspec.json.encode(changes).decode())
        return GOOD
    for change in changes:
        print(
            f"{change.known_at}  {change.what}  {change.subject}  by {change.by or 'the dated rule'}: {change.said}"
        )
    return GOOD
