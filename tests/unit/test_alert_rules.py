"""What the rules say of figures: each limit is met to the fen, the household and the event."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from projections import renewal
from projections.alerts import Finding, Reading
from projections.figure import Figure
from projections.rules.positions import position_findings
from projections.rules.quarters import quarter_findings
from projections.rules.refusals import spike_findings
from projections.views import Figures, View
from puhui.policy import Quarter
from tests.events import OFFICE, Event, Sender, yuan
from tests.examples import BANK, SHOP
from tests.figures import County, county, instant, level_a, total
from tests.references import social_credit_code

Q3 = Quarter(2024, 3)
LATER = "2025-02-01"


def judged(it: County, rule: str, quarter: Quarter = Q3, *, closed: bool = True) -> list[Finding]:
    """What the rule says at the end of the quarter."""
    found = quarter_findings(it.figures, BANK, quarter, View.of(quarter.last_day), closed=closed)
    return [finding for finding in found if finding.rule == rule and finding.reading is not Reading.OVER]


def nothing_said(found: list[Finding]) -> bool:
    """Is there one finding, a calm one without a value?"""
    return [(one.reading, one.evidence.value) for one in found] == [(Reading.CALM, None)]


def bank_of_totals(
    path: Path, series: Mapping[str, Mapping[str, str]], known: str = LATER, **terms: Any
) -> County:
    """A bank that reports totals only: 万元 by key and day; 户 by a key such as PH:户."""
    bank = Sender(BANK, _sent=100)
    events = [bank.registered("2015-01-01", **terms), level_a(bank)]
    for name, days in series.items():
        key, _, unit = name.partition(":")
        events += [total(bank, day, key, amount, unit=unit or "万元") for day, amount in days.items()]
    return county(path, events, known)


def swing(
    path: Path, start: str, end: str, households: int = 30, earlier: Mapping[str, str] | None = None
) -> County:
    days = {**(earlier or {}), "2024-06-30": start, "2024-09-30": end}
    return bank_of_totals(path, {"NPR": days, "NPR:户": {"2024-06-30": str(households)}}, kind="policy")


@pytest.mark.parametrize(
    ("start", "end", "households", "reading"),
    [
        pytest.param("2000.00", "1400.00", 30, Reading.SETTLED_BREACH, id="30 % is a swing"),
        pytest.param("2000.00", "1400.01", 30, Reading.CALM, id="a little less is none"),
        pytest.param("1600.00", "1100.00", 30, Reading.SETTLED_BREACH, id="5,000,000 yuan are a swing"),
        pytest.param("1600.00", "1100.01", 30, Reading.CALM, id="a little less money is none"),
        pytest.param("2000.00", "2600.00", 30, Reading.SETTLED_BREACH, id="upwards too"),
        pytest.param("2000.00", "1400.00", 29, Reading.LISTED, id="with 29 customers it is listed"),
        pytest.param("99.99", "700.00", 30, Reading.LISTED, id="under 1,000,000 yuan too"),
        pytest.param("100.00", "700.00", 30, Reading.SETTLED_BREACH, id="with 1,000,000 yuan not"),
    ],
)  # fmt: skip
def test_a_swing_is_large_in_share_and_in_yuan_of_enough_customers(
    tmp_path: Path, start: str, end: str, households: int, reading: Reading
) -> None:
    (found,) = judged(swing(tmp_path, start, end, households), "NprSwing")
    assert found.reading is reading


@pytest.mark.parametrize(("end", "severity"), [("800.00", "P1"), ("800.01", "P2")])
def test_a_swing_of_twice_the_limit_is_red(tmp_path: Path, end: str, severity: str) -> None:
    (found,) = judged(swing(tmp_path, "2000.00", end), "NprSwing")
    assert found.severity == severity


def set_target(key: str, value: str, unit: str, scope: Mapping[str, Any], since: str = "2018-01-01") -> Event:
    terms = {"key": key, "value": value, "unit": unit, "scope": scope, "valid_from": since}
    return Sender(BANK, _sent=900).event("policy.target_set", since, **terms) | {"source": OFFICE}


@pytest.mark.parametrize(
    ("scope", "reading"),
    [
        pytest.param({"institution_id": BANK}, Reading.CALM, id="for the bank"),
        pytest.param({"institution_kinds": ["policy"]}, Reading.CALM, id="for its kind"),
        pytest.param({"institution_kinds": ["large_state"]}, Reading.SETTLED_BREACH, id="for another kind"),
    ],
)
def test_a_limit_that_an_office_sets_for_one_bank_or_kind_holds_for_it(
    tmp_path: Path, scope: dict[str, Any], reading: Reading
) -> None:
    it = swing(tmp_path, "2000.00", "1400.00")
    it.take([set_target("npr_swing_relative", "40", "percent", scope)], LATER)
    (found,) = judged(it, "NprSwing")
    assert found.reading is reading
    assert found.evidence.threshold.startswith("|环比| ≥ 40%") is (reading is Reading.CALM)


def test_a_limit_that_is_in_force_no_more_leaves_our_own(tmp_path: Path) -> None:
    it = swing(tmp_path, "2000.00", "1400.00")
    ended = set_target("npr_swing_relative", "40", "percent", {})
    ended["data"]["valid_to"] = "2023-12-31"
    it.take([ended], LATER)
    (found,) = judged(it, "NprSwing")
    assert found.reading is Reading.SETTLED_BREACH


def test_a_swing_is_provisional_until_its_quarter_is_closed(tmp_path: Path) -> None:
    (found,) = judged(swing(tmp_path, "2000.00", "1400.00"), "NprSwing", closed=False)
    assert found.reading is Reading.BREACH


SEASON = {"2022-06-30": "2000.00", "2022-09-30": "1500.00", "2023-06-30": "2000.00", "2023-09-30": "1500.00"}


@pytest.mark.parametrize(
    ("earlier", "end", "reading"),
    [
        pytest.param({}, "1300.00", Reading.SEASONAL, id="two earlier years moved likewise"),
        pytest.param({"2022-09-30": "1510.00"}, "1299.99", Reading.SETTLED_BREACH, id="one of them less than 70 %"),
        pytest.param({"2022-09-30": "2600.00"}, "1300.00", Reading.SETTLED_BREACH, id="one of them the other way"),
        pytest.param({"2022-06-30": None}, "1300.00", Reading.SETTLED_BREACH, id="one of them is not known"),
    ],
)  # fmt: skip
def test_a_move_of_the_same_quarter_of_two_earlier_years_is_recorded_as_seasonal(
    tmp_path: Path, earlier: dict[str, str | None], end: str, reading: Reading
) -> None:
    days = {day: amount for day, amount in (SEASON | earlier).items() if amount}
    (found,) = judged(swing(tmp_path, "2000.00", end, earlier=days), "NprSwing")
    assert found.reading is reading


def test_at_level_a_a_swing_says_that_its_evidence_is_not_provided(tmp_path: Path) -> None:
    (found,) = judged(swing(tmp_path, "2000.00", "1400.00"), "NprSwing")
    assert any("逐笔依据未提供" in note for note in found.evidence.notes)


def first_business(path: Path, amount: int, since: str = "2023-01-01") -> County:
    """无还本续贷 of one customer begins in 2024Q3, `since` when the bank's books are known."""
    bank = Sender(BANK)
    it = county(path, [bank.registered(since)], "2024-08-02")
    it.take([bank.issued("A", SHOP, "2024-07-10", amount)], "2024-08-02")
    it.take([bank.renewed("N", SHOP, "2024-08-01", {"A": amount})], "2024-08-02")
    return it


