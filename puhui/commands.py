"""What all commands share: their exit statuses, how one is added, and how one says why it failed."""

import argparse
import getpass
import os
import sys
from collections.abc import Callable
from datetime import date, datetime, time
from typing import Final, TypeAlias, TypeVar

from puhui.policy.periods import BEIJING, FIRST, LAST, date_at, microseconds
from puhui.settings import SETTINGS

GOOD: Final = 0
NEGATIVE: Final = 1
"""The answer to what was asked is no."""
WRONG: Final = 2
"""Wrong usage or settings."""
FAILED: Final = 3
STATUSES: Final = (
    "exit status: 0 good, 1 the answer is no, 2 wrong usage or settings, 3 a failure, "
    "4 something that only a decision of the operator can help"
)

T = TypeVar("T")
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
"""What commands are added to: argparse gives it no public name."""
Run = Callable[[argparse.Namespace], int]
"""A command: from its arguments to the exit status."""


def command(commands: Commands, name: str, run: Run, what: str) -> argparse.ArgumentParser:
    """Add a command; `what` it does is one sentence without its capital and its point."""
    parser = commands.add_parser(
        name, help=what, description=f"{what[0].upper()}{what[1:]}.", epilog=STATUSES
    )
    parser.set_defaults(run=run)
    return parser


def argument(read: Callable[[str], T], allowed: str) -> Callable[[str], T]:
    """How the text of an argument is read; one that cannot be (ValueError) is answered with what is allowed."""

    def reads(text: str) -> T:
        try:
            return read(text)
        except (ValueError, OverflowError) as error:
            raise argparse.ArgumentTypeError(f"{text!r} is not {allowed}") from error

    return reads


def number(least: int, most: int) -> Callable[[str], int]:
    """How an argument is read that is a whole number within bounds."""

    def reads(text: str) -> int:
        found = int(text)
        if not least <= found <= most:
            raise ValueError(text)
        return found

    return argument(reads, f"a number from {least} to {most}")


def _day(text: str) -> date:
    return _within(date.fromisoformat(text))


def _instant(text: str) -> int:
    if len(text) == len("2024-07-20"):
        moment = datetime.combine(date.fromisoformat(text), time.max, BEIJING)
    else:
        moment = datetime.fromisoformat(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=BEIJING)
    instant = microseconds(moment)
    _within(date_at(instant))
    return instant


def _within(day: date) -> date:
    if not FIRST <= day <= LAST:
        raise ValueError(day)
    return day


_YEARS: Final = f"from {FIRST.year} to {LAST.year}"
day: Final = argument(_day, f"a date such as 2024-09-30, {_YEARS}")
"""How an argument is read that is a business date."""
instant: Final = argument(_instant, f"an instant such as 2024-10-20 or 2024-10-20T09:00:00, {_YEARS}")
"""How an argument is read that is an instant (µs): without an offset it is +08:00, a date alone means its end."""


_STORE: Final = next(setting for setting in SETTINGS if setting.name == "PUHUI_STORE")


def store_url(text: str) -> str:
    """How an argument is read that is a store, as the setting is; a wrong one may hold a password, and is not repeated."""
    try:
        return str(_STORE.parse(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{_STORE.allowed.rstrip(',')} is allowed") from None


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
