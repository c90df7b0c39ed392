"""What Prometheus makes of what the workers show: each alert fires when it should, and not before."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from dashboards.alerting import BURNS, late, prometheus_alerts, prometheus_rules
from projections.rules import RULE_BOOK
from puhui.cli import main
from tests.promtool import Scene

RUNBOOK: Final = Path(__file__).parents[2] / "docs" / "runbook.md"
ONE: Final = 'job="puhui", instance="one"'
OTHER: Final = 'job="puhui", instance="other"'
BANK: Final = f'{ONE}, institution="bank"'
CHINESE: Final = re.compile("[\u4e00-\u9fff]")
ALERTS: Final = [rule for group in prometheus_alerts("runbook.md")["groups"] for rule in group["rules"]]

Play = Callable[[Scene], None]


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("provisioned")
    assert main(["dashboards", "--out", str(folder / "dashboards"), "--rules", str(folder / "rules")]) == 0
    return folder / "rules"


@pytest.fixture
def play(promtool: Path, rules: Path, tmp_path: Path) -> Play:
    return lambda scene: scene.play(promtool, rules, tmp_path)


def delays(good: str, every: str) -> dict[str, str]:
    """Events in the figures within a second, and all of them."""
    return {
        f'puhui_event_delay_seconds_bucket{{{ONE}, le="1.0"}}': good,
        f"puhui_event_delay_seconds_count{{{ONE}}}": every,
    }


# the chain, and the workers


def test_the_watchdog_always_fires(play: Play) -> None:
    play(Scene({}).fires("Watchdog", "0m").fires("Watchdog", "60m"))


def test_a_worker_that_does_not_answer_is_down_after_two_minutes(play: Play) -> None:
    it = Scene({f"up{{{ONE}}}": "1x10 0x10", f"up{{{OTHER}}}": "1x20"})
    play(it.silent("PuhuiDown", "12m").fires("PuhuiDown", "13m"))


def test_workers_of_whom_nothing_is_known_at_all_are_down(play: Play) -> None:
    play(Scene({}).silent("PuhuiDown", "1m").fires("PuhuiDown", "2m"))


def test_a_worker_that_stands_still_is_told_after_a_minute_and_no_longer_when_it_moves(play: Play) -> None:
    it = Scene({f"puhui_healthy{{{ONE}}}": "1x10 0x5 1x5"})
    play(it.silent("PuhuiStalled", "11m").fires("PuhuiStalled", "13m").silent("PuhuiStalled", "18m"))


def test_a_worker_may_take_five_minutes_to_be_ready(play: Play) -> None:
    play(Scene({f"puhui_ready{{{ONE}}}": "0x10"}).silent("PuhuiNotReady", "4m").fires("PuhuiNotReady", "6m"))


def test_a_third_start_within_half_an_hour_is_told(play: Play) -> None:
    it = Scene({f"process_start_time_seconds{{{ONE}}}": "1x9 2x9 3x9 4x60"})
    play(it.silent("PuhuiRestarts", "29m").fires("PuhuiRestarts", "31m").silent("PuhuiRestarts", "70m"))


def test_a_group_that_shares_out_its_partitions_again_and_again_is_told(play: Play) -> None:
    calm, restless = f"puhui_assignments_total{{{ONE}}}", f"puhui_assignments_total{{{OTHER}}}"
    play(
        Scene({calm: "1x40", restless: "0+1x40"})
        .silent("PuhuiRebalances", "4m")
        .fires("PuhuiRebalances", "30m")
    )


def test_figures_may_be_ten_minutes_old_and_no_more(play: Play) -> None:
    it = Scene({f"puhui_figures_updated_timestamp_seconds{{{ONE}}}": "0+60x20 1200x30"})
    play(it.silent("PuhuiFiguresStale", "34m").fires("PuhuiFiguresStale", "37m"))


# intake


def test_an_event_that_waits_for_ten_minutes_is_told(play: Play) -> None:
    it = Scene(
        {f'puhui_oldest_unprocessed_seconds{{{ONE}, topic="loan-events", partition="0"}}': "0x5 0+60x20"}
    )
    play(it.silent("PuhuiEventsWait", "15m").fires("PuhuiEventsWait", "18m"))


def test_a_bank_of_whose_events_many_are_refused_is_told_and_another_is_not(play: Play) -> None:
    it = Scene(
        {
            f'puhui_events_total{{{BANK}, result="accepted"}}': "0+100x120",
            f'puhui_events_total{{{BANK}, result="refused"}}': "0+10x120",
            f'puhui_events_total{{{ONE}, institution="calm", result="accepted"}}': "0+100x120",
            f'puhui_events_total{{{ONE}, institution="calm", result="refused"}}': "0+1x120",
            f'puhui_events_total{{{ONE}, institution="tiny", result="accepted"}}': "0+0x120",
            f'puhui_events_total{{{ONE}, institution="tiny", result="refused"}}': "0x60 5x60",
        }
    )
    play(
        it.silent("PuhuiEventsRefused", "10m")
        .fires("PuhuiEventsRefused", "60m")
        .fires("PuhuiEventsRefused", "90m")
    )


def test_one_event_that_is_not_signed_as_it_must_be_is_told_at_once_and_for_an_hour(play: Play) -> None:
    it = Scene(
        {
            f'puhui_unauthentic_events_total{{{BANK}, kind="unsigned"}}': "0x10 1x100",
            f'puhui_unauthentic_events_total{{{ONE}, institution="calm", kind="unsigned"}}': "3x110",
        }
    )
    it.silent("PuhuiEventsUnauthentic", "10m").fires("PuhuiEventsUnauthentic", "12m")
    play(
        it.fires("PuhuiEventsUnauthentic", "60m", institution="bank").silent("PuhuiEventsUnauthentic", "72m")
    )


def test_what_waits_for_hours_is_told(play: Play) -> None:
    it = Scene({f"puhui_parked_events{{{BANK}}}": "101x50"}, "10m")
    play(it.silent("PuhuiEventsParked", "5h").fires("PuhuiEventsParked", "6h"))


# judging, and what leaves


def test_one_worker_has_to_judge(play: Play) -> None:
    it = Scene({f"puhui_presides{{{ONE}}}": "1x10 0x10", f"puhui_presides{{{OTHER}}}": "0x20"})
    play(it.silent("PuhuiNobodyJudges", "10m").fires("PuhuiNobodyJudges", "13m"))


def test_the_judge_may_change(play: Play) -> None:
    it = Scene({f"puhui_presides{{{ONE}}}": "1x10 0x10", f"puhui_presides{{{OTHER}}}": "0x10 1x10"})
    play(it.silent("PuhuiNobodyJudges", "13m").silent("PuhuiNobodyJudges", "20m"))


def test_alerts_that_rest_on_old_figures_are_told(play: Play) -> None:
    it = Scene({f"puhui_judged_timestamp_seconds{{{ONE}}}": "0+60x20 1200x30"})
    play(it.silent("PuhuiJudgingBehind", "34m").fires("PuhuiJudgingBehind", "37m"))


def test_an_alertmanager_that_takes_nothing_is_told_after_five_minutes(play: Play) -> None:
    waiting = "puhui_alertmanager_waiting_notices"
    it = Scene(
        {
            f'{waiting}{{{ONE}, alertmanager="a:9093"}}': "3x20",
            f'{waiting}{{{ONE}, alertmanager="b:9093"}}': "3 0x20",
        }
    )
    play(it.silent("PuhuiAlertsUndelivered", "4m").fires("PuhuiAlertsUndelivered", "6m"))


def test_messages_that_wait_while_others_leave_are_no_alert(play: Play) -> None:
    def topic(name: str, sent: str) -> dict[str, str]:
        labels = f'{{{ONE}, topic="{name}"}}'
        return {f"puhui_outbox_messages{labels}": "5x30", f"puhui_sent_messages_total{labels}": sent}

    it = Scene(topic("rejected-events", "0+1x30") | topic("alerts", "7x30"))
    play(it.silent("PuhuiMessagesUndelivered", "9m").fires("PuhuiMessagesUndelivered", "21m"))


def test_a_channel_that_fails_is_told(play: Play) -> None:
    failed = 'alertmanager_notifications_failed_total{job="alertmanager", integration='
    it = Scene({f'{failed}"email"}}': "0x5 0+1x30", f'{failed}"webhook"}}': "4x35"})
    play(it.silent("PuhuiNotificationsFail", "6m").fires("PuhuiNotificationsFail", "15m"))


# the objective


def test_the_share_of_late_events_is_recorded_over_every_window(play: Play) -> None:
    it = Scene(delays("0+97x90", "0+100x90"))
    for window in ("5m", "1h", "3d"):
        it.says(f"round({late(window)} * 100)", "80m", [{"labels": '{job="puhui"}', "value": 3}])
    play(it)


def test_where_nothing_comes_in_nothing_burns(play: Play) -> None:
    play(Scene(delays("0x100", "0x100")).silent("PuhuiFreshnessBudgetBurns", "90m"))


def test_ninety_nine_of_a_hundred_in_time_is_good_enough_for_ever(play: Play) -> None:
    play(Scene(delays("0+9901x320", "0+10000x320"), "4m").silent("PuhuiFreshnessBudgetBurns", "20h"))


def test_a_fifth_of_all_events_too_late_is_told_within_minutes(play: Play) -> None:
    it = Scene(delays("0+100x60 6000+80x60", "0+100x120"))
    it.silent("PuhuiFreshnessBudgetBurns", "61m").silent("PuhuiFreshnessBudgetBurns", "90m", window="1h")
    play(
        it.fires("PuhuiFreshnessBudgetBurns", "110m", window="1h").fires(
            "PuhuiFreshnessBudgetBurns", "110m", window="6h"
        )
    )


def test_what_is_over_wakes_nobody_any_more(play: Play) -> None:
    it = Scene(delays("0+100x60 6000x30 6000+100x60", "0+100x150"))
    it.fires("PuhuiFreshnessBudgetBurns", "90m", 2, severity="critical")
    play(it.silent("PuhuiFreshnessBudgetBurns", "130m", severity="critical"))


def test_a_slow_leak_is_told_in_the_end_and_wakes_nobody(play: Play) -> None:
    it = Scene(delays("0+985x320", "0+1000x320"), "4m")
    it.silent("PuhuiFreshnessBudgetBurns", "12h", severity="critical")
    play(it.fires("PuhuiFreshnessBudgetBurns", "12h", severity="warning"))


def test_the_windows_spend_what_they_say_of_the_budget() -> None:
    hours = {"1h": 1, "6h": 6, "1d": 24, "3d": 72}
    spent = [round(burn.times * hours[burn.long] / (30 * 24), 3) for burn in BURNS]
    assert spent == [0.02, 0.05, 0.1, 0.1]


# the files


def test_promtool_finds_nothing_to_mend(promtool: Path, rules: Path) -> None:
    checked = subprocess.run(
        [promtool, "check", "rules", *rules.glob("*.yaml")], capture_output=True, check=False
    )
    assert checked.returncode == 0, checked.stderr.decode()


@pytest.mark.parametrize(
    "rule", ALERTS, ids=lambda rule: f"{rule['alert']}-{rule['labels'].get('window', '')}"
)
def test_an_alert_says_in_chinese_what_is_the_matter_and_where_to_read_on(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("critical", "warning", "none")
    assert CHINESE.search(rule["annotations"]["summary"])
    assert rule["annotations"]["summary"].endswith("。")
    assert CHINESE.search(rule["annotations"]["description"])
    assert rule["annotations"]["runbook_url"].startswith("runbook.md#")


@pytest.mark.skipif(not RUNBOOK.exists(), reason="the documentation is not beside the tests")
@pytest.mark.parametrize("name", sorted({rule["alert"] for rule in ALERTS}))
def test_the_runbook_says_of_each_alert_what_it_means_where_to_look_what_to_do_and_how_it_ends(
    name: str,
) -> None:
    _, _, entry = RUNBOOK.read_text("utf-8").partition(f"\n## {name}\n")
    meaning, *parts = entry.partition("\n## ")[0].split("\n- **")
    assert meaning.strip().endswith(".")
    assert [part.partition("**")[0] for part in parts] == ["Look", "Do", "Ends"]


@pytest.mark.skipif(not RUNBOOK.exists(), reason="the documentation is not beside the tests")
def test_every_alert_has_its_heading_in_the_runbook() -> None:
    headings = {
        line[3:].strip().lower() for line in RUNBOOK.read_text("utf-8").splitlines() if line.startswith("## ")
    }
    wanted = {rule["annotations"]["runbook_url"].partition("#")[2] for rule in ALERTS}
    assert wanted <= headings
    assert {name.lower() for name in RULE_BOOK} <= headings


def test_the_same_table_makes_the_same_files(rules: Path, tmp_path: Path) -> None:
    assert main(["dashboards", "--out", str(tmp_path / "a"), "--rules", str(tmp_path / "b")]) == 0
    for path in rules.iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()
    assert {"groups"} == set(json.loads((tmp_path / "b" / "puhui-alerts.yaml").read_text("utf-8")))
    assert {"groups"} == set(prometheus_rules())
