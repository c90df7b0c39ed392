"""What is judged when: tie-outs at the closing of their month, each hour of a day once, and nothing twice for nothing."""

from pathlib import Path

import pytest

from console.evidence import evidence
from console.question import Question
from projections.alerts import ALERT_BOOK
from projections.due import Due
from projections.judging import SETTLED, Judge
from puhui.policy import Quarter
from puhui.policy.periods import HOUR, date_at
from tests.desk import FARM, Desk
from tests.events import OFFICE, Event, Sender, yuan
from tests.examples import BANK, SHOP
from tests.figures import County, county, instant, level_a, total
from tests.references import social_credit_code


def test_a_tie_out_is_judged_when_its_month_is_closed(tmp_path: Path) -> None:
    bank = Sender(BANK)
    lent = [bank.registered("2015-01-01"), bank.issued("A", SHOP, "2024-01-10", yuan(1_000_000))]
    it = county(tmp_path, lent, "2024-01-11")
    it.take([total(bank, "2024-01-31", "PH", "99.00", kind="tie_out")], "2024-02-01")
    it.take([bank.repaid("A", "2024-02-05", 100)], "2024-02-05")
    judge = Judge(it.worker.store, by_record_clock=True)
    assert judge.tick(instant("2024-02-05")) == []
    (alert,) = judge.tick(instant("2024-02-06"))
    assert (alert.rule, alert.period) == ("ReconciliationGap", "2024-01-31/PH/balance")
    assert str(date_at(alert.updated_at)) == "2024-02-06"


def test_a_tie_out_that_fits_by_the_closing_of_its_month_is_no_gap(tmp_path: Path) -> None:
    bank = Sender(BANK)
    lent = [bank.registered("2015-01-01"), bank.issued("A", SHOP, "2024-01-10", yuan(1_000_000))]
    it = county(tmp_path, lent, "2024-01-11")
    it.take([total(bank, "2024-01-31", "PH", "99.00", kind="tie_out")], "2024-02-01")
    it.take([bank.repaid("A", "2024-01-30", yuan(10_000))], "2024-02-05")
    judge = Judge(it.worker.store, by_record_clock=True)
    assert judge.tick(instant("2024-02-10")) == []


def off_by_ten_thousand_yuan(path: Path, lent: str, day: str, told: str) -> tuple[County, Judge]:
    """A tie-out of a month's last day that says less than the books, and who judges it."""
    bank = Sender(BANK)
    it = county(path, [bank.registered("2015-01-01"), bank.issued("A", SHOP, lent, yuan(1_000_000))], lent)
    it.take([total(bank, day, "PH", "99.00", kind="tie_out")], told)
    return it, Judge(it.worker.store, by_record_clock=True)


def repaid_late(it: County, day: str, known: str) -> None:
    it.take([Sender(BANK, _sent=700).repaid("A", day, yuan(10_000))], known)


def approved(it: County, period: str, known: str) -> None:
    event = Sender(BANK, _sent=900).event(
        "restatement.approved", known, period=period, approved_by="县金融办"
    )
    it.take([event | {"source": OFFICE, "id": f"approval-{period}"}], known)


def gaps(judge: Judge, until: str) -> dict[str, str]:
    """The state of each gap, by its day."""
    judge.tick(instant(until))
    found = [alert for alert in judge.alerts.values() if alert.rule == "ReconciliationGap"]
    return {alert.period.split("/")[0]: str(alert.state) for alert in found}


def test_a_gap_stands_until_the_restatement_of_its_month_is_approved(tmp_path: Path) -> None:
    it, judge = off_by_ten_thousand_yuan(tmp_path, "2024-01-10", "2024-01-31", "2024-02-01")
    assert gaps(judge, "2024-02-07") == {"2024-01-31": "confirmed"}
    repaid_late(it, "2024-01-30", "2024-02-10")
    assert gaps(judge, "2024-02-12") == {"2024-01-31": "confirmed"}, "the official figure is the pinned one"
    approved(it, "2024-01", "2024-02-12")
    assert gaps(judge, "2024-02-14") == {"2024-01-31": "withdrawn"}


