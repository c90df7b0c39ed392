"""What an alert rests on can be followed to its facts, and stays short."""

from pathlib import Path

from aggregates.store.transaction import Transaction
from console.evidence import evidence
from console.facts import facts_table
from console.question import Question
from projections.alerts import Evidence, Finding, Reading, after, changes
from projections.evidence import SHOWN
from projections.judging import Judge
from tests.desk import BANK, FARM, SHOP, Desk, instant
from tests.events import Sender, yuan
from tests.figures import county, level_a, total
from tests.figures import instant as moment


def test_a_gap_names_the_last_reports_of_its_day_only(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.given(desk.bank.issued("A", SHOP, "2024-05-03", 100))
    judge = Judge(desk.store, by_record_clock=False)
    for thousands in range(5, 5 + 2 * SHOWN):
        desk.given(total(desk.bank, "2024-05-31", "PH", f"{thousands}000.00", kind="tie_out"))
    judge.tick(instant("2024-07-01", 13))
    (alert,) = judge.alerts.values()
    assert alert.rule == "ReconciliationGap"
    amounts = [fact["amount"] for fact in alert.evidence.facts or ()]
    assert len(amounts) == SHOWN
    assert amounts[-1] == (4 + 2 * SHOWN) * 1000 * 10_000 * 100


def test_a_spike_of_refusals_names_the_last_ones_of_its_hour(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    judge = Judge(desk.store, by_record_clock=False)
    desk.when(desk.bank.issued("EARLY", SHOP, "2024-12-31", 100), today="2024-06-30")
    for number in range(20 + SHOWN):
        desk.when(desk.bank.issued(f"L{number}", SHOP, "2024-12-31", 100))
    judge.tick(instant("2024-07-02", 1))
    (alert,) = judge.alerts.values()
    assert alert.rule == "RejectSpike"
    facts = alert.evidence.facts or ()
    assert len(facts) == SHOWN
    assert {(fact["fact"], fact["rule"], fact["field"]) for fact in facts} == {
        ("event.refused", "V06", "data.business_date")
    }
    assert {fact["recorded_at"][:13] for fact in facts} == {alert.period}
    columns, rows = facts_table(facts)
    assert columns == ("事实", "退回规则", "字段", "位置", "记录时点", "事件")
    assert rows[0][:3] == ("退回", "V06", "data.business_date")


def test_a_swing_of_a_bank_that_sends_totals_has_no_facts_which_is_not_the_same_as_none_at_all(
    tmp_path: Path,
) -> None:
    bank = Sender(BANK)
    it = county(tmp_path, [bank.registered("2015-01-01", kind="policy"), level_a(bank)], "2024-01-10")
    it.take([total(bank, "2023-12-31", "NPR", "2000.00")], "2024-01-12")
    it.take([total(bank, "2024-03-31", "NPR", "1000.00")], "2024-04-02")
    (alert,) = Judge(it.worker.store, by_record_clock=True).tick(moment("2024-04-03"))
    assert (alert.rule, alert.evidence.facts) == ("NprSwing", None)


def test_a_growth_that_is_missed_names_the_customers_that_fell_most(tmp_path: Path) -> None:
    bank = Sender(BANK)
    lent = [
        bank.issued("A", SHOP, "2023-03-01", yuan(30_000)),
        bank.issued("B", FARM, "2023-03-01", yuan(20_000)),
    ]
    grown = [bank.repaid("A", "2024-02-01", yuan(25_000)), bank.issued("C", FARM, "2024-02-01", yuan(1_000))]
    it = county(tmp_path, [bank.registered("2015-01-01"), *lent, *grown], "2024-03-31")
    kept = Evidence(indicator="I35", unit="ratio", value="-0.48", as_of="2024-03-30", notes=("全县进度",))
    found = Finding(
        rule="LargeBankBehindPace", version=1, subject=BANK, period="2024Q1", reading=Reading.BREACH, severity="P4",
        headline="", evidence=kept,
    )  # fmt: skip
    alert = after(None, found, instant("2024-03-31"))
    assert alert is not None
    transaction = Transaction()
    changes(it.worker.store, transaction, [alert], instant("2024-03-31"))
    it.worker.store.write(transaction)
    page = evidence(it.figures, alert.key, Question())
    assert page is not None
    assert page.between == ("2023-12-31", "2024-03-30")
    assert [(one.before, one.after, one.change) for one in page.customers] == [
        ("3.00万元", "0.50万元", "-2.50万元")
    ]
