"""What an alert carries as evidence stays short, however often the same figure was reported."""

from pathlib import Path

from projections.evidence import SHOWN
from projections.judging import Judge
from tests.desk import SHOP, Desk, instant
from tests.figures import total


def test_a_gap_names_the_last_reports_of_its_day_only(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.given(desk.bank.issued("A", SHOP, "2024-05-03", 100))
    judge = Judge(desk.store, by_record_clock=False)
    for thousands in range(5, 5 + 2 * SHOWN):
        desk.given(total(desk.bank, "2024-05-31", "PH", f"{thousands}000.00", kind="tie_out"))
    judge.tick(instant("2024-07-01", 13))
    (alert,) = judge.alerts.values()
    assert alert.rule == "ReconciliationGap"
    amounts = [fact["amount"] for fact in alert.evidence.facts]
    assert len(amounts) == SHOWN
    assert amounts[-1] == (4 + 2 * SHOWN) * 1000 * 10_000 * 100