def test_a_restatement_after_which_the_books_do_not_tie_any_more_is_a_gap(tmp_path: Path) -> None:
    it, judge = off_by_ten_thousand_yuan(tmp_path, "2024-01-10", "2024-01-31", "2024-02-01")
    repaid_late(it, "2024-01-30", "2024-02-02")
    assert gaps(judge, "2024-02-07") == {}
    it.take([Sender(BANK, _sent=800).repaid("A", "2024-01-31", yuan(5_000))], "2024-02-10")
    assert gaps(judge, "2024-02-12") == {}
    approved(it, "2024-01", "2024-02-12")
    assert gaps(judge, "2024-02-14") == {"2024-01-31": "confirmed"}


def test_a_gap_of_a_quarters_last_month_ends_where_the_quarter_closes_without_it(tmp_path: Path) -> None:
    it, judge = off_by_ten_thousand_yuan(tmp_path, "2024-04-10", "2024-06-30", "2024-07-02")
    repaid_late(it, "2024-06-28", "2024-07-10")
    assert gaps(judge, "2024-07-17") == {"2024-06-30": "confirmed"}
    assert gaps(judge, "2024-07-18") == {"2024-06-30": "withdrawn"}


def test_a_gap_of_an_earlier_month_waits_for_its_own_restatement(tmp_path: Path) -> None:
    it, judge = off_by_ten_thousand_yuan(tmp_path, "2024-04-10", "2024-04-30", "2024-05-02")
    repaid_late(it, "2024-04-28", "2024-05-10")
    assert gaps(judge, "2024-07-30") == {"2024-04-30": "confirmed"}, (
        "its quarter's closing approves of nothing"
    )
    approved(it, "2024-04", "2024-07-30")
    assert gaps(judge, "2024-08-01") == {"2024-04-30": "withdrawn"}


def test_a_restatement_of_a_quarter_judges_the_gaps_of_its_last_month(tmp_path: Path) -> None:
    it, judge = off_by_ten_thousand_yuan(tmp_path, "2024-04-10", "2024-06-30", "2024-07-02")
    assert gaps(judge, "2024-07-30") == {"2024-06-30": "confirmed"}
    repaid_late(it, "2024-06-28", "2024-08-02")
    approved(it, "2024Q2", "2024-08-09")
    assert gaps(judge, "2024-08-11") == {"2024-06-30": "withdrawn"}


def of_office(event: str, known: str, /, **data: object) -> Event:
    return Sender(BANK, _sent=950).event(event, known, **data) | {"source": OFFICE}


def one_household_fewer(path: Path) -> tuple[County, Judge]:
    """A local legal person of 2024 with a customer less than a year before, and who judges it."""
    bank = Sender(BANK)
    it = county(path, [bank.registered("2015-01-01", is_local_legal_person=True)], "2023-01-01")
    it.take(
        [bank.issued(f"L{n}", who, "2023-03-01", yuan(9_000)) for n, who in enumerate((SHOP, FARM))],
        "2023-03-02",
    )
    it.take([bank.repaid("L0", "2024-06-01", yuan(9_000))], "2024-06-02")
    return it, Judge(it.worker.store, by_record_clock=True)


LOCAL_NO_MORE = of_office(
    "institution.updated", "2025-01-08", name="某农商银行", kind="rural_commercial", valid_from="2015-01-01",
    known_from="2015-01-01", is_local_legal_person=False,
)  # fmt: skip
NO_TARGET_ANY_MORE = of_office(
    "policy.target_set", "2025-01-08", key="two_increase_household", value="0", unit="户",
    scope={"is_local_legal_person": True}, valid_from="2024-01-01", valid_to="2024-06-30",
)  # fmt: skip


@pytest.mark.parametrize("said", [LOCAL_NO_MORE, NO_TARGET_ANY_MORE], ids=["the bank", "the target"])
def test_an_alert_whose_ground_is_gone_is_withdrawn(tmp_path: Path, said: Event) -> None:
    it, judge = one_household_fewer(tmp_path)
    key = ("TwoIncreaseHouseholdMissed", BANK, "2024")
    judge.tick(instant("2025-01-05"))
    assert str(judge.alerts[key].state) == "provisional"
    it.take([said], "2025-01-08")
    judge.tick(instant("2025-01-09T00:00:00"))
    alert = judge.alerts[key]
    assert (str(alert.state), alert.evidence.value, alert.evidence.notes) == (
        "withdrawn",
        None,
        ("无适用目标",),
    )
    assert alert.headline == "户数差 -1 户", "it still says what was said"
    judge.tick(instant("2026-02-05"))
    assert judge.alerts[key] == alert