@pytest.mark.parametrize(
    ("amount", "closed", "reading"),
    [
        pytest.param(yuan(5_000_000), True, Reading.SETTLED_BREACH, id="5,000,000 yuan of one customer"),
        pytest.param(yuan(5_000_000), False, Reading.BREACH, id="provisional until the closing"),
        pytest.param(yuan(5_000_000) - 1, True, Reading.CALM, id="a little less money is none"),
    ],
)
def test_a_first_business_is_large_in_yuan_alone(
    tmp_path: Path, amount: int, closed: bool, reading: Reading
) -> None:
    (found,) = judged(first_business(tmp_path, amount), "NprSwing", closed=closed)
    assert (found.reading, found.evidence.value, found.evidence.base) == (reading, None, 0)
    if reading is not Reading.CALM:
        assert (found.headline, found.severity) == ("首次开办无还本续贷，余额 500.00 万元", "P2")
        assert found.evidence.threshold == "基数为零，Δ ≥ 500 万元（本系统设定）"


def test_what_was_there_before_the_books_were_known_is_no_first_business(tmp_path: Path) -> None:
    (found,) = judged(first_business(tmp_path, yuan(9_000_000), since="2024-07-01"), "NprSwing")
    assert (found.reading, found.evidence.base) == (Reading.CALM, None)


