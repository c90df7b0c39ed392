"""Who has a key must sign (V05): what is not signed, or signed by another, is refused and keeps nothing true out."""

import base64
import errno
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from projections.rules import unauthentic_findings
from projections.views import Figures, View
from puhui.cli import main
from puhui.contract.signing import SIGNATURE, Key, signed
from puhui.keys import Keys, WrongKeys, fingerprint, read_secrets, write_secrets
from puhui.settings import Settings, WrongSetting
from streams.authentic import COUNTED, Keyring
from streams.publishing import Unpublishable, signatures
from tests.desk import BANK, OTHER_BANK, SHOP, Desk, instant
from tests.events import OFFICE, Sender, message, yuan

SOURCE = f"urn:puhui:inst:{BANK}"
OLD, NEW, FOREIGN = (Key(name, name.encode() * 16) for name in ("old", "new", "foreign"))
KEYS = Keys({SOURCE: {"old": b"old" * 16, "new": b"new" * 16}})
Event = dict[str, Any]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk(tmp_path)
    desk.worker.intake.keys = KEYS
    return desk


def binary(event: Event) -> tuple[bytes, list[tuple[str, bytes]]]:
    """The event in binary mode: its data, and its attributes as headers."""
    attributes = [(f"ce_{name}", str(value).encode()) for name, value in event.items() if name != "data"]
    return json.dumps(event["data"]).encode(), attributes


def test_the_signature_is_hmac_over_the_value_and_in_binary_mode_over_the_attributes_before_it() -> None:
    key = Key("k1", b"0123456789abcdef0123456789abcdef")
    # printf '{}' | openssl dgst -sha256 -hmac 0123456789abcdef0123456789abcdef
    expected = b"k1:b326604c0dc7364c8b688556189c0a510e5150cd4628736be814c7c9898f899d"
    assert key.signature(b"{}") == expected
    headers = [("ce_type", b"t"), ("other", b"o"), ("ce_id", b"i"), (SIGNATURE, b"s")]
    assert signed(b"{}", headers) == b"ce_id\0i\0ce_type\0t\0{}"


@pytest.mark.parametrize("key", [OLD, NEW])
def test_either_of_two_keys_is_good_in_both_modes(desk: Desk, key: Key) -> None:
    value = message(desk.bank.issued("A", SHOP, "2024-03-01", yuan(1000))).value
    told = desk.record(value, headers=[(SIGNATURE, key.signature(value))])
    assert dict(told.counts) == {("accepted", ""): 1}
    value, attributes = binary(desk.bank.issued("B", SHOP, "2024-03-01", yuan(1000)))
    told = desk.record(value, headers=[*attributes, (SIGNATURE, key.signature(value, attributes))])
    assert dict(told.counts) == {("accepted", ""): 1}


def signed_by(key: Key, value: bytes) -> list[tuple[str, bytes]]:
    return [(SIGNATURE, key.signature(value))]


@pytest.mark.parametrize(
    ("sign", "case"),
    [
        (lambda value: [], "unsigned"),
        (lambda value: [(SIGNATURE, b"")], "wrongly_signed"),
        (lambda value: [(SIGNATURE, None)], "wrongly_signed"),
        (lambda value: [(SIGNATURE, b"old\0:" + b"x" * 5000)], "wrongly_signed"),
        (lambda value: [(SIGNATURE, b"old:\xff")], "wrongly_signed"),
        (lambda value: signed_by(FOREIGN, value), "wrongly_signed"),
        (lambda value: signed_by(Key("old", b"new" * 16), value), "wrongly_signed"),
        (lambda value: signed_by(OLD, value + b" "), "wrongly_signed"),
    ],
)
def test_what_its_source_has_not_signed_is_refused_and_counted_and_keeps_the_true_event_not_out(
    desk: Desk, sign: Callable[[bytes], list[tuple[str, bytes | None]]], case: str
) -> None:
    value = message(desk.bank.issued("A", SHOP, "2024-03-01", yuan(1000))).value
    told = desk.record(value, headers=sign(value))
    assert dict(told.counts) == {("refused", "V05"): 1, (COUNTED, case): 1}
    answer = told.rejection
    assert (answer["rule"], answer["case"], answer["field"]) == ("V05", case, SIGNATURE)
    assert "签名" in answer["reason"]["zh"]
    assert "sign" in answer["reason"]["en"]
    assert dict(desk.record(value, headers=signed_by(NEW, value)).counts) == {("accepted", ""): 1}
    assert desk.balance("A") == yuan(1000)


