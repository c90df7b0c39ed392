"""Whether an event comes from whom it names: who has a key must have signed it (V05).

What is refused here must not keep the true event out: it is known again under a hash of its own.
"""

import asyncio
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from aggregates.hashing import event_hash
from aggregates.outcomes import Hashes, Refused
from puhui.contract.signing import SIGNATURE, signature_in
from puhui.keys import NOBODY, Keys, WrongKeys, read_keys
from puhui.settings import Settings, WrongSetting
from streams.arrival import Arrived
from streams.ending import log

COUNTED: Final = "unauthentic"
"""Counted beside the refusal, with the case of the rule, for who is on call."""
LOOK_EVERY: Final = 2.0
"""Seconds between two looks at the file of keys."""


def unauthentic(arrived: Arrived, fault: str) -> tuple[Arrived, Refused]:
    """An event that its source has not signed though it must, as it is known again, and its refusal; the fault is a case of V05."""
    event: Any = arrived.event
    found = signature_in(arrived.headers)
    refused = Refused("V05", SIGNATURE, {"source": event.source, "key": (found and found[0]) or '""'}, fault)
    apart = Hashes(event_hash(f"{event.source}\0{fault}", event.id), arrived.hashes.content, "")
    return msgspec.structs.replace(arrived, hashes=apart), refused


class Checks(Protocol):
    """What checks signatures by the keys that it was given last."""

    keys: Keys


class Keyring:
    """The file of keys of one worker: read at its start, and again whenever it changes."""

    def __init__(self, settings: Settings) -> None:
        """WrongSetting where the file cannot be used."""
        self._path = Path(settings.keys_file) if settings.keys_file else None
        self._seen: tuple[int, int] | None = None
        self._told = ""
        self.keys = NOBODY
        try:
            self._read()
        except WrongKeys as error:
            raise WrongSetting(f"PUHUI_KEYS_FILE: {error}") from None

    def follow(self, intake: Checks) -> None:
        """Give the keys to an intake, now and whenever the file has changed, as long as the event loop runs."""
        self.look(intake)
        if self._path is not None:
            asyncio.get_running_loop().call_later(LOOK_EVERY, self.follow, intake)

    def look(self, intake: Checks) -> None:
        """Give it the keys as they are in the file; one that cannot be used leaves them as they were."""
        try:
            self._read()
            self._told = ""
        except WrongKeys as error:
            if str(error) != self._told:
                log.error("the keys stay as they were: %s", error)
            self._told = str(error)
        intake.keys = self.keys

    def _read(self) -> None:
        if self._path is None or (seen := _version(self._path)) == self._seen:
            return
        self.keys, self._seen = read_keys(self._path), seen
        shown = "; ".join(f"{sender} ({keys})" for sender, keys in self.keys.shown.items())
        log.info("who must sign: %s", shown or "nobody")


def _version(path: Path) -> tuple[int, int]:
    try:
        state = path.stat()
    except OSError as error:
        raise WrongKeys(f"{path} cannot be read: {error.strerror}") from None
    return state.st_mtime_ns, state.st_ino
