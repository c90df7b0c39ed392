"""The command `keys`: keys by which senders sign; a key itself goes to files only."""

import argparse
import sys
from pathlib import Path

from puhui.keys import MOST, Secrets, WrongKeys, fingerprint, new_key, read_secrets, sender_of, write_secrets
from puhui.settings import Settings, WrongSetting

GOOD, NEGATIVE, FAILED = 0, 1, 3


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the commands of this module."""
    what = "make, list and remove the keys by which events are signed (PUHUI_KEYS_FILE)"
    keys = commands.add_parser("keys", help=what, description=f"{what[0].upper()}{what[1:]}.")
    actions = keys.add_subparsers(title="actions", metavar="ACTION", required=True)
    whose = "its 统一社会信用代码, or a whole source (urn:puhui:gov:…)"
    made = actions.add_parser("add", help="make a key; from then on the sender must sign")
    made.add_argument("sender", help=whose)
    made.add_argument(
        "--copy", metavar="FILE", required=True, help="a new file with this key, for the sender"
    )
    made.set_defaults(run=run_add)
    listed = actions.add_parser("list", help="list senders, ids and fingerprints")
    listed.set_defaults(run=run_list)
    removed = actions.add_parser("remove", help="remove a key; who has none left need not sign")
    removed.add_argument("sender", help=whose)
    removed.add_argument("key", help="the id of the key")
    removed.set_defaults(run=run_remove)


def run_add(given: argparse.Namespace) -> int:
    """`puhui keys add`: 1 where the sender has two keys already."""
    path, sender, copy = _path(), sender_of(given.sender), Path(given.copy)
    try:
        known: Secrets = read_secrets(path) if path.exists() else {}
        keys = known.setdefault(sender, {})
        if len(keys) >= MOST:
            return _failed(f"{sender} has {MOST} keys: remove the older one first", NEGATIVE)
        if copy.exists():
            return _failed(f"{copy} is there already", NEGATIVE)
        identity, secret = new_key()
        keys[identity] = secret
        write_secrets(copy, {sender: {identity: secret}})
        write_secrets(path, known)
    except (WrongKeys, OSError) as error:
        return _failed(str(error))
    print(f"{sender}: {identity} {fingerprint(secret)}")
    return GOOD


def run_list(given: argparse.Namespace) -> int:
    """`puhui keys list`."""
    try:
        for sender, keys in sorted(read_secrets(_path()).items()):
            for identity, secret in keys.items():
                print(f"{sender}: {identity} {fingerprint(secret)}")
    except WrongKeys as error:
        return _failed(str(error))
    return GOOD


def run_remove(given: argparse.Namespace) -> int:
    """`puhui keys remove`: 1 where there is no such key."""
    path, sender = _path(), sender_of(given.sender)
    try:
        known = read_secrets(path)
        if known.get(sender, {}).pop(given.key, None) is None:
            return _failed(f"{sender} has no key {given.key}", NEGATIVE)
        if not known[sender]:
            del known[sender]
        write_secrets(path, known)
    except (WrongKeys, OSError) as error:
        return _failed(str(error))
    return GOOD


def _path() -> Path:
    file = Settings.read().keys_file
    if not file:
        raise WrongSetting("PUHUI_KEYS_FILE: it names the file of the keys")
    return Path(file)


def _failed(why: str, status: int = FAILED) -> int:
    print(f"puhui: {why}", file=sys.stderr)
    return status
