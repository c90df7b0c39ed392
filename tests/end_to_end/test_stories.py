"""The planted stories of the simulated county, played to 2025-01-20: what must be raised, and what must not (15.5)."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import date
from itertools import chain, islice
from typing import Final, NamedTuple

import pytest

from aggregates.codes import day_number
from aggregates.facts import decode_record, flagged
from aggregates.store.sqlite import SqliteStore
from projections.alerts import Alert
from projections.bridge import bridge
from projections.figure import COUNTY, Figure
from projections.indicators import INDICATORS
from projections.official import differences, official
from projections.views import View
from puhui.cli import main
from puhui.policy import Quarter
from puhui.policy.periods import date_at, quarters
from streams.simulation import county
from tests.figures import per_cent, value
from tests.playing import Play, known
from tests.worker import direct_worker

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

YUAN: Final = 100
MILLION: Final = 1_000_000 * YUAN
VILLAGE, RURAL, POST, CITY = "槐乡村镇银行", "汾源农商行", "邮储类支行", "城商行支行"
AGRICULTURAL, INDUSTRIAL, CONSTRUCTION, CHINA = "国农支行", "国工支行", "国建支行", "国中支行"


class Played(NamedTuple):
    """The county on 2025-01-20."""

    play: Play
    banks: dict[str, str]
    alerts: dict[tuple[str, str, str], Alert]
    """By rule, name of the bank, and period."""
    changes: list[Alert]

    def history(self, rule: str, bank: str) -> list[tuple[str, str]]:
        """The states that the alerts of a rule and a bank had, with their days."""
        subject = self.banks[bank]
        found = [alert for alert in self.changes if (alert.rule, alert.subject) == (rule, subject)]
        return [(str(alert.state), str(date_at(alert.updated_at))) for alert in found]

    def figure(self, number: str, bank: str, day: str, at: str | None = None) -> Figure:
        """An indicator as of a day, as known at an instant or now."""
        view = View.of(date.fromisoformat(day), None if at is None else known(at))
        return INDICATORS[number].of(self.play.figures, self.banks.get(bank, bank), view)

    def lines(self, bank: str, population: str, after: str, until: str) -> dict[str, int]:
        """The lines of a bridge that moved something, in yuan."""
        view = View.of(date.fromisoformat(until))
        start = day_number(date.fromisoformat(after))
        found = bridge(self.play.figures, self.banks[bank], view, start, population)
        return {line.name: line.amount // YUAN for line in found.lines if line.amount}


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    play, whole = (
        Play(direct_worker(tmp_path_factory.mktemp("stories") / "county.db", environment="demo")),
        county(),
    )
    play.take(whole.history())
    play.take(chain.from_iterable(islice(whole.live(), 20)))
    names = {i.id: i.name for i in play.figures.registry.institutions.values()}
    alerts = {(a.rule, names[a.subject], a.period): a for a in play.judge.alerts.values()}
    yield Played(play, {name: code for code, name in names.items()}, alerts, list(play.changes()))
    play.worker.store.close()


def test_these_alerts_stand_and_no_other_was_ever_raised(played: Played) -> None:
    assert {key: str(alert.state) for key, alert in played.alerts.items()} == {
        ("NprSwing", VILLAGE, "2024Q3"): "confirmed",  # D01
        ("NprSwing", RURAL, "2024Q4"): "policy_break",  # D02
        ("LargeBankBehindPace", CHINA, "2023Q1"): "closed",  # D03
        ("LargeBankBehindPace", CHINA, "2023Q2"): "closed",
        ("LargeBankBehindPace", CHINA, "2023Q3"): "closed",
        ("LargeBankGrowthMissed", CHINA, "2023"): "confirmed",
        ("TwoIncreaseHouseholdMissed", VILLAGE, "2024"): "confirmed",  # D04
        ("UnitSuspected", CONSTRUCTION, "2024-05-31/PH/balance"): "withdrawn",  # D05
        ("UnitSuspected", CONSTRUCTION, "2024-05-31/ALL/balance"): "withdrawn",
        ("NprSwing", POST, "2024Q3"): "seasonal",  # D06
        ("NprSwing", CITY, "2023Q3"): "listed",  # D07
    }
    assert {alert.key for alert in played.changes} == {alert.key for alert in played.alerts.values()}


def test_d01_a_real_squeeze_is_confirmed_at_the_closing(played: Played) -> None:
    swing = played.alerts["NprSwing", VILLAGE, "2024Q3"]
    assert (swing.severity, swing.evidence.value, swing.evidence.base) == ("P2", "-0.42", 44_900_000 * YUAN)
    assert swing.headline == "无还本续贷余额环比下降42.0%（Δ -1,885.80 万元）"
    assert swing.evidence.notes == ("剔除最大一户后环比下降40.8%",)
    assert swing.evidence.clause == "C3.8"
    assert swing.evidence.facts
    assert played.history("NprSwing", VILLAGE)[0] == ("provisional", "2024-10-01")
    assert played.history("NprSwing", VILLAGE)[-1] == ("confirmed", "2024-10-18")
    lines = played.lines(VILLAGE, "NPR", "2024-06-30", "2024-09-30")
    assert lines == {
        "renewed_in": 3_100_000, "settled_by_renewal": -2_400_000, "repaid": -18_358_000, "written_off": -1_200_000,
    }  # fmt: skip
    again = value(played.figure("I23", VILLAGE, "2024-09-30"), "settled_again")
    households = [
        value(played.figure("I21", VILLAGE, day), "households") for day in ("2024-06-30", "2024-09-30")
    ]
    assert (again, households) == (-2_400_000 * YUAN, [141, 88])
    assert per_cent(played.figure("I22", VILLAGE, "2024-12-31")) == -0.2


def test_d02_a_relabelling_is_a_policy_break_and_no_swing(played: Played) -> None:
    found = played.alerts["NprSwing", RURAL, "2024Q4"]
    assert found.headline == "无还本续贷余额环比增长61.1%（Δ 17,750.00 万元），剔除口径变动后增长6.0%"
    assert found.evidence.notes[0] == "口径变动 16,000.00 万元，已剔除"
    assert not found.is_open
    registry = played.play.figures.registry
    assert found.label_at(known("2025-01-17T23:59"), registry) == "口径变动（记录）·暂定"
    assert found.label_at(known("2025-01-18"), registry) == "口径变动（记录）"
    assert {state for state, _ in played.history("NprSwing", RURAL)} == {"policy_break"}
    assert value(played.figure("I21", RURAL, "2024-09-30")) == 290_500_000 * YUAN
    figure = played.figure("I22", RURAL, "2024-12-31")
    assert (per_cent(figure), per_cent(figure, "judged")) == (61.1, 6.0)
    assert value(figure, "set_apart") == 160_000_000 * YUAN


def test_d03_one_large_bank_missed_its_growth_once(played: Played) -> None:
    missed = played.alerts["LargeBankGrowthMissed", CHINA, "2023"]
    assert (missed.severity, missed.evidence.value, missed.evidence.threshold) == ("P2", "0.21", "≥ 30%")
    assert missed.headline.endswith("低9.00个百分点")
    assert played.history("LargeBankGrowthMissed", CHINA) == [("confirmed", "2024-01-18")]
    assert {a.severity for a in played.alerts.values() if a.rule == "LargeBankBehindPace"} == {"P4"}
    assert played.history("LargeBankBehindPace", CHINA)[-3:] == [("closed", "2024-01-18")] * 3
    assert per_cent(played.figure("I35", POST, "2023-12-31")) == 30.2


def test_d04_households_under_an_exemption_are_shown_in_blue(played: Played) -> None:
    alert = played.alerts["TwoIncreaseHouseholdMissed", VILLAGE, "2024"]
    assert (alert.severity, alert.evidence.value, alert.evidence.base) == ("P4", -37, 817)
    assert alert.evidence.notes == ("较年初", "差异化考核")
    assert played.history("TwoIncreaseHouseholdMissed", VILLAGE)[0] == ("provisional", "2025-01-01")
    assert played.history("TwoIncreaseHouseholdMissed", VILLAGE)[-1] == ("confirmed", "2025-01-18")
    assert per_cent(played.figure("I36", VILLAGE, "2024-12-31"), places=2) == 1.0


def test_d05_a_wrong_unit_is_suspected_until_it_is_corrected(played: Played) -> None:
    history = played.history("UnitSuspected", CONSTRUCTION)
    assert (history[0], history[-1]) == (("provisional", "2024-06-05"), ("withdrawn", "2024-06-07"))
    assert played.alerts["UnitSuspected", CONSTRUCTION, "2024-05-31/PH/balance"].severity == "P3"
    assert "上次报送数" in played.alerts["UnitSuspected", CONSTRUCTION, "2024-05-31/ALL/balance"].headline
    bank, day = played.banks[CONSTRUCTION], day_number(date(2024, 5, 31))
    figures = played.play.figures
    assert figures.reported(bank, "ALL", "balance", day, View(day, known("2024-06-06"))) is None
    assert figures.reported(bank, "ALL", "balance", day, View(day, known("2024-06-08"))) is not None
    growths = [
        per_cent(played.figure("I36", COUNTY, "2024-05-31", at), "all")
        for at in ("2024-06-05", "2024-06-06", "2024-06-08")
    ]
    assert max(growths) - min(growths) < 1


def test_d06_an_innocent_season_is_recorded(played: Played) -> None:
    season = played.alerts["NprSwing", POST, "2024Q3"]
    assert per_cent(played.figure("I22", POST, "2024-09-30")) == -31.0
    assert "按季节性记录" in season.evidence.notes[-1]
    assert {state for state, _ in played.history("NprSwing", POST)} == {"seasonal"}


def test_d07_few_customers_are_listed_only(played: Played) -> None:
    listed = played.alerts["NprSwing", CITY, "2023Q3"]
    assert (listed.evidence.value, listed.evidence.base) == ("-0.35", 24_000_000 * YUAN)
    assert listed.evidence.notes == ("剔除最大一户后环比下降13.3%", "基期 18 户，不足 30 户，仅列示")


def test_d08_a_reversal_restates_the_quarter_once_it_is_approved(played: Played) -> None:
    figures, bank = played.play.figures, played.banks[AGRICULTURAL]
    before = official(figures, bank, "2024Q2", known("2024-08-05"))
    assert (before.state, [row.period for row in before.restatements]) == ("pinned", ["2024Q2"])
    table = {
        (d.number, d.part): d.difference for d in differences(figures, before, known("2024-08-05"), ["I21"])
    }
    assert table["I21", ""] == 2_000_000 * YUAN
    after = official(figures, bank, "2024Q2")
    approved = {row.approved_at for row in figures.restatements(bank) if row.period == "2024Q2"}
    assert (after.state, {date_at(at or 0) for at in approved}) == ("restated", {date(2024, 8, 9)})
    balances = [figures.balance(bank, "NPR", o.view.as_of, o.view).value for o in (before, after)]
    assert balances == [30_000_000 * YUAN, 32_000_000 * YUAN]


def test_d09_a_late_line_is_a_reclassification_in_the_bridge(played: Played) -> None:
    assert played.lines(CONSTRUCTION, "PH", "2024-03-31", "2024-06-30")["reclassified"] == -7_000_000
    before, after = (
        value(played.figure("I10", CONSTRUCTION, "2024-06-30", at)) for at in ("2024-07-08", "2024-07-09")
    )
    assert before is not None
    assert after is not None
    assert after - before == -5_500_000 * YUAN


def test_d13_doubtful_renewals_are_flagged_and_counted_as_declared(played: Played) -> None:
    flags = Counter(
        rule
        for _, state in played.play.worker.store.records(played.banks[RURAL])
        for fact in decode_record(state).facts
        for rule in flagged(fact.flags)
    )
    assert (flags["V15"], flags["V13"]) == (3, 5)
    found = played.figure("I21", RURAL, "2023-09-30")
    assert value(found) == 254_000_000 * YUAN
    assert value(found, "doubtful")
    assert played.lines(RURAL, "NPR", "2023-03-31", "2023-06-30")["marked"] > 0


def test_d18_a_drill_is_refused_and_a_batch_sent_twice_is_ignored(played: Played) -> None:
    counted = played.play.counted()
    assert {rule: n for (result, rule), n in counted.items() if result == "refused"} == {"V47": 3}
    assert counted["repeated", "V01"] > 500
    assert played.play.worker.intake.books[played.banks[INDUSTRIAL]].loan("YL1") is None
    assert value(played.figure("I10", INDUSTRIAL, "2023-12-31")) == 393 * MILLION


def test_the_bridge_of_every_bank_and_quarter_adds_up(played: Played) -> None:
    for quarter in quarters(Quarter(2022, 1), Quarter(2024, 4)):
        for bank in (*played.banks, COUNTY):
            figure = played.figure("I23", bank, quarter.last_day.isoformat())
            assert figure.value is None or value(figure, "residual") == 0


def test_the_command_lists_what_is_open_and_on_demand_everything(
    played: Played, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store = played.play.worker.store
    assert isinstance(store, SqliteStore)
    monkeypatch.setenv("PUHUI_STORE", f"sqlite:{store.path}")
    monkeypatch.setenv("PUHUI_ENVIRONMENT", "demo")
    assert main(["alerts"]) == 0
    text = capsys.readouterr().out
    assert text.startswith(
        "演示数据 · 日终批量(模拟)\n橙 已确认  国中支行  2023年  国有大型银行普惠增速未达目标\n"
    )
    assert "蓝 已确认  槐乡村镇银行  2024年  两增（户数）未完成" in text
    assert "汾源农商行" not in text
    assert main(["alerts", "--all", "--json", "--rule", "NprSwing"]) == 0
    states = Counter(alert["state"] for alert in json.loads(capsys.readouterr().out))
    assert states == {"confirmed": 1, "policy_break": 1, "seasonal": 1, "listed": 1}
    assert main(["alerts", "--institution", played.banks[RURAL], "--state", "policy_break"]) == 0
    assert "— 口径变动（记录）  汾源农商行  2024年4季度" in capsys.readouterr().out
    assert main(["alerts", "--institution", "nobody"]) == 0
    assert capsys.readouterr().out.endswith("没有预警\n")
