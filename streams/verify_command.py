"""The command `verify`: is every commit still what was committed, and is none missing?"""

import argparse
import sys
from datetime import date
from typing import Final

import msgspec
from kafka.errors import KafkaError

from aggregates.store import StoreFailed
from aggregates.store.chain import chain_key
from projections.verifying import Verified, verify
from puhui.settings import Settings
from streams.cluster import Unready
from streams.connecting import connection

GOOD, DIFFERENT, FAILED = 0, 1, 3
_SHOWN: Final = 200
"""How many findings are listed."""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command of this module."""
    what = "follow the chain of every book, and say which commits are not as they were committed"
    parser = commands.add_parser("verify", help=what, description=f"{what[0].upper()}{what[1:]}.")
    parser.set_defaults(run=run_verify)
    parser.add_argument(
        "--published", action="store_true",
        help="hold the books against the heads on the topic integrity too: finds commits that were cut off",
    )  # fmt: skip
    parser.add_argument(
        "--since", type=date.fromisoformat, default=date.min, metavar="DATE",
        help="of the published heads those from this day on (after a rebuild into a fresh store: its day)",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="answer as one JSON object")


def run_verify(given: argparse.Namespace) -> int:
    """`puhui verify`: 0 where everything is as it was, 1 where something is not, 3 where that cannot be said."""
    from streams.heads import published_heads

    settings = Settings.read()
    try:
        heads = published_heads(connection(settings), given.since) if given.published else []
        verified = verify(settings.store, chain_key(settings.chain_key), heads)
    except (StoreFailed, KafkaError, Unready) as error:
        print(f"puhui: nothing can be verified: {error}", file=sys.stderr)
        return FAILED
    if given.json:
        shown = msgspec.structs.replace(verified, listed=verified.listed[:_SHOWN])
        print(msgspec.json.encode(shown).decode())
    else:
        _print(verified)
    return DIFFERENT if verified.findings else GOOD


def _print(verified: Verified) -> None:
    for found in verified.listed[:_SHOWN]:
        print(f"{found.book}  {found.subject}: {found.what}")
    left = verified.findings - len(verified.listed[:_SHOWN])
    if left:
        print(f"… and {left:,} more")
    print(
        f"{verified.findings or 'no'} findings: {verified.books} books, {verified.commits:,} commits, "
        f"{verified.heads:,} published heads, in {verified.seconds:.1f} s"
    )
