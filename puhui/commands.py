"""What all commands share: their exit statuses, how one is added, and how one says why it failed."""

import argparse
import getpass
import os
import sys
from collections.abc import Callable
from typing import Final, TypeAlias

GOOD: Final = 0
NEGATIVE: Final = 1
"""The answer to what was asked is no."""
WRONG: Final = 2
"""Wrong usage or settings."""
FAILED: Final = 3

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
"""What commands are added to: argparse gives it no public name."""
Run = Callable[[argparse.Namespace], int]
"""A command: from its arguments to the exit status."""


def command(commands: Commands, name: str, run: Run, what: str) -> argparse.ArgumentParser:
    """Add a command; `what` it does is one sentence without its capital and its point."""
    parser = commands.add_parser(name, help=what, description=f"{what[0].upper()}{what[1:]}.")
    parser.set_defaults(run=run)
    return parser


def operator() -> str:
    """Who runs this command: the user who became another one for it, where that is known."""
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return f"user {os.getuid()}"


def failed(why: object, status: int = FAILED) -> int:
    """Say why on standard error; the exit status."""
    print(f"puhui: {why}", file=sys.stderr)
    return status
