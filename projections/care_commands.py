"""The commands `backup`, `restore`, `move` and `migrate`: a whole store in another place, or under a newer program."""

import argparse
import sys
import time
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Final

from aggregates.store import StoreFailed, Superseded, folder_of
from aggregates.store.chain import chain_key
from aggregates.store.copying import arriving, copy
from aggregates.store.migrations import migrate
from aggregates.store.snapshot import Digest, digest, short, snapshot
from aggregates.store.sql import SCHEMA_VERSION
from projections.rebuilding import rebuild
from projections.rebuilding.archives import ArchiveNeeded
from projections.rebuilding.command import with_archive
from projections.rebuilding.findings import listing
from puhui.commands import GOOD, NEGATIVE, Commands, Run, command, failed, store_url
from puhui.settings import Settings

_SHOWN: Final = 10
"""How many differences of a backup are listed: `puhui rebuild` lists more."""


def add(commands: Commands) -> None:
    """Add the commands of this module."""
    for name, run, what, arguments in (
        ("backup", _backup, "copy the store into a file, while workers write, and replay the copy", ("FILE",)),
        ("restore", _restore, "make the store anew from a backup; nothing is ever written over", ("FILE",)),
        ("move", _move, "copy a store with all its history into a fresh one of either database", ("FROM", "TO")),
        ("migrate", _migrate, "bring the store of an older program to this one's schema, once workers stopped", ()),
    ):  # fmt: skip
        parser = command(commands, name, guarded(name, run), what)
        for argument in arguments:
            parser.add_argument(
                argument.lower(), metavar=argument, type=Path if argument == "FILE" else store_url
            )
        if name == "backup":
            with_archive(parser)


def guarded(name: str, run: Run) -> Run:
    """The command with its failures said in one sentence."""

    def guarded(given: argparse.Namespace) -> int:
        try:
            return run(given)
        except (StoreFailed, Superseded, BrokenProcessPool) as error:
            return failed(f"the {name} failed: {error}")

    return guarded


def _backup(given: argparse.Namespace) -> int:
    """`puhui backup`: 1 where the copy is not what its own log makes; it is kept, for it holds what the store holds."""
    began = time.perf_counter()
    with arriving(given.file) as part:
        made = copy(Settings.read().store, part)
        try:
            report = rebuild(part, archive=given.archive)
        except ArchiveNeeded as needed:
            print(f"{given.file}: the same as the store, {_said(made)}; it was not replayed: {needed}")
            return GOOD
    for line in listing(report.listed, report.differences, _SHOWN):
        print(line)
    print(
        f"{given.file}: {report.books} books, {report.facts:,} facts, replayed with {report.differences or 'no'} "
        f"differences, in {time.perf_counter() - began:.1f} s; {_said(made)}"
    )
    if report.differences:
        print("the store itself is damaged: see the runbook, “The store fails its audit”", file=sys.stderr)
    return NEGATIVE if report.differences else GOOD


def _restore(given: argparse.Namespace) -> int:
    """`puhui restore`: the store holds what the backup holds, by digest."""
    settings = Settings.read()
    with _target(settings.store) as target:
        made = copy(f"sqlite:{given.file}", target, settings.partitions)
    print(f"restored from {given.file}; {_said(made)}")
    return GOOD


def _move(given: argparse.Namespace) -> int:
    """`puhui move`: 1 where somebody wrote the old store meanwhile, so that the new one is not its last state."""
    with _target(given.to) as target:
        made = copy(getattr(given, "from"), target, Settings.read().partitions)
    with snapshot(getattr(given, "from")) as now:
        going_on = digest(now) != made
    print(f"moved; {_said(made)}")
    if going_on:
        print(
            "puhui: the old store was written meanwhile: stop its workers, and move it again into a fresh one",
            file=sys.stderr,
        )
    return NEGATIVE if going_on else GOOD


def _migrate(given: argparse.Namespace) -> int:
    """`puhui migrate`: all of the way or not at all."""
    settings = Settings.read()
    through = migrate(settings.store, chain_key(settings.chain_key))
    print(
        f"schema {' → '.join(map(str, [*through, SCHEMA_VERSION]))}" if through else "nothing is to be done"
    )
    return GOOD


def _target(url: str) -> AbstractContextManager[str]:
    """Where to write: a file or a folder comes into being whole, a database by one transaction."""
    if (folder := folder_of(url)) is not None:
        return arriving(folder, folder=True)
    return arriving(Path(url.removeprefix("sqlite:"))) if url.startswith("sqlite:") else nullcontext(url)


def _said(made: Digest) -> str:
    return f"{sum(content.rows for content in made.values()):,} rows, digest {short(made)}"
