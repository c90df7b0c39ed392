"""Who changed which target, institution, period, rule or key, and when, is a fact."""

import base64
import json
from datetime import date
from pathlib import Path

import pytest

from aggregates.store import open_store
from projections.basis import basis, change_basis, stored_basis
from projections.history import KINDS, history
from projections.rebuilding import rebuild
from puhui.cli import main
from puhui.keys import Keys, read_keys, read_secrets, write_secrets
from tests.desk import Desk, refused
from tests.events import OFFICE, Sender
from tests.examples import BANK, SHOP
from tests.figures import instant

SENDER = f"urn:puhui:inst:{BANK}"


def test_a_change_of_what_is_judged_by_is_stored_once(tmp_path: Path) -> None:
    url = f"sqlite:{tmp_path}/store.db"
    store = open_store(url)
    first, later = instant("2026-07-01"), instant("2026-07-02")
    assert change_basis(store, basis({}), "worker-1", first)
    assert not change_basis(store, basis({}), "worker-2", later)
    keys = Keys({SENDER: {"k1": bytes(32)}})
    assert change_basis(store, basis(keys.shown), "worker-2", later)
    assert change_basis(store, basis({}) | {("rule", "NprSwing"): "99"}, "worker-3", later)
    assert stored_basis(store)["rule", "NprSwing"] == "99"
    found = [(c.what, c.subject, c.by, c.said) for c in history(store) if c.known_at >= "2026-07-02"]
    assert found == [
        ("basis.key", SENDER, "worker-2", keys.shown[SENDER]), ("basis.key", SENDER, "worker-3", "gone"),
        ("basis.rule", "NprSwing", "worker-3", "99"),
    ]  # fmt: skip
    assert bytes(32).hex() not in repr(history(store))
    assert rebuild(url, processes=1).differences == 0


def test_a_key_that_is_made_changed_and_removed_says_whose_it_is_and_who_did_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file, store = tmp_path / "keys.json", open_store(f"sqlite:{tmp_path}/store.db")
    monkeypatch.setenv("PUHUI_KEYS_FILE", str(file))
    monkeypatch.setenv("PUHUI_STORE", f"sqlite:{tmp_path}/store.db")
    made: list[str] = []

    def done(who: str, *arguments: str, day: int) -> str:
        """What a worker stores when it next looks at the file."""
        monkeypatch.setenv("SUDO_USER", who)
        assert main(["keys", *arguments]) == 0
        keys = read_keys(file)
        change_basis(store, basis(keys.shown), "worker-1", instant(f"2026-07-0{day}"), keys.hands)
        made.extend(name for name in read_secrets(file)[0].get(SENDER, {}) if name not in made)
        return keys.shown.get(SENDER, "gone")

    add = ("add", BANK, "--copy")
    expected = [
        ("zhang", done("zhang", *add, str(tmp_path / "one"), day=1)),
        ("li", done("li", *add, str(tmp_path / "two"), day=2)),
        ("wang", done("wang", "remove", BANK, made[0], day=3)),
        ("zhao", done("zhao", "remove", BANK, made[1], day=4)),
    ]
    write_secrets(file, {SENDER: {"by-hand": bytes(32)}}, read_secrets(file)[1])
    by_hand = read_keys(file)
    change_basis(store, basis(by_hand.shown), "worker-1", instant("2026-07-05"), by_hand.hands)
    capsys.readouterr()
    assert main(["history", "--what", "basis.key", "--json"]) == 0
    said = capsys.readouterr().out
    found = json.loads(said)
    assert [(c["by"], c["said"]) for c in found] == [*expected, ("worker-1", by_hand.shown[SENDER])]
    assert [c["known_at"][:10] for c in found] == [f"2026-07-0{day}" for day in range(1, 6)]
    assert {c["subject"] for c in found} == {SENDER}
    assert all(f"{name} " in said for name in made)
    secrets = [*read_secrets(tmp_path / "one")[0][SENDER].values(), bytes(32)]
    assert not any(base64.b64encode(s).decode() in said or s.hex() in said for s in secrets)


def test_an_office_that_is_called_as_a_person_is_refused(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    told = desk.when(Sender(SHOP).registered() | {"source": "urn:puhui:gov:110101199003070003"})
    refused(told, "V42", "source")


def test_what_an_office_published_says_which_office(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = Desk(tmp_path, today="2024-07-02")
    target = {"key": "npr_swing_pct", "value": "25", "unit": "%", "valid_from": "2024-07-01", "scope": {}}
    desk.given(desk.bank.event("policy.target_set", "2024-07-01", **target) | {"source": OFFICE})
    monkeypatch.setenv("PUHUI_STORE", f"sqlite:{desk.path}")
    assert main(["history", "--what", "policy", "--json"]) == 0
    (change,) = json.loads(capsys.readouterr().out)
    assert (change["what"], change["known_at"][:10]) == ("policy.target_set", "2024-07-02")
    assert change["by"].startswith("urn:puhui:gov:")
    assert json.loads(change["said"])["value"] == "25"
    assert main(["history"]) == 0
    assert f"institution.registered  {BANK}  by urn:puhui:gov:" in capsys.readouterr().out
    assert main(["history", "--since", str(date(2024, 7, 3))]) == 0
    assert capsys.readouterr().out == ""


def test_a_kind_of_change_that_does_not_exist_is_refused_and_the_kinds_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PUHUI_STORE", f"sqlite:{Desk(tmp_path).path}")
    assert main(["history", "--what", "polcy", "--json"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    for named in ("polcy", "policy.target_set", "basis.key", "period.pinned", "records.archived"):
        assert named in said.err
    assert main(["history", "--what", "basis.", "--json"]) == 0  # a kind of which there is nothing
    assert json.loads(capsys.readouterr().out) == []


def test_every_kind_of_change_that_is_listed_can_be_asked_for(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    change_basis(desk.store, basis({SENDER: "k1"}), "worker-1", instant("2026-07-01"))
    found = {change.what for change in history(desk.store)}
    assert {"institution.registered", "basis.program", "basis.rule", "basis.policy", "basis.key"} == found
    assert found <= set(KINDS)
