"""The nightly audit of ids: what V02 cannot see when it comes, because it is about another subject."""

import json
from pathlib import Path

import pytest

from puhui.cli import main
from tests.desk import BANK, SHOP, Desk, accepted


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    it = Desk(tmp_path)
    it.given(it.bank.issued("A", SHOP, "2024-03-01", 100) | {"id": "7"})
    monkeypatch.setenv("PUHUI_STORE", f"sqlite:{it.path}")
    monkeypatch.setenv("PUHUI_ENVIRONMENT", "test")
    return it


def test_an_id_used_for_two_subjects_is_found_with_both(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    accepted(desk.when(desk.bank.issued("B", SHOP, "2024-03-02", 500) | {"id": "7"}))
    accepted(desk.when(desk.bank.line(SHOP, 10_000, since="2024-06-28") | {"id": "7"}))
    assert main(["audit", "--json"]) == 1
    (found,) = json.loads(capsys.readouterr().out)
    uses = [(use["fact"], use["subject"], use["business_date"]) for use in found["uses"]]
    assert found["institution"] == BANK
    assert uses == [
        ("LoanIssued", "A", "2024-03-01"), ("LoanIssued", "B", "2024-03-02"), ("LineSet", SHOP, "2024-06-28")
    ]  # fmt: skip
    assert main(["audit"]) == 1
    assert capsys.readouterr().out.endswith("1 ids were used for several subjects\n")


def test_one_event_about_several_loans_and_a_repeat_are_no_reuse(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.given(desk.bank.issued("B", SHOP, "2024-06-20", 500))
    terms = {"mode": "policy", "effective_on": "2024-06-25"}
    both = desk.bank.reclassified(["A", "B"], "2024-06-25", "new", "no_principal_renewal", **terms)
    desk.given(both)
    assert desk.when(both).result == "repeated"
    assert main(["audit"]) == 0
    assert capsys.readouterr().out == "no ids were used for several subjects\n"
