"""The worked examples of 无还本续贷 (7.10), to the fen, from raw events to the figure."""

from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from projections.bridge import bridge
from projections.figure import COUNTY, Reason
from projections.indicators import INDICATORS, find
from projections.official import flattened
from projections.views import View
from projections.wording import LABELS
from puhui import policy
from tests import examples
from tests.desk import FARM
from tests.events import Sender, yuan
from tests.examples import BANK, NPR, SHOP
from tests.figures import county, level_a, per_cent, total, value
from tests.references import social_credit_code


def test_the_quarter_of_the_first_example(tmp_path: Path) -> None:
    it = county(tmp_path, examples.balance_and_bridge())
    assert value(it.figure("I21", BANK, "2026-06-30")) == yuan(50_500_000)
    assert per_cent(it.figure("I22", BANK, "2026-06-30")) == 1.0
    lines = it.figure("I23", BANK, "2026-06-30")
    assert [value(lines, part) for part in ("start", "renewed_in", "settled_by_renewal", "repaid", "written_off")] == [
        yuan(50_000_000), yuan(20_000_000), -yuan(12_000_000), -yuan(6_500_000), -yuan(1_000_000)
    ]  # fmt: skip
    assert value(lines, "settled_again") == -yuan(12_000_000)
    assert value(lines, "residual") == 0


def test_the_squeezed_quarter_of_the_first_example(tmp_path: Path) -> None:
    it = county(tmp_path, examples.balance_and_bridge(squeezed=True))
    change = it.figure("I22", BANK, "2026-06-30")
    assert (per_cent(change), per_cent(change, "judged")) == (-35.0, -35.0)
    assert value(change, "delta") == -yuan(17_500_000)
    assert value(it.figure("I23", BANK, "2026-06-30"), "settled_again") == -yuan(2_000_000)


def test_the_lines_of_a_bridge_stand_in_the_order_of_the_notes(tmp_path: Path) -> None:
    it = county(tmp_path, examples.balance_and_bridge())
    view = View.of(it.figures.live(BANK).day.replace(day=30, month=6))
    found = bridge(it.figures, BANK, view, view.as_of - 91)
    assert [line.title for line in found.lines] == [
        "期初接入", "续贷转入", "增额", "分期发放", "利息转本金", "被续贷结清", "还款", "以物抵债", "核销", "不良转让", "正常资产转让",
        "口径调整", "转标",
    ]  # fmt: skip
    assert found.residual == 0


@pytest.mark.parametrize("number", INDICATORS)
def test_every_part_of_a_figure_has_a_name_that_people_read(tmp_path: Path, number: str) -> None:
    it = county(tmp_path, examples.balance_and_bridge())
    for who in (BANK, COUNTY):
        parts = dict(flattened(it.figure(number, who, "2026-06-30")))
        assert {name for part in parts if part for name in part.split(".")} <= set(LABELS)


@pytest.mark.parametrize(
    ("mode", "npr", "partial", "doubtful"),
    [("partial", 0, 6_000_000, 0), ("no_principal", 6_000_000, 0, 6_000_000)],
)
def test_a_partial_renewal_is_shown_apart(
    tmp_path: Path, mode: str, npr: int, partial: int, doubtful: int
) -> None:
    it = county(tmp_path, examples.partial_renewal(mode=mode))
    found = it.figure("I21", BANK, "2024-06-20")
    assert (value(found), value(found, "partial")) == (yuan(npr), yuan(partial))
    assert value(found, "households") == bool(npr)


def test_two_loans_into_one_with_an_increase(tmp_path: Path) -> None:
    it = county(tmp_path, examples.two_into_one_with_increase())
    granted = it.figure("I24", BANK, "2024-03-31")
    assert (value(granted), value(granted, "increase")) == (yuan(6_000_000), yuan(1_000_000))
    assert (value(granted, "loans"), value(granted, "households")) == (1, 1)
    lines = it.figure("I23", BANK, "2024-03-31")
    assert (value(lines), value(lines, "increase")) == (yuan(6_000_000), yuan(1_000_000))
    assert value(lines, "settled_again") == -yuan(3_000_000)


