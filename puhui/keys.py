"""The keys of an installation 签名密钥: who must sign, and with which keys; read from a file that nobody else may read.

The file is JSON: for each sender (`urn:puhui:inst:…` or `urn:puhui:gov:…`) its keys by their ids, in base64, the newest
last. Two at most are valid at a time, so that a sender can change from one to the other when it likes. Under `changed` it
says of each sender who changed its keys last.
"""

import os
import re
import secrets
import stat
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec

from puhui.contract.base import INSTITUTION_SOURCE, OFFICE_SOURCE
from puhui.contract.signing import Headers, Key, signature_in

_CHANGED: Final = "changed"

LENGTH: Final = 32
MOST: Final = 2
_ID: Final = re.compile(r"[0-9A-Za-z._-]{1,64}")
_FOREIGN: Final = stat.S_IRWXO | stat.S_IWGRP

Secrets = dict[str, dict[str, bytes]]
"""Per sender, per id."""
Hands = dict[str, tuple[str, str]]
"""Per sender: who changed its keys, and what they were then, as `Keys.shown` has them; nothing where none was left."""


class WrongKeys(ValueError):
    """A file of keys cannot be used; the message says why, and never a key."""


class Keys:
    """Knows who must sign; an office must as soon as any office has a key.

    `shown`: per sender the ids and fingerprints of its keys; `hands`: who changed them last, where they are still so.
    """

    def __init__(
        self, known: Mapping[str, Mapping[str, bytes]] | None = None, hands: Hands | None = None
    ) -> None:
        self._known = {
            sender: {identity: Key(identity, secret) for identity, secret in keys.items()}
            for sender, keys in (known or {}).items()
        }
        self.shown = {sender: shown(keys) for sender, keys in sorted((known or {}).items())}
        self.hands = {
            sender: who for sender, (who, then) in (hands or {}).items() if then == self.shown.get(sender, "")
        }
        self._offices = any(sender.startswith(OFFICE_SOURCE) for sender in self._known)

    def __bool__(self) -> bool:
        return bool(self._known)

    def newest(self, sender: str) -> Key | None:
        """The key with which this sender signs."""
        return next(reversed(self._known.get(sender, {}).values()), None)

    def fault(self, sender: str, value: bytes, headers: Headers) -> str:
        """The case of rule V05 that the record breaks; empty where it is signed, or need not be."""
        keys = self._known.get(sender)
        if keys is None:
            return "unsigned" if self._offices and sender.startswith(OFFICE_SOURCE) else ""
        found = signature_in(headers)
        if found is None:
            return "unsigned"
        key = keys.get(found[0])
        return "" if key is not None and key.has_signed(found[1], value, headers) else "wrongly_signed"


NOBODY: Final = Keys()
"""Nobody must sign."""


def sender_of(name: str) -> str:
    """The sender that a 统一社会信用代码 or a whole source names."""
    return name if name.startswith("urn:") else INSTITUTION_SOURCE + name


def fingerprint(secret: bytes) -> str:
    """By what a key is told from another without showing it."""
    return sha256(secret).hexdigest()[:16]


def shown(keys: Mapping[str, bytes]) -> str:
    """Keys as people may see them: their ids and fingerprints."""
    return ", ".join(f"{identity} {fingerprint(secret)}" for identity, secret in keys.items())


def new_key() -> tuple[str, bytes]:
    """The id and the secret of a new key."""
    return secrets.token_hex(4), secrets.token_bytes(LENGTH)


def read_keys(path: Path) -> Keys:
    """The keys in a file, to sign and to judge by; WrongKeys as `read_secrets`."""
    return Keys(*read_secrets(path))


def read_secrets(path: Path) -> tuple[Secrets, Hands]:
    """The keys in a file, and who changed them; WrongKeys where it is none, or others may read it."""
    try:
        mode = path.stat().st_mode
        content = path.read_bytes()
    except OSError as error:
        raise WrongKeys(f"{path} cannot be read: {error.strerror}") from None
    if mode & _FOREIGN:
        raise WrongKeys(f"{path} may be read or changed by others: chmod 640 or 600")
    try:
        parts = msgspec.json.decode(content, type=dict[str, msgspec.Raw])
        hands = msgspec.json.decode(parts.pop(_CHANGED, b"{}"), type=Hands)
        found = {sender: msgspec.json.decode(keys, type=dict[str, bytes]) for sender, keys in parts.items()}
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise WrongKeys(f"{path} is no file of keys: senders, ids and base64 in JSON") from None
    for sender, keys in found.items():
        _check(path, sender, keys)
    return found, hands


def _check(path: Path, sender: str, keys: Mapping[str, bytes]) -> None:
    if not sender.startswith((INSTITUTION_SOURCE, OFFICE_SOURCE)):
        raise WrongKeys(f"{path}: a sender begins with {INSTITUTION_SOURCE} or {OFFICE_SOURCE}")
    if not 1 <= len(keys) <= MOST:
        raise WrongKeys(f"{path}: {sender} has {len(keys)} keys; one or two are allowed")
    for identity, secret in keys.items():
        if not _ID.fullmatch(identity) or len(secret) < LENGTH:
            raise WrongKeys(
                f"{path}: a key of {sender} has no id of letters and digits, or less than {LENGTH} bytes"
            )


def write_secrets(path: Path, found: Secrets, hands: Hands | None = None) -> None:
    """Write the file in one step; owner and mode stay as they were, a new one is for us alone.

    WrongKeys where it cannot be written; then nothing has changed.
    """
    content = {**found, _CHANGED: hands} if hands else found
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            _keep_owners(handle, path)
            file.write(msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n")
            file.flush()
            os.fsync(handle)
        os.replace(fresh, path)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise WrongKeys(f"{path} cannot be written: {error.strerror}") from error


def _keep_owners(handle: int, path: Path) -> None:
    if path.exists():
        before = path.stat()
        os.fchown(handle, before.st_uid, before.st_gid)
        os.fchmod(handle, stat.S_IMODE(before.st_mode))
