"""The command `keys`: keys by which senders sign; a key itself goes to files only."""

import argparse
from pathlib import Path

from puhui.commands import GOOD, NEGATIVE, STATUSES, Commands, command, failed, operator
from puhui.keys import MOST, WrongKeys, fingerprint, new_key, read_secrets, sender_of, shown, write_secrets
from puhui.settings import Settings, WrongSetting


def add(commands: Commands) -> None:
    """Add the commands of this module."""
    what = "make, list and remove the keys by which events are signed (PUHUI_KEYS_FILE)"
    keys = commands.add_parser(
        "keys", help=what, description=f"{what[0].upper()}{what[1:]}.", epilog=STATUSES
    )
    actions = keys.add_subparsers(title="actions", metavar="ACTION", required=True)
    whose = "its 统一社会信用代码, or a whole source (urn:puhui:gov:…)"
    made = command(actions, "add", run_add, "make a key; from then on the sender must sign")
    made.add_argument("sender", help=whose)
    made.add_argument(
        "--copy", metavar="FILE", required=True, help="a new file with this key, for the sender"
    )
    command(actions, "list", run_list, "list senders, ids and fingerprints")
    removed = command(actions, "remove", run_remove, "remove a key; who has none left need not sign")
    removed.add_argument("sender", help=whose)
    removed.add_argument("key", help="the id of the key")


def run_add(given: argparse.Namespace) -> int:
    """`puhui keys add`: 1 where the sender has two keys already."""
    path, sender, copy = _path(), sender_of(given.sender), Path(given.copy)
    try:
        known, hands = read_secrets(path) if path.exists() else ({}, {})
        keys = known.setdefault(sender, {})
        if len(keys) >= MOST:
            return failed(f"{sender} has {MOST} keys: remove the older one first", NEGATIVE)
        if copy.exists():
            return failed(f"{copy} is there already", NEGATIVE)
        identity, secret = new_key()
        keys[identity] = secret
        write_secrets(copy, {sender: {identity: secret}})
        try:
            write_secrets(path, known, hands | {sender: (operator(), shown(keys))})
        except WrongKeys:
            copy.unlink()  # a key that nobody knows
            raise
    except (WrongKeys, OSError) as error:
        return failed(error)
    print(f"{sender}: {identity} {fingerprint(secret)}")
    return GOOD


def run_list(given: argparse.Namespace) -> int:
    """`puhui keys list`."""
    try:
        for sender, keys in sorted(read_secrets(_path())[0].items()):
            for identity, secret in keys.items():
                print(f"{sender}: {identity} {fingerprint(secret)}")
    except WrongKeys as error:
        return failed(error)
    return GOOD


def run_remove(given: argparse.Namespace) -> int:
    """`puhui keys remove`: 1 where there is no such key."""
    path, sender = _path(), sender_of(given.sender)
    try:
        known, hands = read_secrets(path)
        if known.get(sender, {}).pop(given.key, None) is None:
            return failed(f"{sender} has no key {given.key}", NEGATIVE)
        hands |= {sender: (operator(), shown(known[sender]))}
        if not known[sender]:
            del known[sender]
        write_secrets(path, known, hands)
    except (WrongKeys, OSError) as error:
        return failed(error)
    return GOOD


def _path() -> Path:
    file = Settings.read().keys_file
    if not file:
        raise WrongSetting("PUHUI_KEYS_FILE: it names the file of the keys")
    return Path(file)