def test_a_loan_renewed_twice_in_a_quarter_is_two_loans_and_one_customer(tmp_path: Path) -> None:
    it = county(tmp_path, examples.renewed_again())
    granted = it.figure("I24", BANK, "2024-03-31")
    assert value(granted) == value(granted, "ytd") == yuan(10_000_000)
    assert (value(granted, "loans"), value(granted, "households")) == (2, 1)
    assert value(it.figure("I22", BANK, "2024-03-31")) == 0
    assert value(it.figure("I23", BANK, "2024-03-31"), "settled_again") == -yuan(10_000_000)
    assert value(it.figure("I21", BANK, "2024-02-01"), "households") == 1


def test_a_relabelling_by_policy_is_printed_and_not_judged(tmp_path: Path) -> None:
    it = county(tmp_path, examples.relabelled())
    change = it.figure("I22", BANK, "2024-12-31")
    assert (per_cent(change), per_cent(change, "judged")) == (61.1, 6.0)
    assert value(change, "set_apart") == yuan(160_000_000)
    assert value(it.figure("I23", BANK, "2024-12-31"), "reclassified") == yuan(160_000_000)


def test_a_relabelling_by_error_restates_the_quarter_before(tmp_path: Path) -> None:
    it = county(tmp_path, examples.relabelled(mode="error"))
    assert value(it.figure("I21", BANK, "2024-09-30")) == yuan(445_500_000)
    change = it.figure("I22", BANK, "2024-12-31")
    assert (per_cent(change), value(change, "set_apart")) == (5.1, 0)


def test_the_change_without_the_largest_customer(tmp_path: Path) -> None:
    """Few customers: 18 of them, 24,000,000 → 15,600,000, one of them −6,000,000."""
    bank = Sender(BANK)
    owners = [social_credit_code(30 + number) for number in range(18)]
    amounts = [6_000_000, *[1_000_000] * 16, 2_000_000]
    events = [bank.registered()]
    for number, (owner, amount) in enumerate(zip(owners, amounts, strict=True)):
        events.append(bank.opening(f"L{number}", owner, "2023-06-30", yuan(amount), issuance_kind=NPR))
    events.append(bank.repaid("L0", "2023-08-01", yuan(6_000_000)))
    events += [bank.repaid(f"L{number}", "2023-08-02", yuan(150_000)) for number in range(1, 17)]
    it = county(tmp_path, events, "2023-10-10")
    change = it.figure("I22", BANK, "2023-09-30")
    assert (per_cent(change), per_cent(change, "without_largest")) == (-35.0, -13.3)
    assert (value(change, "delta"), value(change, "largest")) == (-yuan(8_400_000), -yuan(6_000_000))
    assert value(change, "base_households") == 18


def test_a_line_of_exactly_ten_million_is_inside(tmp_path: Path) -> None:
    it = county(tmp_path, examples.line_crossing())
    assert value(it.figure("I10", BANK, "2024-02-29")) == yuan(7_000_000)
    assert value(it.figure("I10", BANK, "2024-03-01")) == 0


def test_a_loan_without_a_line_counts_and_is_shown(tmp_path: Path) -> None:
    bank = Sender(BANK)
    it = county(tmp_path, [bank.registered(), bank.issued("A", SHOP, "2024-01-10", yuan(3_000_000))])
    found = it.figure("I10", BANK, "2024-02-29")
    assert value(found) == value(found, "assumed") == yuan(3_000_000)


def test_customers_of_two_banks_are_counted_once_in_the_county(tmp_path: Path) -> None:
    one, two = Sender(BANK), Sender(social_credit_code(2))
    other = social_credit_code(12)
    it = county(
        tmp_path,
        [
            one.registered(), two.registered(),
            one.issued("A", SHOP, "2024-01-10", yuan(3_000_000)),
            two.issued("A", SHOP, "2024-01-11", yuan(2_000_000)),
            two.issued("B", other, "2024-01-11", yuan(1_000_000)),
        ],
    )  # fmt: skip
    found = it.figure("I10", COUNTY, "2024-03-31")
    assert (value(found), value(found, "households")) == (yuan(6_000_000), 2)
    assert value(it.figure("I12", COUNTY, "2024-03-31"), "flow") == 2
    assert value(it.figure("I12", two.institution, "2024-03-31")) == 2