def relabelled_from_nothing(path: Path, *also: Event) -> County:
    """A loan of 9,000,000 yuan is called 无还本续贷 from 2024-08-01 on, where there was none before."""
    bank = Sender(BANK)
    lent = [bank.registered("2015-01-01"), bank.issued("A", SHOP, "2024-05-10", yuan(9_000_000))]
    to = {"mode": "policy", "effective_on": "2024-08-01"}
    told = bank.reclassified(["A"], "2024-08-01", "new", "no_principal_renewal", **to)
    return county(path, [*lent, told, *also], LATER)


def test_a_balance_that_a_policy_break_made_is_no_first_business_but_recorded(tmp_path: Path) -> None:
    (found,) = judged(relabelled_from_nothing(tmp_path), "NprSwing")
    assert (found.reading, found.evidence.base) == (Reading.POLICY_BREAK, 0)
    assert found.headline == "无还本续贷余额由零至 900.00 万元，剔除口径变动后 Δ 0.00 万元"
    assert found.evidence.notes == ("口径变动 900.00 万元，已剔除", "按口径变动记录，不预警")


def test_a_first_business_beside_a_policy_break_is_judged_without_it(tmp_path: Path) -> None:
    other, bank = social_credit_code(12), Sender(BANK, _sent=50)
    lent = bank.issued("B", other, "2024-05-10", yuan(5_000_000))
    renewed = bank.renewed("N", other, "2024-08-05", {"B": yuan(5_000_000)})
    (found,) = judged(relabelled_from_nothing(tmp_path, lent, renewed), "NprSwing")
    assert (found.reading, found.headline) == (
        Reading.SETTLED_BREACH,
        "首次开办无还本续贷，余额 1,400.00 万元",
    )


def test_a_first_business_most_of_which_a_policy_break_took_away_warns(tmp_path: Path) -> None:
    it, bank = first_business(tmp_path, yuan(6_000_000)), Sender(BANK, _sent=50)
    to = {"mode": "policy", "effective_on": "2024-09-02"}
    it.take([bank.repaid("N", "2024-09-01", yuan(900_000))], "2024-09-02")
    it.take([bank.reclassified(["N"], "2024-09-02", "no_principal_renewal", "refinance", **to)], "2024-09-02")
    (found,) = judged(it, "NprSwing")
    assert (found.reading, found.evidence.base) == (Reading.SETTLED_BREACH, 0)


def test_what_begins_again_behind_a_balance_of_nothing_warns_but_is_no_first_business(
    tmp_path: Path,
) -> None:
    bank, amount = Sender(BANK, _sent=50), yuan(5_000_000)
    it = first_business(tmp_path, amount)
    it.take([bank.repaid("N", "2024-11-01", amount)], "2024-11-02")
    it.take([bank.issued("B", SHOP, "2025-01-10", amount)], "2025-02-02")
    it.take([bank.renewed("M", SHOP, "2025-02-01", {"B": amount})], "2025-02-02")
    (found,) = judged(it, "NprSwing", Quarter(2025, 1))
    assert (found.reading, found.evidence.base) == (Reading.SETTLED_BREACH, 0)
    assert found.headline == "重新开办无还本续贷，余额 500.00 万元"


def test_at_level_a_what_begins_again_is_known_from_the_totals(tmp_path: Path) -> None:
    it = swing(tmp_path, "0.00", "500.00", households=0, earlier={"2023-06-30": "0.01", "2023-09-30": "0.00"})
    (found,) = judged(it, "NprSwing")
    assert found.headline == "重新开办无还本续贷，余额 500.00 万元"


def test_at_level_a_a_first_business_is_seen_in_the_totals(tmp_path: Path) -> None:
    (found,) = judged(swing(tmp_path, "0.00", "500.00", households=0), "NprSwing")
    assert found.reading is Reading.SETTLED_BREACH
    assert any("逐笔依据未提供" in note for note in found.evidence.notes)


def large_bank(
    path: Path, end: str, day: str = "2022-12-31", *, known: str = LATER, kind: str = "large_state"
) -> County:
    return bank_of_totals(path, {"PH": {"2021-12-31": "20000.00", day: end}}, known, kind=kind)


