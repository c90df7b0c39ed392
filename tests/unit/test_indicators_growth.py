"""Growth and its targets: I34–I39, by the worked examples (7.10) and small cases."""

from fractions import Fraction
from pathlib import Path

from projections.figure import COUNTY, Reason
from projections.pace import own_profile
from projections.views import View
from tests.desk import OTHER_BANK
from tests.events import OFFICE, Event, Sender, yuan
from tests.examples import BANK, SHOP
from tests.figures import County, county, level_a, per_cent, total, value
from tests.references import social_credit_code


def totals(bank: Sender, **series: dict[str, str]) -> list[Event]:
    """Totals in 万元 by key and day."""
    return [total(bank, day, key, amount) for key, days in series.items() for day, amount in days.items()]


def target_set(key: str, bank: Sender | None, **more: object) -> Event:
    office = Sender(BANK if bank is None else bank.institution)
    scope = {} if bank is None else {"institution_id": bank.institution}
    terms = {"key": key, "value": "0", "unit": "", "valid_from": "2024-01-01", "scope": scope} | more
    return office.event("policy.target_set", "2024-01-02", **terms) | {
        "source": OFFICE,
        "id": f"target-{key}",
    }


def large_bank(path: Path, **series: dict[str, str]) -> County:
    bank = Sender(BANK)
    events = [bank.registered("2015-01-01", kind="large_state"), level_a(bank)]
    return county(path, [*events, *totals(bank, **series)], "2023-07-15")


def test_pace_by_the_profile_of_the_county(tmp_path: Path) -> None:
    it = large_bank(tmp_path, PH={"2022-12-31": "20000.00", "2023-06-30": "22600.00"})
    found = it.figure("I35", BANK, "2023-06-30")
    assert (per_cent(found), per_cent(found, "needed"), per_cent(found, "profile")) == (13.0, 21.6, 72.0)
    assert round(float(value(found, "pace") or 0), 3) == 0.602
    assert per_cent(found, "outlook") == 18.1
    assert value(found, "shortfall") == yuan(34_000_000)
    assert found.notes == ("全县进度",)


def test_pace_between_quarter_ends_is_linear(tmp_path: Path) -> None:
    bank = Sender(BANK)
    events = [
        bank.registered("2022-12-31", kind="large_state"),
        bank.opening("A", SHOP, "2022-12-31", yuan(2_000_000)),
    ]
    it = county(tmp_path, events, "2023-07-15")
    found = it.figure("I35", BANK, "2023-05-15")
    assert value(found, "profile") == Fraction(45, 100) + Fraction(27, 100) * Fraction(45, 91)
    assert value(it.figure("I35", BANK, "2023-01-09"), "profile") == Fraction(45, 100) * Fraction(9, 90)


def test_pace_by_the_profile_of_the_bank_itself(tmp_path: Path) -> None:
    series = {"2019-12-31": "1000.00"}
    for year, first in ((2020, 1000), (2021, 2000), (2022, 3000)):
        for end, part in (("03-31", 600), ("06-30", 700), ("09-30", 800), ("12-31", 1000)):
            series[f"{year}-{end}"] = f"{first + part}.00"
    it = large_bank(tmp_path, PH=series | {"2023-06-30": "4500.00"})
    found = it.figure("I35", BANK, "2023-06-30")
    assert (value(found, "profile"), found.notes) == (Fraction(7, 10), ("本行进度",))
    view = View.of(it.figures.live(BANK).day)
    shares = [Fraction(tenth, 10) for tenth in (6, 7, 8, 10)]
    assert list(own_profile(it.figures, BANK, view) or ()) == shares


def test_nobody_else_has_the_target_of_the_large_banks(tmp_path: Path) -> None:
    bank = Sender(BANK)
    it = county(tmp_path, [bank.registered()], "2023-07-15")
    assert it.figure("I35", BANK, "2023-06-30").reason is Reason.NO_TARGET


def test_a_target_may_be_the_growth_of_all_loans(tmp_path: Path) -> None:
    bank = Sender(BANK)
    series = {
        "PH": {"2023-12-31": "1000.00", "2024-06-30": "1090.00"},
        "ALL": {"2023-12-31": "9000.00", "2024-06-30": "9900.00"},
    }
    events = [bank.registered("2015-01-01", kind="large_state"), level_a(bank), successor()]
    it = county(tmp_path, [*events, *totals(bank, **series)], "2024-07-15")
    found = it.figure("I35", BANK, "2024-06-30")
    assert (value(found, "target"), value(found, "gap")) == (Fraction(1, 10), Fraction(-1, 100))


def successor() -> Event:
    said = target_set("large_bank_inclusive_growth", None, value="growth(ALL)", unit="percent")
    said["data"]["scope"] = {"institution_kinds": ["large_state"]}
    return said


def test_a_target_that_is_a_growth_is_that_of_the_same_year(tmp_path: Path) -> None:
    bank = Sender(BANK)
    series = {"2023-12-31": "9000.00", "2024-12-31": "9900.00", "2025-01-31": "10098.00"}
    events = [
        bank.registered("2023-12-31", kind="large_state"), successor(),
        bank.opening("A", SHOP, "2023-12-31", yuan(1_000_000)), bank.issued("B", SHOP, "2025-01-10", yuan(50_000)),
        *totals(bank, ALL=series),
    ]  # fmt: skip
    it = county(tmp_path, events, "2025-02-15")
    year_end = it.figure("I35", BANK, "2024-12-31")
    assert (per_cent(year_end), per_cent(year_end, "target")) == (0.0, 10.0)
    january = it.figure("I35", BANK, "2025-01-17")
    assert per_cent(january) == 5.0
    assert {january.parts[name].reason for name in ("target", "gap", "pace", "shortfall")} == {
        Reason.NOT_PROVIDED
    }
    february = it.figure("I35", BANK, "2025-02-10")
    assert (per_cent(february, "target"), per_cent(february, "needed")) == (2.0, 2.0)
    assert (value(february, "pace"), value(february, "shortfall")) == (Fraction(5, 2), -yuan(30_000))