@pytest.mark.parametrize(
    ("since", "state"),
    [
        pytest.param("2025-01-01", "confirmed", id="from the next year on"),
        pytest.param("2024-12-31", "withdrawn", id="at the end of the year already"),
    ],
)
def test_a_bank_is_judged_as_what_it_was_at_the_end_of_the_period(
    tmp_path: Path, since: str, state: str
) -> None:
    it, judge = one_household_fewer(tmp_path)
    judge.tick(instant("2025-01-05"))
    no_more = LOCAL_NO_MORE | {"data": LOCAL_NO_MORE["data"] | {"valid_from": since}}
    it.take([no_more], "2025-01-08")
    judge.tick(instant("2025-01-20"))
    assert str(judge.alerts["TwoIncreaseHouseholdMissed", BANK, "2024"].state) == state


def own_target(known: str, /, **data: object) -> Event:
    """The office sets a target of the bank alone, for 2024 where nothing else is said."""
    terms = {"value": "0", "unit": "户", "valid_from": "2024-01-01", "valid_to": "2024-12-31"}
    whom = {"key": "two_increase_household", "scope": {"institution_id": BANK}}
    return of_office("policy.target_set", known, **(whom | terms | data))


@pytest.mark.parametrize(
    ("terms", "after"),
    [
        pytest.param(
            {"value": "-5", "exempt": True}, ("withdrawn", "P4"), id="a target of its own that it met"
        ),
        pytest.param({"exempt": True}, ("confirmed", "P4"), id="an exemption"),
        pytest.param({"value": "-1"}, ("withdrawn", "P2"), id="a target that is set later"),
        pytest.param(
            {"exempt": True, "valid_from": "2025-01-01", "valid_to": None},
            ("confirmed", "P2"),
            id="of next year",
        ),
        pytest.param(
            {"exempt": True, "scope": {"institution_id": social_credit_code(9)}},
            ("confirmed", "P2"),
            id="of another",
        ),
    ],
)
def test_a_verdict_is_judged_anew_by_what_the_office_sets_for_its_year_later(
    tmp_path: Path, terms: dict[str, object], after: tuple[str, str]
) -> None:
    it, judge = one_household_fewer(tmp_path)
    judge.tick(instant("2025-03-01"))
    alert = judge.alerts["TwoIncreaseHouseholdMissed", BANK, "2024"]
    assert (str(alert.state), alert.severity) == ("confirmed", "P2")
    it.take([own_target("2025-03-01", **terms)], "2025-03-01")
    judge.tick(instant("2025-03-03"))
    alert = judge.alerts["TwoIncreaseHouseholdMissed", BANK, "2024"]
    assert (str(alert.state), alert.severity) == after


def test_a_verdict_is_raised_by_a_target_that_is_set_for_its_year_later(tmp_path: Path) -> None:
    it, judge = one_household_fewer(tmp_path)
    it.take([own_target("2024-11-01", value="-1")], "2024-11-01")
    judge.tick(instant("2025-03-01"))
    assert ("TwoIncreaseHouseholdMissed", BANK, "2024") not in judge.alerts
    it.take([own_target("2025-03-01", value="3") | {"id": "own-2"}], "2025-03-01")
    judge.tick(instant("2025-03-03"))
    assert str(judge.alerts["TwoIncreaseHouseholdMissed", BANK, "2024"].state) == "confirmed"


def test_what_is_judged_anew_by_a_target_is_the_official_figure(tmp_path: Path) -> None:
    it, judge = one_household_fewer(tmp_path)
    judge.tick(instant("2025-03-01"))
    late = Sender(BANK, _sent=800).issued("N", SHOP, "2024-12-20", yuan(9_000))
    it.take([late], "2025-03-01")
    it.take([own_target("2025-03-02")], "2025-03-02")
    judge.tick(instant("2025-03-04"))
    alert = judge.alerts["TwoIncreaseHouseholdMissed", BANK, "2024"]
    assert (str(alert.state), alert.evidence.value) == ("confirmed", -1), "what came late is not approved of"


