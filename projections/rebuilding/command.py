"""The command `rebuild`: does the log still make what is stored?"""

import argparse
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from pathlib import Path

import msgspec

from aggregates.store import StoreFailed, StoreUnfit, Superseded, folder_of, open_store
from aggregates.store.chain import chain_key
from aggregates.store.files import partitions_of
from aggregates.store.placing import place_of_position
from projections.rebuilding.findings import SHOWN, listing
from projections.rebuilding.running import Report, rebuild
from puhui.commands import GOOD, NEGATIVE, Commands, command, failed, number, store_url
from puhui.settings import Settings


def add(commands: Commands) -> None:
    """Add the command of this module."""
    parser = command(
        commands,
        "rebuild",
        run_rebuild,
        "replay the store, and say what is stored otherwise than it is replayed",
    )
    parser.add_argument(
        "--into", metavar="STORE", type=store_url,
        help="write what is replayed into this fresh store too, so that it can take the old one's place",
    )  # fmt: skip
    parser.add_argument(
        "--processes",
        type=number(1, 256),
        default=2,
        metavar="N",
        help="how many processes work (default: 2)",
    )
    with_archive(parser)
    parser.add_argument("--json", action="store_true", help="answer as one JSON object")


def with_archive(parser: argparse.ArgumentParser) -> None:
    """Add `--with`: where the commit records are that were archived."""
    parser.add_argument(
        "--with", dest="archive", type=Path, metavar="ARCHIVE",
        help="the file that `puhui archive` has made, for the commit records that are not in the store any more",
    )  # fmt: skip


def run_rebuild(given: argparse.Namespace) -> int:
    """`puhui rebuild`: 0 where nothing differs, 1 where something does, 3 where a store cannot be read or written."""
    try:
        settings = Settings.read()
        if given.into and (folder := folder_of(given.into)) is not None:
            _must_have_room(folder, settings)
            key, partitions = chain_key(settings.chain_key), settings.partitions
            open_store(given.into, key=key, partitions=partitions).close()
        report = rebuild(
            settings.store, given.into, given.processes, chain_key(settings.chain_key), given.archive
        )
    except (StoreFailed, Superseded, BrokenProcessPool) as error:
        return failed(f"the rebuild failed: {error}")
    if given.json:
        print(msgspec.json.encode(msgspec.structs.replace(report, listed=report.listed[:SHOWN])).decode())
    else:
        _print(report, given.into)
    return NEGATIVE if report.differences else GOOD


def _must_have_room(folder: Path, settings: Settings) -> None:
    """StoreUnfit where a partition of the topics would have no file there: known before hours of replay, not after."""
    with closing(open_store(settings.store, read_only=True)) as store:
        last = max((place_of_position(key) or 0 for key in store.positions()), default=0)
    number = partitions_of(folder, settings.partitions)
    if last >= number:
        raise StoreUnfit(
            f"partition {last} of the topics would have no file in {folder} (partitions there: {number}): "
            "set PUHUI_PARTITIONS to what the topics have, and name a folder that is not there"
        )


def _print(report: Report, into: str | None) -> None:
    for line in listing(report.listed, report.differences):
        print(line)
    rate = report.facts / report.seconds if report.seconds else 0
    print(
        f"{report.differences or 'no'} differences: {report.books} books, {report.facts:,} facts, {report.movements:,} "
        f"movements, {report.rows:,} rows, in {report.seconds:.1f} s ({rate:,.0f} facts/s)"
    )
    if into is not None and not report.whole:
        print("the fresh store is not whole: the log could not be replayed to its end")