@pytest.mark.parametrize(
    ("end", "reading"), [("26000.00", Reading.CALM), ("25999.99", Reading.SETTLED_BREACH)]
)
def test_a_large_bank_grows_by_30_per_cent_a_year(tmp_path: Path, end: str, reading: Reading) -> None:
    it = large_bank(tmp_path, end)
    (found,) = judged(it, "LargeBankGrowthMissed", Quarter(2022, 4))
    assert (found.reading, found.period) == (reading, "2022")
    assert not judged(it, "LargeBankGrowthMissed", Quarter(2022, 4), closed=False), "only once, at the close"


def test_no_other_bank_is_held_to_the_target_of_the_large_ones(tmp_path: Path) -> None:
    it = large_bank(tmp_path, "20000.00", kind="city_commercial")
    assert nothing_said(judged(it, "LargeBankGrowthMissed", Quarter(2022, 4)))
    assert not judged(it, "LargeBankGrowthMissed", Quarter(2022, 4), closed=False), (
        "no verdict before the close"
    )


@pytest.mark.parametrize(
    ("end", "reading"), [("23456.00", Reading.CALM), ("23455.99", Reading.SETTLED_BREACH)]
)
def test_a_large_bank_is_behind_below_four_fifths_of_its_pace(
    tmp_path: Path, end: str, reading: Reading
) -> None:
    it = large_bank(tmp_path, end, "2022-06-30", known="2022-08-01")
    (found,) = judged(it, "LargeBankBehindPace", Quarter(2022, 2))
    assert found.reading is reading  # 72 % of the year's 30 % is 21.6 %, and four fifths of it are 17.28 %


def local_bank(path: Path, end: str, count: str, *, local: bool = True) -> County:
    series = {
        "PH": {"2022-12-31": "10000.00", "2023-12-31": end},
        "ALL": {"2022-12-31": "100000.00", "2023-12-31": "110000.00"},
        "PH:户": {"2022-12-31": "800", "2023-12-31": count},
    }
    return bank_of_totals(path, series, kind="village_bank", is_local_legal_person=local)


@pytest.mark.parametrize(
    ("end", "count", "missed"),
    [
        pytest.param("11000.00", "800", [], id="as fast as all loans, as many customers"),
        pytest.param("10999.99", "800", ["TwoIncreaseGrowthMissed"], id="a little slower"),
        pytest.param("11000.00", "799", ["TwoIncreaseHouseholdMissed"], id="one customer fewer"),
    ],
)
def test_a_local_bank_is_held_to_both_increases(
    tmp_path: Path, end: str, count: str, missed: list[str]
) -> None:
    it = local_bank(tmp_path, end, count)
    rules = ("TwoIncreaseGrowthMissed", "TwoIncreaseHouseholdMissed")
    found = [finding for rule in rules for finding in judged(it, rule, Quarter(2023, 4))]
    assert [f.rule for f in found if f.reading is Reading.SETTLED_BREACH] == missed
    assert {f.severity for f in found} == {"P2"}


@pytest.mark.parametrize(
    ("value", "reading", "threshold"),
    [
        pytest.param("-10", Reading.CALM, "≥ -10 户", id="ten fewer are allowed"),
        pytest.param("-9", Reading.SETTLED_BREACH, "≥ -9 户", id="nine are"),
    ],
)
def test_the_households_of_a_bank_are_judged_by_its_own_target(
    tmp_path: Path, value: str, reading: Reading, threshold: str
) -> None:
    it = local_bank(tmp_path, "11000.00", "790")
    it.take([set_target("two_increase_household", value, "household", {"institution_id": BANK})], LATER)
    (found,) = judged(it, "TwoIncreaseHouseholdMissed", Quarter(2023, 4))
    assert (found.reading, found.evidence.threshold) == (reading, threshold)


def test_the_growth_of_a_bank_is_judged_by_its_own_target(tmp_path: Path) -> None:
    it = local_bank(tmp_path, "10950.00", "800")
    it.take([set_target("two_increase_growth", "-0.5", "percentage_point", {"institution_id": BANK})], LATER)
    (found,) = judged(it, "TwoIncreaseGrowthMissed", Quarter(2023, 4))
    assert (found.reading, found.evidence.threshold) == (Reading.CALM, "≥ -0.50个百分点")


def test_a_bank_that_is_no_local_legal_person_is_not_held_to_them(tmp_path: Path) -> None:
    it = local_bank(tmp_path, "10000.00", "1", local=False)
    for rule in ("TwoIncreaseGrowthMissed", "TwoIncreaseHouseholdMissed"):
        assert nothing_said(judged(it, rule, Quarter(2023, 4)))