def test_the_unsecured_and_the_long_share(tmp_path: Path) -> None:
    bank = Sender(BANK)
    year = {"original_due_on": "2025-01-10"}
    it = county(
        tmp_path,
        [
            bank.registered(),
            bank.issued("A", SHOP, "2024-01-10", yuan(1_000_000), **year),
            bank.issued(
                "B",
                SHOP,
                "2024-01-10",
                yuan(3_000_000),
                main_security="mortgage",
                security=[{"kind": "mortgage"}],
            ),
        ],
    )
    assert value(it.figure("I11", BANK, "2024-03-31")) == Fraction(1, 4)
    assert value(it.figure("I16", BANK, "2024-03-31")) == Fraction(3, 4)
    assert it.figure("I11", BANK, "2024-01-09").reason is Reason.ZERO_DENOMINATOR


def test_the_unsecured_share_and_its_households_are_compared_with_the_year_before(tmp_path: Path) -> None:
    bank = Sender(BANK)
    mortgage: dict[str, Any] = {"main_security": "mortgage", "security": [{"kind": "mortgage"}]}
    events = [
        bank.registered("2015-01-01"),
        bank.issued("A", SHOP, "2023-01-10", yuan(1_000_000)),
        bank.issued("B", FARM, "2023-01-10", yuan(1_000_000), **mortgage),
        bank.issued("C", FARM, "2024-01-10", yuan(2_000_000)),
    ]
    it = county(tmp_path, events)
    assert value(it.figure("I11", BANK, "2024-03-31"), "change_yoy") == Fraction(3, 4) - Fraction(1, 2)
    assert value(it.figure("I12", BANK, "2024-03-31"), "change_yoy") == 2 - 1


def test_what_was_known_then_never_changes(tmp_path: Path) -> None:
    events = examples.late_line_crossing()
    it = county(tmp_path, events[:-1], "2024-07-01")
    asked = [
        (number, BANK, day, "2024-07-02") for number in INDICATORS for day in ("2024-03-31", "2024-06-30")
    ]
    then = [it.figure(*question) for question in asked]
    it.take(events[-1:], "2024-07-08")
    assert [it.figure(*question) for question in asked] == then
    assert value(it.figure("I10", BANK, "2024-06-30", "2024-07-02")) == yuan(5_500_000)
    assert value(it.figure("I10", BANK, "2024-06-30", "2024-07-09")) == 0


def test_before_the_opening_a_reported_base_stands_or_nothing(tmp_path: Path) -> None:
    bank = Sender(BANK)
    events = [
        bank.registered("2021-12-31"),
        bank.opening("A", SHOP, "2021-12-31", yuan(3_000_000)),
        total(bank, "2020-12-31", "PH", "200.00", kind="base") | {"time": "2022-01-04T10:00:00+08:00"},
    ]
    it = county(tmp_path, events, "2022-01-04")
    assert value(it.figure("I10", BANK, "2020-12-31")) == yuan(2_000_000)
    assert value(it.figure("I34", BANK, "2021-12-31")) == Fraction(1, 2)
    assert it.figure("I34", BANK, "2022-03-31").parts["yoy"].reason is Reason.BASE_UNKNOWN
    assert it.figure("I22", BANK, "2021-12-31").reason is Reason.BASE_UNKNOWN
    assert str(Reason.BASE_UNKNOWN).endswith("(base unknown before the opening date)")


def test_at_level_a_totals_are_shown_and_the_rest_is_not_provided(tmp_path: Path) -> None:
    bank = Sender(BANK)
    events = [bank.registered(kind="policy"), level_a(bank)]
    for day, amount in (("2023-12-31", "400.00"), ("2024-03-31", "500.00")):
        events += [total(bank, day, "NPR", amount), total(bank, day, "PH", "2000.00")]
    it = county(tmp_path, [*events, total(bank, "2024-03-31", "PH", "8", unit="户")], "2024-04-12")
    assert value(it.figure("I21", BANK, "2024-03-31")) == yuan(5_000_000)
    assert value(it.figure("I10", BANK, "2024-03-31"), "households") == 8
    change = it.figure("I22", BANK, "2024-03-31")
    assert (per_cent(change), change.parts["without_largest"].reason) == (25.0, Reason.NOT_PROVIDED)
    for number in ("I11", "I16", "I23", "I24", "I26", "I103"):
        assert it.figure(number, BANK, "2024-03-31").reason is Reason.NOT_PROVIDED, number
    assert str(Reason.NOT_PROVIDED).startswith("未提供")
    assert it.figure("I21", BANK, "2024-03-31").parts["doubtful"].reason is Reason.NOT_PROVIDED


