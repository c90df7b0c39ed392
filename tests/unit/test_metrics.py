"""Figures, counts and alerts as Prometheus reads them: every metric of the table, nothing twice, nothing invented."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from projections.board import Board
from projections.exporter import Exporter, Samples, Told, text
from projections.figure import COUNTY
from projections.indicators import INDICATORS
from projections.metrics import DELAYS, FRESH, MEASURES, METRICS, PERIODS, Kind
from projections.readings import Distribution
from tests import examples
from tests.events import OFFICE, Sender, yuan
from tests.examples import BANK, SHOP
from tests.figures import County, county, instant, level_a, total
from tests.pages import metrics_page
from tests.references import social_credit_code

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"
OTHER = social_credit_code(2)
Found = dict[tuple[str, frozenset[tuple[str, str]]], float]


@dataclass
class FakeWorker:
    """A worker with one partition, 4 of 10 events behind."""

    tracked: dict[tuple[str, int], int] = field(default_factory=lambda: {("loan-events", 2): 6})
    ends: dict[tuple[str, int], int] = field(
        default_factory=lambda: {("loan-events", 2): 10, ("loan-events", 3): 7}
    )
    ends_at: float | None = 1_700_000_000.0
    oldest: dict[tuple[str, int], float] = field(default_factory=lambda: {("loan-events", 2): 90.0})
    stages: dict[str, float] = field(default_factory=lambda: {"decide": 1.5, "recover": 0.25})
    parked: dict[str, int] = field(default_factory=lambda: {BANK: 3})
    behind: int = 12
    assignments: int = 1
    restarts: int = 2
    delays: Distribution = field(
        default_factory=lambda: Distribution(tuple(range(len(DELAYS))), len(DELAYS), 12.5)
    )
    presides: bool = True
    judged_at: float | None = 1_700_000_000.0
    sent: dict[str, int] = field(default_factory=lambda: {"alerts": 5})
    send_failures: int = 1
    told: dict[str, Told] = field(default_factory=lambda: {"one:9093": Told(7, 2, 1)})
    outbox: dict[str, int] = field(default_factory=lambda: {"alerts": 0, "rejected-events": 4})
    store_bytes: int | None = 4096
    ready: bool = True
    healthy: bool = False


def read(exposition: bytes) -> Found:
    """Every sample of an exposition; none comes twice."""
    found: Found = {}
    for family in text_string_to_metric_families(exposition.decode()):
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in found
            found[key] = sample.value
    return found


def of(found: Found, metric: str, **labels: str) -> float | None:
    """The value of a metric with exactly these labels, the name left aside."""
    matching = [
        value
        for (name, pairs), value in found.items()
        if name == metric and {k: v for k, v in pairs if k != "name"} == labels
    ]
    assert len(matching) <= 1
    return matching[0] if matching else None


def shown(it: County, **options: Any) -> Found:
    """What a fresh board shows."""
    board = Board(it.figures)
    list(board.refresh(**options))
    return read(text(Samples(board.samples)))


@pytest.fixture
def two_quarters(tmp_path: Path) -> County:
    """A bank with renewals over two closed quarters of 2026, its tie-out, and another bank at level A."""
    it = county(tmp_path, examples.balance_and_bridge()[:5], "2026-03-31")
    bank, other = Sender(BANK, _sent=500), Sender(OTHER)
    it.take(examples.balance_and_bridge()[5:], "2026-06-26")
    it.take([total(bank, "2026-06-30", "NPR", "5049.5", kind="tie_out")], "2026-07-02")
    it.take([other.registered(name="乙银行"), level_a(other)], "2026-07-03")
    it.take([total(other, "2026-06-30", "NPR", "100"), total(other, "2026-06-30", "PH", "200")], "2026-07-04")
    it.take([bank.issued("Z", SHOP, "2026-07-19", yuan(70_000))], "2026-07-20")
    return it


@pytest.mark.parametrize(("since", "named"), [("2026-07-21", "乙银行"), ("2026-07-20", "新乙银行")])
def test_a_bank_bears_name_and_kind_of_today_not_those_of_a_day_ahead(
    two_quarters: County, since: str, named: str
) -> None:
    told = {"name": "新乙银行", "kind": "village_bank", "known_from": "2015-01-01", "valid_from": since}
    update = Sender(OTHER, _sent=900).event("institution.updated", "2026-07-20", **told) | {"source": OFFICE}
    two_quarters.take([update], "2026-07-20")
    kind = "village_bank" if named == "新乙银行" else "rural_commercial"
    labels = frozenset({"institution": OTHER, "name": named, "kind": kind}.items())
    assert ("puhui_institution_info", labels) in shown(two_quarters)
    assert all(dict(pairs)["name"] == named for _, pairs in shown(two_quarters) if ("institution", OTHER) in pairs
               and "name" in dict(pairs))  # fmt: skip


# the table


def test_every_metric_is_named_as_prometheus_wants_it() -> None:
    for name, metric in METRICS.items():
        assert name.startswith(("puhui_", "process_"))
        assert name.endswith("_total") == (metric.kind is Kind.COUNTER)
        assert metric.help.endswith(".")
    assert len(METRICS) == len({m.name for m in METRICS.values()})


def test_no_label_tells_of_a_customer_or_a_loan() -> None:
    labels = {label for metric in METRICS.values() for label in metric.labels}
    assert labels == {
        "institution", "name", "period", "state", "kind", "figure", "line", "title", "place", "population", "rule",
        "result", "stage", "topic", "partition", "alertmanager",
    }  # fmt: skip


def test_every_measure_is_an_indicator_with_its_unit_in_its_name() -> None:
    units = {
        "fen": "yuan",
        "ratio": "ratio",
        "pp": "ratio",
        "days": "seconds",
        "loans": "loans",
        "households": "households",
    }
    for measure in MEASURES:
        indicator = INDICATORS[measure.number]
        assert measure.live.unit in units.values(), measure
        if not measure.part:
            assert measure.live.unit == units[indicator.unit], measure


@pytest.mark.skipif(not PAGE.exists(), reason="the documentation is not beside the tests")
def test_the_page_is_what_the_table_says() -> None:
    assert PAGE.read_text("utf-8") == metrics_page()


# figures


def test_money_is_shown_in_yuan_and_the_county_beside_its_banks(two_quarters: County) -> None:
    found = shown(two_quarters)
    assert of(found, "puhui_npr_balance_yuan", institution=BANK) == 50_500_000
    assert of(found, "puhui_official_npr_balance_yuan", institution=BANK, period="2026Q2") == 50_500_000
    assert of(found, "puhui_official_npr_balance_yuan", institution=OTHER, period="2026Q2") == 1_000_000
    assert of(found, "puhui_official_npr_balance_yuan", institution=COUNTY, period="2026Q2") == 51_500_000
    assert of(found, "puhui_official_npr_change_ratio", institution=BANK, period="2026Q2") == 0.01


def test_what_has_no_value_has_no_sample(two_quarters: County) -> None:
    found = shown(two_quarters)
    assert of(found, "puhui_official_npr_change_judged_ratio", institution=OTHER, period="2026Q2") is None
    assert (
        of(
            found,
            "puhui_official_npr_bridge_yuan",
            institution=OTHER,
            period="2026Q2",
            line="end",
            title="期末余额",
            place="17",
        )
        is None
    )
    assert of(found, "puhui_large_bank_gap_ratio", institution=BANK) is None
    assert of(found, "puhui_official_npr_balance_yuan", institution=BANK, period="2021Q3") is None


def test_the_bridge_adds_up_in_the_order_of_its_lines(two_quarters: County) -> None:
    lines = {
        labels["place"]: (labels["line"], value)
        for (name, pairs), value in shown(two_quarters).items()
        for labels in [dict(pairs)]
        if name == "puhui_official_npr_bridge_yuan"
        and labels["institution"] == BANK
        and labels["period"] == "2026Q2"
    }
    (start, opening), *moved, (end, closing) = (lines[place] for place in sorted(lines))
    assert (start, end) == ("start", "end")
    assert (opening, closing) == (50_000_000, 50_500_000)
    assert opening + sum(value for _, value in moved) == closing


def test_reported_and_system_figures_stand_beside_each_other(two_quarters: County) -> None:
    found = shown(two_quarters)
    labels = {"institution": BANK, "population": "NPR"}
    for prefix, period in (("puhui_", {}), ("puhui_official_", {"period": "2026Q2"})):
        of_side = [
            of(found, f"{prefix}reconciliation_{s}_yuan", **labels, **period)
            for s in ("reported", "system", "gap")
        ]
        assert of_side == [50_495_000, 50_500_000, 5_000]


def test_a_restated_quarter_says_so_and_one_that_waits_is_counted(tmp_path: Path) -> None:
    events = examples.reversal_across_a_quarter_end()
    it = county(tmp_path, events[:3], "2024-01-02")
    it.take(events[3:4], "2024-06-26")
    it.take(events[4:], "2024-08-02")
    labels = {"institution": BANK, "period": "2024Q2"}
    board = Board(it.figures)
    list(board.refresh())
    found = read(text(Samples(board.samples)))
    assert of(found, "puhui_official_npr_balance_yuan", **labels) == 30_000_000
    assert of(found, "puhui_official_period_info", **labels, state="pinned") == 1
    assert of(found, "puhui_restatements_open", institution=BANK) == 2  # the quarter and its last month
    approval = Sender(BANK, _sent=900).event(
        "restatement.approved", "2024-08-09", period="2024Q2", approved_by="县金融办"
    )
    it.take([approval | {"source": OFFICE}], "2024-08-09")
    list(board.refresh())
    found = read(text(Samples(board.samples)))
    assert of(found, "puhui_official_npr_balance_yuan", **labels) == 32_000_000
    assert of(found, "puhui_official_period_info", **labels, state="restated") == 1
    assert of(found, "puhui_restatements_open", institution=BANK) == 1


def test_no_more_than_the_last_closed_quarters_are_shown(tmp_path: Path) -> None:
    bank = Sender(BANK)
    begun = [
        bank.registered("2020-12-31"),
        bank.opening("A", SHOP, "2020-12-31", yuan(100_000), disbursed_on="2020-03-01"),
    ]
    it = county(tmp_path, begun, "2021-01-02")
    it.take([bank.repaid("A", "2024-04-10", yuan(10_000))], "2024-04-18")
    periods = {dict(pairs)["period"] for (name, pairs) in shown(it) if name == "puhui_official_period_info"}
    assert len(periods) == PERIODS
    assert (min(periods), max(periods)) == ("2021Q2", "2024Q1")


# counts


def test_events_alerts_and_refusals_are_counted_from_zero_on(two_quarters: County) -> None:
    stranger = Sender(BANK, _sent=950).event("loan.repaid", "2026-07-19", loan_no="Z", principal_fen=1)
    two_quarters.take([stranger | {"source": "urn:puhui:inst:somebody-else"}], "2026-07-21")
    found = shown(two_quarters)
    assert of(found, "puhui_events_total", institution=BANK, result="accepted") == 11
    assert of(found, "puhui_events_total", institution=BANK, result="refused") == 1
    assert of(found, "puhui_events_total", institution=BANK, result="repeated") == 0
    assert of(found, "puhui_events_total", institution="registry", result="accepted") == 3
    assert of(found, "puhui_refusals_total", institution=BANK, rule="V05") == 1
    assert of(found, "puhui_unauthentic_events_total", institution=BANK, kind="unsigned") == 0
    assert of(found, "puhui_alerts", rule="NprSwing", state="confirmed") == 0


# keeping


def test_a_quiet_store_is_not_computed_again(two_quarters: County) -> None:
    board = Board(two_quarters.figures)
    assert len(list(board.refresh())) > 20
    assert list(board.refresh()) == []


def test_a_new_fact_moves_live_figures_and_leaves_closed_quarters_alone(two_quarters: County) -> None:
    board = Board(two_quarters.figures)
    list(board.refresh())
    two_quarters.take([Sender(BANK, _sent=970).issued("Y", SHOP, "2026-07-20", yuan(5_000))], "2026-07-20")
    steps = list(board.refresh())
    assert len(steps) == 3  # the bank's and the county's live figures, and the counts
    found = read(text(Samples(board.samples)))
    assert of(found, "puhui_inclusive_balance_yuan", institution=BANK) is not None


def test_a_board_that_follows_shows_what_a_fresh_one_shows(tmp_path: Path) -> None:
    it = county(tmp_path)
    board = Board(it.figures, history_every=0)
    events = examples.relabelled()
    for number, event in enumerate(events):
        it.take([event], f"2024-{1 + number:02d}-20")
        list(board.refresh())
    assert read(text(Samples(board.samples))) == shown(it)


def test_by_the_wall_clock_a_quarter_closes_without_an_event(two_quarters: County) -> None:
    now = instant("2026-10-17")
    board = Board(two_quarters.figures, lambda: now)
    list(board.refresh())
    assert ("puhui_official_period_info", "2026Q3") not in {
        (name, dict(pairs).get("period")) for name, pairs in read(text(Samples(board.samples)))
    }
    now = instant("2026-10-18")
    list(board.refresh())
    assert ("puhui_official_period_info", "2026Q3") in {
        (name, dict(pairs).get("period")) for name, pairs in read(text(Samples(board.samples)))
    }


# several workers


def test_two_workers_together_show_what_one_would(two_quarters: County) -> None:
    def mine(name: str) -> bool:
        return hash(name) % 2 == 0

    one, other = shown(two_quarters, owns=mine), shown(two_quarters, owns=lambda name: not mine(name))
    everything = shown(two_quarters)
    both = {key for key in one if key in other}
    assert {name for name, _ in both} == {"puhui_alerts"}
    assert {key: one.get(key, 0) + other.get(key, 0) for key in one | other} == everything


def test_figures_of_an_earlier_share_are_not_shown(two_quarters: County) -> None:
    board, exporter = Board(two_quarters.figures), Exporter(FakeWorker)
    list(board.refresh(share=1))
    exporter.take(board)
    assert b"puhui_npr_balance_yuan" in exporter.text(1)
    assert b"puhui_npr_balance_yuan" not in exporter.text(2)
    assert b"puhui_partition_tracked_offset" in exporter.text(2)


# the whole exposition


def whole(it: County) -> bytes:
    board, exporter = Board(it.figures), Exporter(FakeWorker)
    list(board.refresh())
    exporter.take(board)
    exporter.updated(1_700_000_000.0, 0.5)
    return exporter.text()


def test_a_worker_says_how_it_is_getting_on(two_quarters: County) -> None:
    found = read(whole(two_quarters))
    place = {"topic": "loan-events", "partition": "2"}
    assert of(found, "puhui_partition_tracked_offset", **place) == 6
    assert of(found, "puhui_partition_end_offset", **place) == 10
    assert of(found, "puhui_partition_end_offset", topic="loan-events", partition="3") is None
    assert of(found, "puhui_oldest_unprocessed_seconds", **place) == 90
    assert of(found, "puhui_batch_seconds_total", stage="decide") == 1.5
    assert of(found, "puhui_recovery_seconds") == 0.25
    assert of(found, "puhui_consumer_restarts_total") == 2
    assert of(found, "puhui_parked_events", institution=BANK) == 3
    assert of(found, "puhui_event_delay_seconds_bucket", le="1.0") == DELAYS.index(FRESH)
    assert of(found, "puhui_event_delay_seconds_count") == len(DELAYS)
    assert of(found, "puhui_outbox_messages", topic="rejected-events") == 4
    assert of(found, "puhui_sent_messages_total", topic="rejected-events") == 0
    assert of(found, "puhui_alertmanager_waiting_notices", alertmanager="one:9093") == 1
    assert (of(found, "puhui_ready"), of(found, "puhui_healthy")) == (1, 0)
    assert of(found, "puhui_figures_updated_timestamp_seconds") == 1_700_000_000


def test_everything_that_is_shown_is_in_the_table(two_quarters: County) -> None:
    def names() -> Iterator[str]:
        for family in text_string_to_metric_families(whole(two_quarters).decode()):
            name = family.name + ("_total" if family.type == "counter" else "")
            yield name
            assert METRICS[name].help == family.documentation
            assert METRICS[name].kind == family.type
            for sample in family.samples:
                assert sample.name in METRICS[name].series
                assert set(sample.labels) - {"le"} == set(METRICS[name].labels)

    assert len(list(names())) > 85


def test_promtool_finds_nothing_to_mend(two_quarters: County, promtool: Path) -> None:
    checked = subprocess.run(
        [promtool, "check", "metrics"], input=whole(two_quarters), capture_output=True, check=False
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")
