"""Official figures of closed periods, restatements beside them, and the command that shows figures."""

import json
from pathlib import Path

import pytest

from projections.figure import COUNTY
from projections.official import differences, official
from puhui.cli import main
from tests import examples
from tests.events import OFFICE, Sender, yuan
from tests.examples import BANK
from tests.figures import County, county, instant, value


def reversed_late(path: Path) -> County:
    """The reversal of a repayment across a quarter end, each fact known when the example says."""
    events = examples.reversal_across_a_quarter_end()
    it = county(path, events[:3], "2024-01-02")
    it.take(events[3:4], "2024-06-26")
    it.take(events[4:], "2024-08-02")
    return it


def approve(it: County, known: str) -> None:
    event = Sender(BANK, _sent=900).event(
        "restatement.approved", known, period="2024Q2", approved_by="县金融办"
    )
    it.take([event | {"source": OFFICE}], known)


def test_a_reversal_across_a_quarter_end_leaves_the_pinned_figure(tmp_path: Path) -> None:
    it = reversed_late(tmp_path)
    assert value(it.figure("I21", BANK, "2024-06-30", "2024-07-20")) == yuan(30_000_000)
    assert value(it.figure("I21", BANK, "2024-06-30", "2024-08-03")) == yuan(32_000_000)
    found = official(it.figures, BANK, "2024Q2")
    assert (found.state, len(found.restatements)) == ("pinned", 1)
    assert value(it.figure("I22", BANK, "2024-06-30")) == 0
    rows = {(row.number, row.part): row for row in differences(it.figures, found)}
    assert rows["I21", ""].official.value == yuan(30_000_000)
    assert rows["I21", ""].difference == yuan(2_000_000)
    assert rows["I22", ""].official.exact == "-0.0625"


def test_an_approval_makes_the_restated_figure_official(tmp_path: Path) -> None:
    it = reversed_late(tmp_path)
    approve(it, "2024-08-09")
    found = official(it.figures, BANK, "2024Q2")
    assert (found.state, found.restatements) == ("restated", ())
    assert differences(it.figures, found) == []
    before = official(it.figures, BANK, "2024Q2", instant("2024-08-08"))
    assert (before.state, len(before.restatements)) == ("pinned", 1)
    of_county = official(it.figures, COUNTY, "2024Q2")
    assert (of_county.state, differences(it.figures, of_county)) == ("restated", [])


def test_both_ends_of_the_next_quarter_are_of_one_view(tmp_path: Path) -> None:
    it = reversed_late(tmp_path)
    found = official(it.figures, BANK, "2024Q3", instant("2024-10-20"))
    assert found.state == "pinned"
    change = it.figure("I22", BANK, "2024-09-30", "2024-10-18")
    assert (value(change), value(change, "base")) == (0, yuan(32_000_000))


def test_a_period_is_provisional_until_it_closes_and_history_is_not_pinned(tmp_path: Path) -> None:
    it = reversed_late(tmp_path)
    assert official(it.figures, BANK, "2024Q2", instant("2024-07-17T23:59:59")).state == "provisional"
    for subject in (BANK, COUNTY):
        assert official(it.figures, subject, "2024Q2", instant("2024-07-18T00:00:00")).state == "pinned"
    assert official(it.figures, BANK, "2023Q3").state == "history"


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> County:
    it = reversed_late(tmp_path)
    monkeypatch.setenv("PUHUI_STORE", f"sqlite:{tmp_path / 'county.db'}")
    return it


def test_the_command_answers_as_json(stored: County, capsys: pytest.CaptureFixture[str]) -> None:
    asked = [
        "figures",
        "--institution",
        BANK,
        "--indicator",
        "npr_balance",
        "--as-of",
        "2024-06-30",
        "--json",
    ]
    assert main([*asked, "--known-at", "2024-07-20"]) == 0
    then = json.loads(capsys.readouterr().out)[0]
    assert (then["number"], then["as_of"], then["value"], then["unit"]) == (
        "I21",
        "2024-06-30",
        3_000_000_000,
        "fen",
    )
    assert (then["institution"], then["reason"]) == (BANK, None)
    assert then["known_at"] == "2024-07-20T23:59:59.999999+08:00"
    assert main(asked) == 0
    assert json.loads(capsys.readouterr().out)[0]["value"] == 3_200_000_000


def test_the_command_writes_for_people(stored: County, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["figures", "--institution", BANK, "--as-of", "2024-06-30", "--known-at", "2024-07-20"]) == 0
    text = capsys.readouterr().out
    assert "3,000.00万元" in text
    assert "下降6.3%" in text
    assert "未提供" in text
    assert main(["figures", "--bridge", "--institution", COUNTY, "--as-of", "2024-06-30"]) == 0
    assert "其中续了又续" in capsys.readouterr().out


def test_the_command_shows_the_last_complete_day(stored: County, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["figures", "--indicator", "I21", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["institution"] for row in rows} == {COUNTY, BANK}
    assert {row["as_of"] for row in rows} == {"2024-06-24"}


def test_the_command_refuses_what_does_not_exist(stored: County, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["figures", "--indicator", "I99"]) == 2
    assert "I99" in capsys.readouterr().err
    assert main(["figures", "--institution", "zz"]) == 2
    assert f"no institution is registered as zz: county, {BANK}" in capsys.readouterr().err
