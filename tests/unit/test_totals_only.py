"""A bank at delivery level A: what its totals say of a day between two reports, and of which kinds they may be."""

from pathlib import Path

from projections.figure import Reason
from tests.events import Sender
from tests.examples import BANK
from tests.figures import County, county, level_a, total, value


def reporting(path: Path) -> County:
    """Two quarters of totals; 信用贷款 as a figure to tie out with."""
    bank = Sender(BANK)
    events = [bank.registered("2015-01-01"), level_a(bank)]
    for day in ("2024-03-31", "2024-06-30"):
        events += [total(bank, day, "NPR", "50.00"), total(bank, day, "NPR", "3", unit="户")]
        events += [total(bank, day, "ALL", "900.00"), total(bank, day, "CREDIT", "30.00", kind="tie_out")]
    return county(path, events, "2024-07-12")


def test_households_stand_between_two_reports_as_the_balance_does(tmp_path: Path) -> None:
    it = reporting(tmp_path)
    for day in ("2024-06-30", "2024-07-10"):
        assert value(it.figure("I21", BANK, day), "households") == 3


def test_every_kind_of_report_stands_for_the_unsecured_share(tmp_path: Path) -> None:
    it = reporting(tmp_path)
    assert it.figure("I11", BANK, "2024-06-30").parts["share_all"].exact == "0.0333333333"


def test_an_unsecured_share_of_which_one_end_is_not_reported_is_not_provided(tmp_path: Path) -> None:
    it = county(
        tmp_path, [Sender(BANK).registered("2015-01-01"), level_a(Sender(BANK, _sent=5))], "2024-07-12"
    )
    it.take([total(Sender(BANK, _sent=9), "2024-06-30", "ALL", "900.00")], "2024-07-12")
    assert it.figure("I11", BANK, "2024-06-30").parts["share_all"].reason is Reason.NOT_PROVIDED
