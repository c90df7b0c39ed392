"""The command `history`: who changed which target, institution, duty, period, rule or key, and when."""

import argparse
from contextlib import closing
from datetime import date

import msgspec

from aggregates.store import StoreFailed, open_store
from projections.history import KINDS, history
from puhui.commands import GOOD, WRONG, Commands, command, day, failed
from puhui.settings import Settings


def add(commands: Commands) -> None:
    """Add the command of this module."""
    parser = command(
        commands,
        "history",
        run_history,
        "list who changed which target, institution, duty, period, rule or key, and when",
    )
    parser.add_argument(
        "--what", metavar="KIND", default="", help="only this, or what begins so: policy.target_set, basis."
    )
    parser.add_argument("--since", type=day, metavar="DATE", default=date.min, help="from then on")
    parser.add_argument("--json", action="store_true", help="answer as a JSON array")


def run_history(given: argparse.Namespace) -> int:
    """`puhui history`: 0, or 2 for a kind that does not exist, 3 where the store cannot be read."""
    if not any(kind.startswith(given.what) for kind in KINDS):
        return failed(f"no kind of change is called {given.what}: {', '.join(KINDS)}", WRONG)
    try:
        with closing(open_store(Settings.read().store, read_only=True)) as store:
            changes = [
                change
                for change in history(store)
                if change.what.startswith(given.what) and change.known_at >= given.since.isoformat()
            ]
    except StoreFailed as error:
        return failed(error)
    if given.json:
        print(msgspec.json.encode(changes).decode())
        return GOOD
    for change in changes:
        print(
            f"{change.known_at}  {change.what}  {change.subject}  by {change.by or 'the dated rule'}: {change.said}"
        )
    return GOOD