def test_what_banks_are_short_of_their_targets_adds_up(tmp_path: Path) -> None:
    one, other, village = Sender(BANK), Sender(OTHER_BANK), Sender(social_credit_code(3))
    events = [village.registered("2015-01-01", kind="village_bank", is_local_legal_person=True)]
    for bank, end in ((one, "22600.00"), (other, "27000.00")):
        events += [bank.registered("2015-01-01", kind="large_state"), level_a(bank)]
        events += totals(bank, PH={"2022-12-31": "20000.00", "2023-06-30": end})
    it = county(tmp_path, events, "2023-07-15")
    found = it.figure("I35", COUNTY, "2023-06-30")
    assert found.reason is Reason.NOT_APPLICABLE
    assert value(found, "shortfall") == yuan(34_000_000) - yuan(10_000_000)
    assert (found.parts["shortfall"].of, found.parts["shortfall"].missing) == (2, ())


BASES = {
    "PH": {"2023-06-30": "38000.00", "2023-12-31": "40000.00", "2024-06-30": "45200.00"},
    "ALL": {"2023-06-30": "195000.00", "2023-12-31": "200000.00", "2024-06-30": "230000.00"},
}


def local_bank(path: Path, *more: Event) -> County:
    bank = Sender(BANK)
    events = [bank.registered("2015-01-01", kind="village_bank", is_local_legal_person=True), level_a(bank)]
    events += totals(bank, **BASES)
    counts = (("2023-12-31", "1250"), ("2024-06-30", "1249"))
    events += [total(bank, day, "PH", count, unit="户") for day, count in counts]
    return county(path, [*events, *more], "2024-07-15")


def test_the_base_of_the_policy_year_decides(tmp_path: Path) -> None:
    it = local_bank(tmp_path / "year_start")
    found = it.figure("I36", BANK, "2024-06-30")
    assert value(found) == Fraction(-2, 100)
    assert (value(found, "own"), value(found, "all")) == (Fraction(13, 100), Fraction(15, 100))
    assert found.notes == ("较年初",)
    other = target_set("two_increase_growth", None, base_rule="same_date_last_year")
    it = local_bank(tmp_path / "same_date", other | {"id": "other"})
    found = it.figure("I36", BANK, "2024-06-30")
    assert (per_cent(found, places=2), found.notes) == (1.0, ("同比",))


def test_one_household_fewer_than_at_the_start_of_the_year(tmp_path: Path) -> None:
    found = local_bank(tmp_path).figure("I37", BANK, "2024-06-30")
    assert (value(found), value(found, "now"), value(found, "base")) == (-1, 1249, 1250)


def test_a_bank_under_differentiated_assessment_has_a_note(tmp_path: Path) -> None:
    exempt = target_set("two_increase_household", Sender(BANK), exempt=True, ground="差异化考核")
    it = local_bank(tmp_path, exempt)
    assert it.figure("I37", BANK, "2024-06-30").notes == ("较年初", "差异化考核")
    assert it.figure("I36", BANK, "2024-06-30").notes == ("较年初",)


def test_between_its_reports_the_growth_gap_stands_as_of_the_last_one(tmp_path: Path) -> None:
    it = local_bank(tmp_path)
    found = it.figure("I36", BANK, "2024-08-15")
    assert (value(found), found.as_of) == (Fraction(-2, 100), View.of(19904).as_of)
    assert it.figure("I36", BANK, "2024-09-30").reason is Reason.NOT_PROVIDED


def test_full_scope_is_the_reported_total_or_else_the_loans(tmp_path: Path) -> None:
    bank = Sender(BANK)
    events = [
        bank.registered("2022-12-31"),
        bank.opening("A", SHOP, "2022-12-31", yuan(1_000_000)),
        bank.issued("B", SHOP, "2024-01-10", yuan(500_000)),
        *totals(bank, ALL={"2023-06-30": "1000.00", "2024-06-30": "1100.00"}),
    ]
    it = county(tmp_path, events, "2024-07-15")
    assert value(it.figure("I38", BANK, "2024-06-30")) == Fraction(40, 100)
    assert value(it.figure("I39", BANK, "2024-06-30")) == 0
    it.take(totals(bank, FS={"2023-06-30": "500.00", "2024-06-30": "600.00"}), "2024-07-16")
    assert value(it.figure("I38", BANK, "2024-06-30")) == Fraction(10, 100)
    assert value(it.figure("I38", BANK, "2024-06-30", "2024-07-15T13:00:00")) == Fraction(40, 100)


def test_growth_with_what_was_written_off_added_back(tmp_path: Path) -> None:
    bank = Sender(BANK)
    events = [
        bank.registered("2022-12-31"),
        bank.opening("A", SHOP, "2022-12-31", yuan(4_000_000)),
        bank.issued("B", SHOP, "2023-02-10", yuan(1_000_000)),
        bank.written_off("A", "2023-03-10", yuan(400_000)),
    ]
    found = county(tmp_path, events, "2023-04-10").figure("I34", BANK, "2023-03-31")
    assert (per_cent(found), per_cent(found, "ytd_restored")) == (15.0, 25.0)
    assert value(found, "net_increase") == yuan(600_000)
    assert found.parts["yoy"].reason is Reason.BASE_UNKNOWN
