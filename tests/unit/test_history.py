"""Who changed which target, institution, period, rule or key, and when, is a fact."""

import json
from datetime import date
from pathlib import Path

import pytest

from aggregates.store import open_store
from projections.basis import basis, change_basis, stored_basis
from projections.history import history
from projections.rebuilding import rebuild
from puhui.cli import main
from puhui.keys import Keys
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
