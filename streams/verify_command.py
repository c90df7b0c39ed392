"""The command `verify`: is every commit still what was committed, and is none missing?"""

import argparse
from datetime import date

import msgspec

from aggregates.store import StoreFailed
from aggregates.store.chain import chain_key
from projections.rebuilding.command import with_archive
from projections.rebuilding.findings import SHOWN, listing
from projections.verifying import Verified, verify
from puhui.commands import GOOD, NEGATIVE, Commands, command, day, failed
from puhui.settings import Settings


def add(commands: Commands) -> None:
    """Add the command of this module."""
    parser = command(
        commands,
        "verify",
        run_verify,
        "follow the chain of every book, and say which commits are not as they were committed",
    )
    parser.add_argument(
        "--published", action="store_true",
        help="hold the books against the heads on the topic integrity too: finds commits that were cut off",
    )  # fmt: skip
    parser.add_argument(
        "--since", type=day, default=date.min, metavar="DATE",
        help="of the published heads those from this day on (after a rebuild into a fresh store: its day)",
    )  # fmt: skip
    with_archive(parser)
    parser.add_argument("--json", action="store_true", help="answer as one JSON object")


def run_verify(given: argparse.Namespace) -> int:
    """`puhui verify`: 0 where everything is as it was, 1 where something is not, 3 where that cannot be said."""
    from kafka.errors import KafkaError

    from streams.cluster import Unready
    from streams.connecting import connection
    from streams.heads import published_heads

    settings = Settings.read()
    try:
        heads = published_heads(connection(settings), given.since) if given.published else []
        verified = verify(settings.store, chain_key(settings.chain_key), heads, given.archive)
    except (StoreFailed, KafkaError, Unready) as error:
        return failed(f"nothing can be verified: {error}")
    if given.json:
        shown = msgspec.structs.replace(verified, listed=verified.listed[:SHOWN])
        print(msgspec.json.encode(shown).decode())
    else:
        _print(verified)
    return NEGATIVE if verified.findings else GOOD


def _print(verified: Verified) -> None:
    for line in listing(verified.listed, verified.findings):
        print(line)
    print(
        f"{verified.findings or 'no'} findings: {verified.books} books, {verified.commits:,} commits, "
        f"{verified.heads:,} published heads, in {verified.seconds:.1f} s"
    )
    if verified.archive:
        print(
            f"commit records that are in {verified.archive} were not looked at (--with): the ledger has what it had then"
        )
