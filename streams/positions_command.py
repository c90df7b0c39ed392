"""The command `positions`: how far each partition is taken in, and the decision to go on where Kafka has lost something."""

import argparse
from contextlib import closing

from aggregates.store import StoreFailed, Superseded, open_store
from aggregates.store.chain import chain_key
from puhui.commands import GOOD, NEGATIVE, Commands, command, failed
from puhui.settings import Settings


def add(commands: Commands) -> None:
    """Add the commands of this module."""
    parser = command(
        commands,
        "positions",
        run_positions,
        "say how far each partition is taken in, and what of it Kafka has lost",
    )
    parser.add_argument(
        "--accept",
        action="store_true",
        help="go on with the topics as they are, from their first record that was not taken in (stop the workers)",
    )


def run_positions(given: argparse.Namespace) -> int:
    """`puhui positions`: one line a partition; a lost range is a negative answer."""
    from streams.cluster import Cluster, LostRange, Unready
    from streams.connecting import connection
    from streams.ending import Undecided

    settings, lost = Settings.read(), False
    try:
        cluster = Cluster.ask(connection(settings))
        starts, ends = cluster.starts(), cluster.ends()
        key = chain_key(settings.chain_key)
        with closing(open_store(settings.store, read_only=not given.accept, key=key)) as store:
            if given.accept:
                cluster.adopt(store, starts)
            for at, end in ends.items():
                try:
                    position = cluster.next_offset(store, at, starts[at], end)
                    cluster.check_lasts(cluster.lasts(store, [at], starts))
                    print(f"{at.topic}, partition {at.partition}: {position}, {end - position} to come")
                except LostRange as error:
                    lost = True
                    print(error)
    except (Unready, Undecided, StoreFailed, Superseded) as error:
        return failed(error)
    return NEGATIVE if lost else GOOD
