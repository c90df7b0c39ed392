"""The command line: `puhui <command>`. What a command does is written beside what it commands.

Exit statuses: 0 good, 1 a negative answer, 2 wrong usage or settings, 3 a failure, 4 a worker that only a decision
can help.
"""

import argparse
import codecs
import errno
import json
import os
import sys
from collections.abc import Callable, Sequence
from io import TextIOWrapper
from typing import Final

from console import commands as console_commands
from dashboards import commands as dashboards_commands
from projections import alert_commands, archive_command, audit_command, care_commands, history_command
from projections import commands as projections_commands
from projections.rebuilding import command as rebuild_command
from puhui import keys_command
from puhui.commands import GOOD, STATUSES, WRONG, failed
from puhui.contract import command as contract_command
from puhui.settings import WrongSetting
from streams import access_commands, demo_commands, positions_command, verify_command
from streams import commands as streams_commands

Commands = Callable[["argparse._SubParsersAction[argparse.ArgumentParser]"], None]

COMMANDS: Final[tuple[Commands, ...]] = (
    streams_commands.add,
    access_commands.add,
    positions_command.add,
    keys_command.add,
    projections_commands.add,
    alert_commands.add,
    rebuild_command.add,
    audit_command.add,
    care_commands.add,
    archive_command.add,
    history_command.add,
    verify_command.add,
    contract_command.add,
    console_commands.add,
    dashboards_commands.add,
    demo_commands.add,
)
"""Each function adds commands, and gives each one the default `run`: from its arguments to the exit status."""


_FULL: Final = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO))
"""How a file fails that takes no more."""


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status. Whatever becomes of the output, it is known by then."""
    codecs.register_error("json", _escaped)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="json")
    try:
        try:
            return _commanded(arguments)
        finally:
            if sys.stdout is not None:  # it is None where the caller has closed it
                sys.stdout.flush()
    except WrongSetting as error:
        return failed(error, WRONG)
    except BrokenPipeError:
        _drop_output()  # the reader of our output has seen enough; nothing is left to say
        return GOOD
    except OSError as error:
        if error.errno not in _FULL:
            raise
        _drop_output()
        return failed(f"the output cannot be written: {error.strerror}")


def _commanded(arguments: Sequence[str] | None) -> int:
    parser = argparse.ArgumentParser(
        prog="puhui", description="普惠: a monitor of inclusive finance.", epilog=STATUSES
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for add in COMMANDS:
        add(commands)
    given = parser.parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = given.run
    return command(given)


def _escaped(error: UnicodeError) -> tuple[str, int]:
    """What an encoding has no characters for is written as JSON escapes it: so JSON stays JSON."""
    assert isinstance(error, UnicodeEncodeError)
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


def _drop_output() -> None:
    """What is still in the buffer would fail again when the interpreter ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
