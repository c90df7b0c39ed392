"""How a worker speaks and ends: at once and with one clear sentence, because memory may be ahead of the store."""

import contextlib
import logging
import os
import sys
from enum import IntEnum
from typing import NoReturn

from aggregates.store import StoreUnfit
from puhui.settings import WrongSetting

log = logging.getLogger("puhui")


class Status(IntEnum):
    """Exit statuses of a worker, also for its supervisor."""

    STOPPED = 0
    WRONG_SETTING = 2
    FAILED = 3
    """Starting again may help."""
    UNDECIDED = 4
    """Starting again does not help: somebody has to decide or to update."""


HOPELESS = frozenset({Status.WRONG_SETTING, Status.UNDECIDED})
_SAYING = RuntimeError | OSError | WrongSetting
"""Errors whose message says all that there is to say."""


def set_up_logging(level: str) -> None:
    """Log to standard error; the libraries only from warnings on."""
    logging.basicConfig(
        format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.WARNING, force=True
    )
    logging.getLogger("puhui").setLevel(level.upper())
    # It warns that its thread was not let run for a moment: beside a busy intake that says nothing.
    logging.getLogger("kafka.net.selector").setLevel(logging.ERROR)


class Undecided(RuntimeError):
    """Nothing heals this by itself; the message says what happened and what can be done."""


def status_of(error: BaseException) -> Status:
    """The exit status that an error stands for."""
    if isinstance(error, WrongSetting):
        return Status.WRONG_SETTING
    hopeless = isinstance(error, Undecided | StoreUnfit)
    return Status.UNDECIDED if hopeless else Status.FAILED


def sentence_of(error: BaseException) -> str:
    """An error as one sentence of one line."""
    text = " ".join(str(error).split())
    return text if text and isinstance(error, _SAYING) else f"{type(error).__name__}: {text}"


def end_now(error: BaseException) -> NoReturn:
    """Say why, and end the process here: no handler, no finally, no further transaction."""
    status = status_of(error)
    known = isinstance(error, _SAYING)
    log.critical("the worker ends: %s", sentence_of(error), exc_info=None if known else error)
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(status)
