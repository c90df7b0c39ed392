"""The planted stories of the simulated county, played to 2025-01-20: what must be raised, and what must not (15.5)."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta, timezone
from itertools import groupby
from typing import Final

import pytest

from aggregates.codes import day_number
from aggregates.facts import decode_record, flagged
from aggregates.loan import Kind
from aggregates.store import Store, open_store
from projections.alerts import Alert, State
from projections.bridge import bridge
from projections.judging import Judge
from projections.official import official
from projections.views import Figures, View
from streams.arrival import Source
from streams.intake import Intake
from streams.partitioning import partition_of
from streams.simulation import Message, county
from tests.worker import PARTITIONS, FakeRecord

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

BEIJING: Final = timezone(timedelta(hours=8))
END: Final = datetime(2025, 1, 20, tzinfo=BEIJING)
GROWTH_HOUSEHOLD_SWING: Final = (
    "NprSwing", "LargeBankGrowthMissed", "LargeBankBehindPace", "TwoIncreaseGrowthMissed", "TwoIncreaseHouseholdMissed",
)  # fmt: skip


def messages() -> Iterator[Message]:
    """The history, and the live days before 2025-01-20."""
    played = county()
    yield from played.history()
    for day in played.live():
        for message in day:
            if message.recorded_at >= END:
                return
            yield message


def by_day(all_: Iterable[Message]) -> Iterator[tuple[date, list[Message]]]:
    for day, group in groupby(all_, key=lambda m: m.recorded_at.astimezone(BEIJING).date()):
        yield day, list(group)


def play(store: Store) -> Judge:
    """Take the days in as a worker would: partition by partition, the registry first, judged at the end of each day."""
    intake = Intake(store, environment="demo")
    intake.open()
    judge = Judge(store, by_record_clock=True)
    offsets: Counter[tuple[str, int]] = Counter()
    for day, sent in by_day(messages()):
        batches: dict[tuple[str, int], list[FakeRecord]] = {}
        for m in sent:
            place = (m.topic, partition_of(m.key, PARTITIONS))
            at = int(m.recorded_at.timestamp() * 1000)
            batches.setdefault(place, []).append(FakeRecord(offsets[place], at, m.key.encode(), m.value))
            offsets[place] += 1
        for (topic, partition), records in sorted(batches.items(), reverse=True):
            source = Source(f"county/{topic}/{partition}", topic, partition, PARTITIONS)
            for taken in intake.take(source, records, records[0].offset, records[-1].offset + 1):
                if taken.reported:
                    judge.after(taken.reported)
        judge.tick(_instant(datetime.combine(day, datetime.min.time(), BEIJING)))
    judge.tick(_instant(END))
    intake.flush_all()
    return judge


def _instant(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Judge:
    return play(open_store(f"sqlite:{tmp_path_factory.mktemp('stories')}/store.db"))


@pytest.fixture(scope="module")
def figures(judge: Judge) -> Figures:
    return Figures(judge.store)


@pytest.fixture(scope="module")
def bank(figures: Figures) -> Mapping[str, str]:
    """Codes by name."""
    return {i.name: i.id for i in figures.institutions(View(day_number(END.date()))).values()}


def found(judge: Judge, rule: str, subject: str) -> dict[str, Alert]:
    return {a.period: a for a in judge.alerts.values() if (a.rule, a.subject) == (rule, subject)}


def test_d01_a_real_squeeze_is_confirmed_at_the_closing(judge: Judge, bank: Mapping[str, str]) -> None:
    swings = found(judge, "NprSwing", bank["槐乡村镇银行"])
    swing = swings["2024Q3"]
    assert (swing.state, swing.severity) == (State.CONFIRMED, "P2")
    assert datetime.fromtimestamp(swing.updated_at / 1e6, BEIJING).date() == date(2024, 10, 18)
    assert "下降42.0%" in swing.headline
    assert any("40.8%" in note for note in swing.evidence.notes)
    assert set(swings) == {"2024Q3"}
    assert swing.evidence.facts


def test_d02_a_relabelling_is_a_policy_break_and_no_swing(judge: Judge, bank: Mapping[str, str]) -> None:
    swing = found(judge, "NprSwing", bank["汾源农商行"])["2024Q4"]
    assert swing.state is State.POLICY_BREAK
    assert "增长61.1%" in swing.headline
    assert "6.0%" in swing.headline


def test_d03_one_large_bank_missed_its_growth(judge: Judge, bank: Mapping[str, str]) -> None:
    missed = [a for a in judge.alerts.values() if a.rule == "LargeBankGrowthMissed" and a.is_open]
    assert [(a.subject, a.period, a.severity) for a in missed] == [(bank["国中支行"], "2023", "P2")]
    assert "低9.00个百分点" in missed[0].headline
    behind = {a.subject for a in judge.alerts.values() if a.rule == "LargeBankBehindPace" and a.is_open}
    assert behind == {bank["国中支行"]}


def test_d04_households_under_an_exemption_are_shown_and_no_breach(
    judge: Judge, bank: Mapping[str, str]
) -> None:
    alert = found(judge, "TwoIncreaseHouseholdMissed", bank["槐乡村镇银行"])["2024"]
    assert (alert.state, alert.severity, alert.evidence.value) == (State.CONFIRMED, "P4", -37)
    assert "差异化考核" in alert.evidence.notes
    assert not [a for a in judge.alerts.values() if a.rule == "TwoIncreaseGrowthMissed" and a.is_open]


def test_d05_a_wrong_unit_is_suspected_and_withdrawn_on_correction(
    judge: Judge, bank: Mapping[str, str]
) -> None:
    alert = found(judge, "UnitSuspected", bank["国建支行"])["2024-05-31/PH/balance"]
    assert (alert.state, alert.severity) == (State.WITHDRAWN, "P3")
    assert [a for a in judge.alerts.values() if a.rule == "UnitSuspected"] == [alert]


def test_d06_an_innocent_season_is_recorded(judge: Judge, bank: Mapping[str, str]) -> None:
    assert {p: a.state for p, a in found(judge, "NprSwing", bank["邮储类支行"]).items()} == {
        "2024Q3": State.SEASONAL
    }


def test_d07_few_customers_are_listed_only(judge: Judge, bank: Mapping[str, str]) -> None:
    listed = found(judge, "NprSwing", bank["城商行支行"])["2023Q3"]
    assert listed.state is State.LISTED
    assert any("13.3%" in note for note in listed.evidence.notes)


def test_d08_a_reversal_restates_the_quarter_once_it_is_approved(
    figures: Figures, bank: Mapping[str, str]
) -> None:
    found_ = official(figures, bank["国农支行"], "2024Q2")
    assert found_.state == "restated"
    before = View(day_number(date(2024, 6, 30)), _instant(datetime(2024, 7, 18, tzinfo=BEIJING)))
    gained = figures.balance(bank["国农支行"], "NPR", found_.view.as_of, found_.view).value
    pinned = figures.balance(bank["国农支行"], "NPR", before.as_of, before).value
    assert gained is not None
    assert pinned is not None
    assert gained - pinned == 200_000_000


def test_d09_a_late_line_is_a_reclassification_in_the_bridge(
    figures: Figures, bank: Mapping[str, str]
) -> None:
    view = View(day_number(date(2024, 6, 30)), None)
    lines = {
        line.name
        for line in bridge(figures, bank["国建支行"], view, day_number(date(2024, 3, 31)), "PH").lines
    }
    assert "reclassified" in lines


def test_d13_odd_renewals_are_flagged_and_counted(
    judge: Judge, figures: Figures, bank: Mapping[str, str]
) -> None:
    flags = Counter(
        rule
        for _, state in judge.store.records(bank["汾源农商行"])
        for fact in decode_record(state).facts
        for rule in flagged(fact.flags)
    )
    assert (flags["V15"], flags["V13"]) == (3, 5)
    view = View(day_number(date(2023, 12, 31)), None)
    doubtful = figures.balance(bank["汾源农商行"], "NPR_DOUBTFUL", view.as_of, view)
    assert doubtful.value


def test_d18_a_drill_is_refused_and_a_batch_sent_twice_is_ignored(judge: Judge) -> None:
    counted: Counter[tuple[str, str]] = Counter()
    for _, result, rule, _, events in judge.store.counted():
        counted[(result, rule)] += events
    refused = {rule: n for (result, rule), n in counted.items() if result == "refused"}
    # Beside the drill, second legs of renewals whose first legs were more than 72 hours late.
    assert set(refused) <= {"V47", "V09"}
    assert refused["V47"] == 3
    assert counted[("repeated", "V01")] > 500


def test_no_other_growth_household_or_swing_alert_is_raised(judge: Judge, bank: Mapping[str, str]) -> None:
    raised = {
        (a.rule, a.subject, a.period)
        for a in judge.alerts.values()
        if a.rule in GROWTH_HOUSEHOLD_SWING and a.is_open
    }
    middle = bank["国中支行"]
    assert raised == {
        ("NprSwing", bank["槐乡村镇银行"], "2024Q3"),
        ("LargeBankGrowthMissed", middle, "2023"),
        ("LargeBankBehindPace", middle, "2023Q1"),
        ("LargeBankBehindPace", middle, "2023Q2"),
        ("LargeBankBehindPace", middle, "2023Q3"),
        ("TwoIncreaseHouseholdMissed", bank["槐乡村镇银行"], "2024"),
    }
    gaps = [a for a in judge.alerts.values() if a.rule == "ReconciliationGap" and a.is_open]
    assert gaps == []


def test_the_bridge_of_every_bank_and_quarter_adds_up(figures: Figures) -> None:
    for book in figures.banks(View(day_number(END.date()))):
        version = figures.version(book, View(0))
        for year in (2022, 2023, 2024):
            for month, day in ((3, 31), (6, 30), (9, 30), (12, 31)):
                until = day_number(date(year, month, day))
                after = day_number(date(year, month, day) - timedelta(days=95))
                first, last = figures.ledger.balances(book, "NPR", [after, until], version)
                lines: Mapping[Kind, int] = figures.ledger.bridge(book, "NPR", after, until, version)
                assert last - first == sum(lines.values())