def closed_on(day: str, known: str) -> Event:
    return of_office("institution.closed", known, closed_on=day, reason="机构合并")


def local(since: str, name: str = "某农商银行", *, yes: bool = False) -> Event:
    """The office says what the bank was from a day on."""
    data = LOCAL_NO_MORE["data"] | {"business_date": "2024-06-01", "name": name, "valid_from": since}
    return LOCAL_NO_MORE | {"id": f"told-{since}-{yes}", "data": data | {"is_local_legal_person": yes}}


@pytest.mark.parametrize(
    ("said", "state", "changes"),
    [
        pytest.param(local("2015-01-01"), "withdrawn", 1, id="no local legal person at all"),
        pytest.param(local("2024-12-31"), "withdrawn", 1, id="none at the end of the year"),
        pytest.param(local("2025-01-01"), "confirmed", 0, id="none from the next year on"),
        pytest.param(
            closed_on("2024-12-31", "2025-03-01"), "withdrawn", 1, id="closed by the end of the year"
        ),
        pytest.param(closed_on("2025-01-01", "2025-03-01"), "confirmed", 0, id="closed after it"),
        pytest.param(local("2015-01-01", "另一名称", yes=True), "confirmed", 0, id="another name alone"),
    ],
)
def test_a_verdict_is_judged_anew_by_what_becomes_known_of_the_bank_later(
    tmp_path: Path, said: Event, state: str, changes: int
) -> None:
    it, judge = one_household_fewer(tmp_path)
    key = ("TwoIncreaseHouseholdMissed", BANK, "2024")
    judge.tick(instant("2025-03-01"))
    before = judge.alerts[key]
    assert str(before.state) == "confirmed"
    it.take([said], "2025-03-01")
    judge.tick(instant("2025-03-05"))
    assert (str(judge.alerts[key].state), judge.alerts[key].changes - before.changes) == (state, changes)


def test_a_verdict_is_raised_where_a_bank_turns_out_to_have_been_a_local_one(tmp_path: Path) -> None:
    it, judge = one_household_fewer(tmp_path)
    it.take([local("2015-01-01")], "2024-06-03")
    judge.tick(instant("2025-03-01"))
    assert not judge.alerts
    it.take([local("2015-01-01", yes=True)], "2025-03-01")
    judge.tick(instant("2025-03-05"))
    assert str(judge.alerts["TwoIncreaseHouseholdMissed", BANK, "2024"].state) == "confirmed"


def test_a_bank_that_has_closed_misses_no_target_of_the_year(tmp_path: Path) -> None:
    it, judge = one_household_fewer(tmp_path)
    it.take([closed_on("2024-11-15", "2024-11-16")], "2024-11-16")
    judge.tick(instant("2025-02-05"))
    assert ("TwoIncreaseHouseholdMissed", BANK, "2024") not in judge.alerts


def test_what_was_said_of_a_bank_of_whose_closing_nobody_knew_is_withdrawn(tmp_path: Path) -> None:
    it, judge = one_household_fewer(tmp_path)
    judge.tick(instant("2025-01-05"))
    it.take([closed_on("2024-12-31", "2025-01-08")], "2025-01-08")
    judge.tick(instant("2025-01-20"))
    alert = judge.alerts["TwoIncreaseHouseholdMissed", BANK, "2024"]
    assert (str(alert.state), alert.evidence.notes) == ("withdrawn", ("机构已撤销",))


def test_a_bank_that_has_closed_and_handed_its_loans_over_does_not_swing(tmp_path: Path) -> None:
    it, bank = shrunk(tmp_path), Sender(BANK, _sent=500)
    it.take([bank.repaid(f"L{n}", "2024-05-10", yuan(1_000_000)) for n in range(30, 40)], "2024-05-11")
    it.take([closed_on("2024-05-15", "2024-05-16")], "2024-05-16")
    judge = Judge(it.worker.store, by_record_clock=True)
    assert swings(judge, "2024-08-01") == {"2024Q1": "confirmed"}