def test_attributes_cannot_be_exchanged_under_a_signature(desk: Desk) -> None:
    value, attributes = binary(desk.bank.issued("A", SHOP, "2024-03-01", yuan(1000)))
    signature = (SIGNATURE, OLD.signature(value, attributes))
    exchanged = [(name, b"again" if name == "ce_id" else content) for name, content in attributes]
    told = desk.record(value, headers=[*exchanged, signature])
    assert told.counts[COUNTED, "wrongly_signed"] == 1
    value = message(desk.bank.issued("B", SHOP, "2024-03-01", yuan(1000))).value
    told = desk.record(value, headers=[*signed_by(OLD, value), ("ce_id", b"another")])
    assert "accepted" not in {result for result, _ in told.counts}


def test_who_has_no_key_need_not_sign(desk: Desk) -> None:
    other = Sender(OTHER_BANK)
    desk.given(other.registered(), other.issued("A", SHOP, "2024-03-01", yuan(1000)))


def test_another_institution_cannot_send_with_its_own_key(desk: Desk) -> None:
    desk.worker.intake.keys = Keys(
        {SOURCE: {"old": b"old" * 16}, f"urn:puhui:inst:{OTHER_BANK}": {"f": b"f" * 32}}
    )
    value = message(desk.bank.issued("A", SHOP, "2024-03-01", yuan(1000))).value
    told = desk.record(value, headers=[(SIGNATURE, Key("f", b"f" * 32).signature(value))])
    assert told.counts[COUNTED, "wrongly_signed"] == 1


def test_as_soon_as_one_office_has_a_key_no_office_is_believed_without(desk: Desk) -> None:
    desk.worker.intake.keys = Keys({OFFICE: {"old": b"old" * 16}})
    event = desk.bank.registered()
    for source in (OFFICE, f"{OFFICE}-of-nobody"):
        told = desk.record(message(event | {"source": source}).value, topic="registry-events")
        assert told.counts[COUNTED, "unsigned"] == 1
    value = message(event).value
    told = desk.record(value, topic="registry-events", headers=signed_by(OLD, value))
    assert dict(told.counts) == {("accepted", ""): 1}


def test_the_operator_is_alerted(desk: Desk) -> None:
    value = message(desk.bank.issued("A", SHOP, "2024-03-01", yuan(1000))).value
    desk.record(value)
    desk.record(value)
    hour = instant(desk.today) // 3_600_000_000
    (found,) = unauthentic_findings(Figures(desk.store), hour - 1, hour + 1, View(0))
    assert (found.rule, found.subject, found.evidence.value) == ("UnauthenticEvents", BANK, "2")


def test_published_lines_are_signed_and_one_without_a_key_is_not_sent() -> None:
    line = message(Sender(BANK).registered() | {"source": SOURCE}).value
    assert signatures(KEYS, line) == signed_by(NEW, line)
    assert signatures(Keys(), line) == []
    with pytest.raises(Unpublishable):
        signatures(KEYS, message(Sender(BANK).registered()).value)


# the file


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "keys.json"
    monkeypatch.setenv("PUHUI_KEYS_FILE", str(file))
    return file


