"""Dashboards are what Grafana of today reads: React panels, each with its words, drawn from the table of metrics."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from dashboards.alerting import prometheus_alerts
from dashboards.commands import all_dashboards
from dashboards.style import SCHEMA, as_json, metric
from projections.metrics import MEASURES, SERIES
from puhui.cli import main

REACT = {"barchart", "bargauge", "stat", "table", "timeseries"}
WORD = re.compile(r"\b(?:puhui|process)_\w+")
RECORDED = re.compile(r"\bjob:[\w:]+")
CHINESE = re.compile("[\u4e00-\u9fff]")
ENTRIES = {rule["alert"].lower() for group in prometheus_alerts("")["groups"] for rule in group["rules"]}
"""The headings of the runbook for alerts about the system."""


def board(name: str) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(as_json(all_dashboards()[name]()))
    return made


def panels(name: str) -> list[dict[str, Any]]:
    return [panel for panel in board(name)["panels"] if panel["type"] != "row"]


def expressions() -> list[str]:
    return [t["expr"] for name in all_dashboards() for panel in panels(name) for t in panel["targets"]]


EVERY = [
    pytest.param(p, id=f"{name}/{p['title']}/{p['id']}") for name in all_dashboards() for p in panels(name)
]


@pytest.mark.parametrize("panel", EVERY)
def test_a_panel_is_drawn_with_react_and_says_what_it_shows(panel: dict[str, Any]) -> None:
    assert panel["type"] in REACT
    assert CHINESE.search(panel["title"])
    assert CHINESE.search(panel["description"])
    assert panel["description"].endswith("。")
    assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["fieldConfig"]["defaults"]["thresholds"]["steps"][0]["value"] is None


@pytest.mark.parametrize("panel", EVERY)
def test_a_panel_asks_with_expressions_of_its_data_source(panel: dict[str, Any]) -> None:
    assert panel["targets"]
    assert [t["refId"] for t in panel["targets"]] == sorted({t["refId"] for t in panel["targets"]})
    for target in panel["targets"]:
        assert target["datasource"] == panel["datasource"]
        assert target["instant"] != target["range"]
        assert target["instant"] == (panel["type"] != "timeseries")


@pytest.mark.parametrize("panel", EVERY)
def test_a_column_has_a_name_and_a_unit_of_its_own(panel: dict[str, Any]) -> None:
    if panel["type"] == "table":
        named = {o["matcher"]["options"] for o in panel["fieldConfig"]["overrides"]}
        assert {t["legendFormat"] for t in panel["targets"]} <= named - {""}


@pytest.mark.parametrize("name", list(all_dashboards()))
def test_a_dashboard_is_of_the_schema_that_nothing_migrates(name: str) -> None:
    made = board(name)
    assert (made["uid"], made["schemaVersion"]) == (name, SCHEMA)
    assert SCHEMA >= 39
    assert CHINESE.search(made["title"])
    assert made["templating"]["list"][0]["name"] == "datasource"
    assert len({panel["id"] for panel in made["panels"]}) == len(made["panels"])


@pytest.mark.parametrize("name", list(all_dashboards()))
def test_no_two_panels_lie_upon_each_other(name: str) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in board(name)["panels"]:
        grid = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(grid["x"], grid["x"] + grid["w"])
            for y in range(grid["y"], grid["y"] + grid["h"])
        }
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells


def test_every_metric_that_is_used_is_in_the_table() -> None:
    words = {word for e in expressions() for word in WORD.findall(RECORDED.sub("", e))}
    variables = [json.dumps(board(name)["templating"]) for name in all_dashboards()]
    assert words | {word for text in variables for word in WORD.findall(text)} <= set(SERIES)
    assert len(words) > 40


def test_every_variable_that_is_used_is_there() -> None:
    for name in all_dashboards():
        there = {variable["name"] for variable in board(name)["templating"]["list"]}
        used = {
            u for panel in panels(name) for t in panel["targets"] for u in re.findall(r"\$(\w+)", t["expr"])
        }
        assert used - {"__rate_interval"} <= there


def test_the_renewals_of_a_quarter_are_all_drawn() -> None:
    drawn = {
        word
        for panel in panels("puhui-renewals")
        for t in panel["targets"]
        for word in WORD.findall(t["expr"])
    }
    asked = {
        m.official.name for m in MEASURES if m.name.startswith("npr_") and m.number in ("I21", "I22", "I23")
    }
    assert asked - drawn == {"puhui_official_npr_loans"}  # live only


def test_a_metric_or_a_label_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(KeyError):
        metric("npr_balance_fen")
    with pytest.raises(KeyError):
        metric("npr_balance_yuan", period="2024Q1")


def test_the_same_files_are_written_every_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dashboards", "--out", str(tmp_path / "one" / "two")]) == 0
    written = capsys.readouterr().out.split()
    assert main(["dashboards", "--out", str(tmp_path / "again")]) == 0
    assert [Path(path).name for path in written] == [
        "puhui-overview.json",
        "puhui-renewals.json",
        "puhui-operation.json",
    ]
    for path in map(Path, written):
        text = path.read_text("utf-8")
        assert text == (tmp_path / "again" / path.name).read_text("utf-8")
        assert json.loads(text)["title"].startswith("普惠")


def test_a_folder_that_cannot_be_written_is_a_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert main(["dashboards", "--out", str(tmp_path / "file")]) == 3
    assert "cannot be written" in capsys.readouterr().err


def test_the_first_panels_say_whether_all_is_well_and_each_leads_to_what_is_to_be_done() -> None:
    made = json.loads(as_json(all_dashboards("https://puhui.example/runbook")["puhui-operation"]()))
    _, verdict, *stats = [p for p in made["panels"] if p["gridPos"]["y"] < 5]
    assert verdict["title"] == "结论"
    assert [*{p["type"] for p in stats}] == ["stat"]
    for panel in (verdict, *stats):
        (link,) = panel["links"]
        assert link["url"].startswith("https://puhui.example/runbook#")
        assert link["url"].partition("#")[2] in ENTRIES


def test_every_alert_that_fires_is_told_in_chinese_and_leads_to_its_heading() -> None:
    made = json.loads(as_json(all_dashboards("https://puhui.example/runbook")["puhui-operation"]()))
    (told,) = [p for p in made["panels"] if p["title"] == "正在告警"]
    assert set(re.findall(r'"entry", "(\w+)"', told["targets"][0]["expr"])) == ENTRIES
    found = {
        (o["matcher"]["options"], p["id"]): p["value"]
        for o in told["fieldConfig"]["overrides"]
        for p in o["properties"]
    }
    words = found["告警", "mappings"][0]["options"]
    assert {name.lower() for name in words} >= ENTRIES
    assert all(CHINESE.search(word["text"]) for word in words.values())
    assert found["处置", "links"][0]["url"] == "https://puhui.example/runbook#${__value.raw}"