def test_at_level_a_a_total_stands_until_the_next_but_not_on_a_quarter_end(tmp_path: Path) -> None:
    bank = Sender(BANK)
    events = [bank.registered(kind="policy"), level_a(bank), total(bank, "2023-12-31", "PH", "400.00")]
    it = county(tmp_path, events, "2024-01-12")
    live = it.figure("I10", BANK, "2024-02-15")
    assert (value(live), live.as_of) == (yuan(4_000_000), View.of(live_day("2023-12-31")).as_of)
    assert it.figure("I10", BANK, "2024-03-31").reason is Reason.NOT_PROVIDED
    assert it.figure("I10", BANK, "2024-05-15").reason is Reason.NOT_PROVIDED


def live_day(text: str) -> date:
    return date.fromisoformat(text)


def test_the_same_banks_stand_at_both_ends_of_a_change_of_the_countys_share(tmp_path: Path) -> None:
    one, new = Sender(BANK), Sender(social_credit_code(2))
    mortgage: dict[str, Any] = {"main_security": "mortgage", "security": [{"kind": "mortgage"}]}
    events = [
        one.registered("2015-01-01"),
        new.registered("2024-03-01"),
        one.issued("A", SHOP, "2023-01-10", yuan(1_000_000)),
        one.issued("B", FARM, "2023-01-10", yuan(1_000_000), **mortgage),
        one.issued("C", FARM, "2024-01-10", yuan(2_000_000)),
        new.opening("A", FARM, "2024-03-01", yuan(4_000_000), **mortgage),
    ]
    it = county(tmp_path, events)
    found = it.figure("I11", COUNTY, "2024-03-31")
    assert (value(found), found.missing) == (Fraction(3, 8), ())
    rise, flow = found.parts["change_yoy"], found.parts["flow"]
    assert (rise.value, rise.missing, rise.of) == (Fraction(1, 4), (new.institution,), 2)
    assert (flow.value, flow.missing, flow.of) == (1, (new.institution,), 2)


def test_the_county_adds_what_the_banks_have_and_names_who_lacks_it(tmp_path: Path) -> None:
    one, two = Sender(BANK), Sender(social_credit_code(2))
    events = [
        one.registered(), two.registered(), level_a(two),
        one.opening("A", SHOP, "2021-12-31", yuan(3_000_000)),
        total(two, "2023-12-31", "PH", "400.00"), total(two, "2023-12-31", "PH", "8", unit="户"),
    ]  # fmt: skip
    it = county(tmp_path, events, "2024-01-12")
    found = it.figure("I10", COUNTY, "2023-12-31")
    assert (value(found), found.missing) == (yuan(7_000_000), ())
    count = found.parts["households"]
    assert (count.value, count.missing, count.of) == (1, (two.institution,), 2)
    assert it.figure("I10", COUNTY, "2024-03-31").missing == (two.institution,)


def test_the_countys_change_without_its_largest_customer_names_who_lacks_it(tmp_path: Path) -> None:
    two = Sender(social_credit_code(2))
    totals = [total(two, day, "NPR", "400.00") for day in ("2026-03-31", "2026-06-30")]
    events = [*examples.balance_and_bridge(squeezed=True), two.registered(), level_a(two), *totals]
    it = county(tmp_path, events, "2026-07-12")
    change = it.figure("I22", COUNTY, "2026-06-30")
    assert (value(change, "base"), change.missing) == (yuan(54_000_000), ())
    for name in ("judged", "without_largest", "largest"):
        assert (change.parts[name].missing, change.parts[name].of) == ((two.institution,), 2), name


def test_the_catalogue_names_clauses_that_exist() -> None:
    clauses = policy.register().clauses
    for row in INDICATORS.values():
        assert [c for c in row.clauses if not any(known.startswith(c) for known in clauses)] in (
            [], ["C16.7"], ["C11.5"], ["C3.1"]
        )  # fmt: skip
    assert find("npr_balance") is find("i21") is find("无还本续贷余额")