def test_a_pace_of_a_bank_that_is_of_another_kind_now_is_withdrawn(tmp_path: Path) -> None:
    bank = Sender(BANK)
    it = county(tmp_path, [bank.registered("2015-01-01", kind="large_state"), level_a(bank)], "2023-01-10")
    it.take([total(bank, "2022-12-31", "PH", "20000.00")], "2023-01-10")
    it.take([total(bank, "2023-06-30", "PH", "22600.00")], "2023-07-05")
    judge = Judge(it.worker.store, by_record_clock=True)
    judge.tick(instant("2023-07-07"))
    key = ("LargeBankBehindPace", BANK, "2023Q2")
    assert str(judge.alerts[key].state) == "provisional"
    terms = {
        "name": "某农商银行",
        "kind": "city_commercial",
        "valid_from": "2015-01-01",
        "known_from": "2015-01-01",
    }
    it.take([of_office("institution.updated", "2023-07-08", **terms)], "2023-07-08")
    judge.tick(instant("2023-07-20"))
    assert str(judge.alerts[key].state) == "withdrawn"


def test_a_first_business_is_confirmed_at_its_closing_with_what_it_was_made_of(tmp_path: Path) -> None:
    bank = Sender(BANK)
    it = county(tmp_path, [bank.registered("2015-01-01")], "2023-01-01")
    it.take([bank.issued("A", SHOP, "2023-03-01", yuan(9_000_000))], "2023-03-02")
    it.take([bank.renewed("N", SHOP, "2024-02-01", {"A": yuan(9_000_000)})], "2024-02-02")
    judge = Judge(it.worker.store, by_record_clock=True)
    judge.tick(instant("2024-04-20"))
    alert = judge.alerts["NprSwing", BANK, "2024Q1"]
    assert (str(alert.state), alert.headline) == ("confirmed", "首次开办无还本续贷，余额 900.00 万元")
    assert [(fact["loan_no"], fact["amount"]) for fact in alert.evidence.facts or ()] == [
        ("N", yuan(9_000_000))
    ]
    page = evidence(it.figures, alert.key, Question())
    assert page is not None
    assert (page.agrees, [customer.change for customer in page.customers]) == (True, ["900.00万元"])