def test_a_figure_that_is_not_provided_is_no_breach(tmp_path: Path) -> None:
    it = bank_of_totals(tmp_path, {"PH": {"2022-12-31": "10000.00"}}, is_local_legal_person=True)
    (found,) = judged(it, "TwoIncreaseGrowthMissed", Quarter(2023, 4))
    assert nothing_said([found])
    assert found.evidence.notes == ("未提供",)


def test_what_a_verdict_has_closed_stays_closed_where_the_rule_does_not_apply_any_more(
    tmp_path: Path,
) -> None:
    it = large_bank(tmp_path, "20000.00", "2022-06-30", kind="city_commercial")
    found = quarter_findings(it.figures, BANK, Quarter(2022, 2), it.figures.live(BANK), closed=True)
    readings = {one.rule: one.reading for one in found}
    assert readings["LargeBankBehindPace"] is Reading.OVER


def test_a_bridge_that_does_not_add_up_is_red(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    true = renewal.bridge_figure

    def broken(figures: Figures, institution: str, view: View) -> Figure:
        figure = true(figures, institution, view)
        return replace(figure, parts={**figure.parts, "residual": Figure(1, "fen")})

    it = county(tmp_path, [Sender(BANK).registered()], LATER)
    assert [found.reading for found in judged(it, "BridgeResidual")] == [Reading.CALM]
    monkeypatch.setattr(renewal, "bridge_figure", broken)
    assert [(f.reading, f.severity) for f in judged(it, "BridgeResidual")] == [(Reading.SETTLED_BREACH, "P1")]


@pytest.mark.parametrize(
    ("known", "said"), [("2024-02-05T23:59:59", []), ("2024-02-06", [Reading.SETTLED_BREACH])]
)
def test_a_gap_against_what_was_reported_is_judged_when_its_month_is_closed(
    tmp_path: Path, known: str, said: list[Reading]
) -> None:
    bank = Sender(BANK)
    lent = [bank.registered("2015-01-01"), bank.issued("A", SHOP, "2024-01-10", yuan(1_000_000))]
    it = county(tmp_path, lent, "2024-01-11")
    it.take([total(bank, "2024-01-31", "PH", "99.99", kind="tie_out")], "2024-02-02")
    view = View.of(date(2024, 1, 31), instant(known))
    found = position_findings(it.figures, BANK, view, [view.as_of])
    assert [f.reading for f in found if f.rule == "ReconciliationGap"] == said


@pytest.mark.parametrize(
    ("before", "told", "beside"),
    [
        pytest.param("10000.00", "1.00", "上次报送数 1.00亿元", id="the report before it"),
        pytest.param("100.00", "1000000.00", "系统数 100.00万元", id="the system's figure"),
    ],
)
def test_a_suspected_unit_says_beside_what_it_is_odd(
    tmp_path: Path, before: str, told: str, beside: str
) -> None:
    bank = Sender(BANK)
    lent = [bank.registered("2015-01-01"), bank.issued("A", SHOP, "2023-12-10", yuan(1_000_000))]
    days = {"2023-12-31": before, "2024-01-31": told}
    reports = [total(bank, day, "PH", amount, kind="tie_out") for day, amount in days.items()]
    it = county(tmp_path, [*lent, *reports], "2024-02-02")
    view = View.of(date(2024, 1, 31))
    found = position_findings(it.figures, BANK, view, [view.as_of])
    (headline,) = [f.headline for f in found if f.rule == "UnitSuspected"]
    assert headline.endswith(f"，{beside}，相差约一万倍")


@pytest.mark.parametrize(
    ("refused", "received", "raised"),
    [
        pytest.param(20, 999, True, id="20 of 999 are more than 2 %"),
        pytest.param(20, 1000, False, id="20 of 1,000 are not"),
        pytest.param(19, 19, False, id="19 are too few"),
    ],
)
def test_more_than_two_per_cent_and_twenty_refused_in_an_hour_are_a_spike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: int, received: int, raised: bool
) -> None:
    figures = county(tmp_path, [Sender(BANK).registered()], LATER).figures
    other = social_credit_code(2)
    counts = [
        (BANK, "refused", "V06", refused),
        (BANK, "accepted", "", received - refused),
        (other, "accepted", "", 500),
    ]
    monkeypatch.setattr(figures, "counted_in", lambda hour: counts)
    found = list(spike_findings(figures, 480_000, 480_000, figures.live(BANK)))
    assert [finding.subject for finding in found] == [BANK] * raised
