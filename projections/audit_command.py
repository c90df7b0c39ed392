"""The command `audit`: the ids that were used for several subjects (V02)."""

import argparse
from contextlib import closing

import msgspec

from aggregates.store import StoreFailed
from projections.auditing import Reused, reused_ids
from projections.rebuilding.archives import open_whole
from projections.rebuilding.command import with_archive
from puhui.commands import GOOD, NEGATIVE, Commands, command, failed
from puhui.settings import Settings


def add(commands: Commands) -> None:
    """Add the command of this module."""
    parser = command(
        commands, "audit", run_audit, "list the event ids that an institution used for several subjects (V02)"
    )
    with_archive(parser)
    parser.add_argument("--json", action="store_true", help="answer as a JSON array")


def run_audit(given: argparse.Namespace) -> int:
    """`puhui audit`: 0 where every id has one subject, 1 where some have several, 3 where the store cannot be read."""
    try:
        with closing(open_whole(Settings.read().store, given.archive)) as store:
            found = list(reused_ids(store))
    except StoreFailed as error:
        return failed(error)
    if given.json:
        print(msgspec.json.encode(found).decode())
    else:
        _print(found)
    return NEGATIVE if found else GOOD


def _print(found: list[Reused]) -> None:
    for reused in found:
        print(f"{reused.institution}  id with hash {reused.event}, used {len(reused.uses)} times:")
        for use in reused.uses:
            print(f"  {use.fact}  {use.subject}  {use.business_date}  taken in {use.recorded_at}")
    print(f"{len(found) or 'no'} ids were used for several subjects")