def test_every_hour_of_the_day_before_is_judged_at_the_start_of_a_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    it, hours = county(tmp_path, [Sender(BANK).registered()], "2024-02-01"), list[int]()

    def counted_in(hour: int) -> list[tuple[str, str, str, int]]:
        hours.append(hour)
        return []

    monkeypatch.setattr(it.figures, "counted_in", counted_in)
    midnight = instant("2024-02-02T00:00:00")
    list(Due(it.figures, by_record_clock=True).at(midnight))
    whole_day = list(range(midnight // HOUR - 24, midnight // HOUR))
    assert sorted(hours) == sorted([*whole_day, *whole_day]), "once for each of the two rules about hours"


def swung(path: Path) -> County:
    bank = Sender(BANK)
    it = county(path, [bank.registered("2015-01-01", kind="policy"), level_a(bank)], "2024-01-10")
    it.take([total(bank, "2023-12-31", "NPR", "2000.00")], "2024-01-12")
    it.take([total(bank, "2024-03-31", "NPR", "1000.00")], "2024-04-02")
    return it


def test_what_is_judged_again_and_comes_out_the_same_is_not_stored_again(tmp_path: Path) -> None:
    it = swung(tmp_path)
    judge = Judge(it.worker.store, by_record_clock=True)
    assert [alert.rule for alert in judge.tick(instant("2024-04-03"))] == ["NprSwing"]
    stored = it.worker.store.book(ALERT_BOOK)
    it.take([total(Sender(BANK, _sent=50), "2024-03-31", "NPR", "1000.00")], "2024-04-04")
    assert judge.tick(instant("2024-04-05")) == []
    assert it.worker.store.book(ALERT_BOOK) == stored


def test_a_quarter_that_something_has_moved_is_judged_again(tmp_path: Path) -> None:
    it = swung(tmp_path)
    judge = Judge(it.worker.store, by_record_clock=True)
    judge.tick(instant("2024-04-03"))
    it.take([total(Sender(BANK, _sent=50), "2024-03-31", "NPR", "1990.00")], "2024-04-04")
    (alert,) = judge.tick(instant("2024-04-05"))
    assert (alert.rule, str(alert.state)) == ("NprSwing", "withdrawn")


def shrunk(path: Path) -> County:
    """无还本续贷 of forty customers at the end of 2023; all but ten of them have repaid by 2024-03-20."""
    bank, customers = Sender(BANK), [social_credit_code(20 + n) for n in range(40)]
    it = county(path, [bank.registered("2023-12-31")], "2024-01-05")
    held = [
        bank.opening(f"L{n}", who, "2023-12-31", yuan(1_000_000), issuance_kind="no_principal_renewal")
        for n, who in enumerate(customers)
    ]
    it.take(held, "2024-01-05")
    it.take([bank.repaid(f"L{n}", "2024-03-20", yuan(1_000_000)) for n in range(30)], "2024-03-21")
    return it


def swings(judge: Judge, until: str) -> dict[str, str]:
    """The state of each swing, by its quarter."""
    judge.tick(instant(until))
    return {
        period: str(alert.state) for (rule, _, period), alert in judge.alerts.items() if rule == "NprSwing"
    }


def test_a_quarter_that_was_over_before_a_bank_sent_anything_is_not_judged(tmp_path: Path) -> None:
    bank = Sender(BANK)
    it = county(tmp_path, [bank.registered("2015-01-01", kind="policy"), level_a(bank)], "2024-01-10")
    days = {"2023-12-31": "2000.00", "2024-03-31": "1000.00", "2024-06-30": "100.00"}
    it.take([total(bank, day, "NPR", amount) for day, amount in days.items()], "2024-07-02")
    assert swings(Judge(it.worker.store, by_record_clock=True), "2024-07-05") == {}


def test_a_quarter_whose_last_days_brought_the_first_data_is_judged(tmp_path: Path) -> None:
    it = shrunk(tmp_path)
    assert swings(Judge(it.worker.store, by_record_clock=True), "2024-04-02") == {"2024Q1": "provisional"}


def test_what_moves_an_open_quarter_is_judged_at_the_next_start_of_a_day(tmp_path: Path) -> None:
    it, bank = shrunk(tmp_path), Sender(BANK, _sent=500)
    judge = Judge(it.worker.store, by_record_clock=True)
    assert swings(judge, "2024-04-02") == {"2024Q1": "provisional"}
    it.take([bank.issued("B", SHOP, "2024-03-28", yuan(30_000_000))], "2024-04-03")
    it.take([bank.renewed("N", SHOP, "2024-03-29", {"B": yuan(30_000_000)})], "2024-04-03")
    assert swings(judge, "2024-04-04T00:00:00") == {"2024Q1": "withdrawn"}


def test_what_moves_a_closed_quarter_is_not_judged_before_its_restatement_is_approved(tmp_path: Path) -> None:
    it, bank = shrunk(tmp_path), Sender(BANK, _sent=500)
    judge = Judge(it.worker.store, by_record_clock=True)
    assert swings(judge, "2024-04-20") == {"2024Q1": "confirmed"}
    it.take([bank.issued("B", SHOP, "2024-03-28", yuan(30_000_000))], "2024-04-21")
    it.take([bank.renewed("N", SHOP, "2024-03-29", {"B": yuan(30_000_000)})], "2024-04-21")
    assert swings(judge, "2024-05-05") == {"2024Q1": "confirmed"}
    approved(it, "2024Q1", "2024-05-06")
    assert swings(judge, "2024-05-08") == {"2024Q1": "withdrawn"}


def test_what_moves_the_next_quarter_judges_nothing_again(tmp_path: Path) -> None:
    it, bank = shrunk(tmp_path), Sender(BANK, _sent=500)
    due = Due(it.figures, by_record_clock=True)
    assert list(due.quarter(BANK, Quarter(2024, 1), instant("2024-04-02"), False))
    it.take([bank.repaid("L39", "2024-04-01", 100)], "2024-04-03")
    assert not list(due.quarter(BANK, Quarter(2024, 1), instant("2024-04-04"), False))


@pytest.mark.parametrize(
    ("by_record_clock", "said"), [(True, {"UnitSuspected"}), (False, {"UnitSuspected", "ReconciliationGap"})]
)
def test_where_records_carry_the_clock_only_a_suspected_unit_is_said_at_once(
    tmp_path: Path, by_record_clock: bool, said: set[str]
) -> None:
    bank = Sender(BANK)
    lent = [bank.registered("2015-01-01"), bank.issued("A", SHOP, "2024-01-10", yuan(1_000_000))]
    it = county(tmp_path, lent, "2024-01-11")
    it.take([total(bank, "2024-01-31", "PH", "1000000.00", kind="tie_out")], "2024-02-10")
    ((version, known_at, found),) = Due(it.figures, by_record_clock=by_record_clock).reported(BANK, 0)
    assert (version, known_at) == (it.figures.positions(BANK).last, instant("2024-02-10"))
    assert {one.rule for one in found} == said


@pytest.mark.parametrize(
    ("level", "key", "kind"),
    [("A", "PH", "total"), ("A", "PH", "tie_out"), ("C", "ALL", "total"), ("C", "PH", "base")],
)
def test_a_total_in_another_unit_than_the_one_before_it_is_said_at_once_and_withdrawn_when_corrected(
    tmp_path: Path, level: str, key: str, kind: str
) -> None:
    bank = Sender(BANK)
    it = county(tmp_path, [bank.registered("2024-01-31")], "2024-01-05")
    it.take([level_a(bank)] if level == "A" else [], "2024-01-05")
    it.take([total(bank, "2023-11-30", key, "20000.00", kind=kind)], "2024-01-05")
    it.take([total(bank, "2023-12-31", key, "200000000.00", kind=kind)], "2024-01-06")
    judge = Judge(it.worker.store, by_record_clock=True)
    (alert,) = judge.after([BANK])
    assert (alert.rule, alert.period) == ("UnitSuspected", f"2023-12-31/{key}/balance")
    assert alert.headline == "报送数 20,000.00亿元，上次报送数 2.00亿元，相差约一万倍"
    assert [fact["amount"] for fact in alert.evidence.facts or ()] == [yuan(2_000_000_000_000)]
    judge.tick(instant("2024-01-30"))
    assert str(judge.alerts[alert.key].state) == "confirmed", "its month has closed"
    it.take([total(bank, "2023-12-31", key, "21000.00", kind=kind)], "2024-01-31")
    assert [str(one.state) for one in judge.after([BANK])] == ["withdrawn"]


def test_a_total_that_is_sent_again_as_it_was_is_suspected_no_more(tmp_path: Path) -> None:
    bank = Sender(BANK)
    it = county(tmp_path, [bank.registered("2015-01-01"), level_a(bank)], "2024-01-05")
    told = {"2023-11-30": "200.00", "2023-12-31": "2000000.00"}
    it.take([total(bank, day, "PH", amount) for day, amount in told.items()], "2024-01-06")
    judge = Judge(it.worker.store, by_record_clock=True)
    judge.tick(instant("2024-01-08"))
    it.take([total(bank, "2023-12-31", "PH", "2000000.00")], "2024-01-09")
    judge.tick(instant("2024-01-10"))
    assert {str(alert.state) for alert in judge.alerts.values()} == {"withdrawn"}


def test_by_the_wall_clock_an_hour_is_judged_when_it_is_over(tmp_path: Path) -> None:
    desk, noon = Desk(tmp_path), instant("2024-07-01")
    judge = Judge(desk.store, by_record_clock=False)
    judge.tick(noon)
    desk.when(*(desk.bank.issued(f"L{number}", SHOP, "2024-12-31", 100) for number in range(30)))
    assert judge.tick(noon + HOUR + SETTLED - 1) == []
    (alert,) = judge.tick(noon + HOUR + SETTLED)
    assert (alert.rule, alert.period) == ("RejectSpike", "2024-07-01T12")
    assert judge.tick(instant("2024-07-02T01:00:00")) == [], "the start of the next day says nothing new"