def test_keys_are_made_listed_and_removed_and_never_shown(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copies = [tmp_path / f"copy-{number}" for number in range(3)]
    assert [main(["keys", "add", BANK, "--copy", str(copy)]) for copy in copies] == [0, 0, 1]
    assert main(["keys", "add", OFFICE, "--copy", str(copies[0])]) == 1
    known = read_secrets(file)[0][SOURCE]
    assert {**read_secrets(copies[0])[0][SOURCE], **read_secrets(copies[1])[0][SOURCE]} == known
    assert stat.S_IMODE(file.stat().st_mode) == stat.S_IMODE(copies[0].stat().st_mode) == 0o600
    first, second = known
    assert main(["keys", "list"]) == 0
    assert main(["keys", "remove", BANK, first]) == 0
    assert main(["keys", "remove", BANK, first]) == 1
    assert list(read_secrets(file)[0][SOURCE]) == [second]
    shown = "".join(capsys.readouterr())
    assert all(identity in shown and fingerprint(secret) in shown for identity, secret in known.items())
    assert not any(base64.b64encode(s).decode() in shown or s.hex() in shown for s in known.values())


def test_a_file_that_cannot_be_kept_its_owners_is_named_and_nothing_is_left_behind(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a container, whose process may give a file to nobody."""
    write_secrets(file, {SOURCE: {"old": b"old" * 16}})

    def forbidden(handle: int, user: int, group: int) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "fchown", forbidden)
    assert main(["keys", "add", BANK, "--copy", str(tmp_path / "copy")]) == 3
    assert f"{file} cannot be written: Operation not permitted" in capsys.readouterr().err
    assert [each.name for each in tmp_path.iterdir()] == [file.name]
    assert list(read_secrets(file)[0][SOURCE]) == ["old"]


@pytest.mark.parametrize(
    ("content", "mode"),
    [
        (b"{", 0o600),
        (b"[]", 0o600),
        (b'{"somebody": {"a": "%s"}}', 0o600),
        (b'{"urn:puhui:inst:A": {}}', 0o600),
        (b'{"urn:puhui:inst:A": {"a": "%s", "b": "%s", "c": "%s"}}', 0o600),
        (b'{"urn:puhui:inst:A": {"a:b": "%s"}}', 0o600),
        (b'{"urn:puhui:inst:A": {"a": "c2hvcnQ="}}', 0o600),
        (b'{"changed": {"urn:puhui:inst:A": "zhang"}}', 0o600),
        (b'{"urn:puhui:inst:A": {"a": "%s"}}', 0o604),
        (b'{"urn:puhui:inst:A": {"a": "%s"}}', 0o620),
    ],
)
def test_a_file_that_cannot_be_used_stops_the_worker_and_is_named(
    file: Path, content: bytes, mode: int
) -> None:
    secret = base64.b64encode(b"s" * 32)
    file.write_bytes(content.replace(b"%s", secret))
    file.chmod(mode)
    with pytest.raises(WrongSetting, match=r"^PUHUI_KEYS_FILE: ") as wrong:
        Keyring(Settings.read())
    assert str(file) in str(wrong.value)
    assert secret.decode() not in str(wrong.value)
    with pytest.raises(WrongKeys):
        read_secrets(file)


def test_a_file_without_a_key_is_said_to_make_nobody_sign(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_secrets(file, {})
    with caplog.at_level("INFO", "puhui"):
        Keyring(Settings.read())
    assert caplog.messages == ["who must sign: nobody"]


def test_a_changed_file_is_read_again_and_a_broken_one_leaves_the_keys_as_they_were(
    file: Path, desk: Desk
) -> None:
    write_secrets(file, {SOURCE: {"old": b"old" * 16}})
    keyring = Keyring(Settings.read())
    assert newest(desk, keyring) == "old"
    write_secrets(file, {SOURCE: {"old": b"old" * 16, "new": b"new" * 16}})
    assert newest(desk, keyring) == "new"
    file.write_bytes(b"")
    assert newest(desk, keyring) == "new"


def newest(desk: Desk, keyring: Keyring) -> str:
    """The key of the bank after a look at the file."""
    keyring.look(desk.worker.intake)
    key = desk.worker.intake.keys.newest(SOURCE)
    return key.id if key is not None else ""
