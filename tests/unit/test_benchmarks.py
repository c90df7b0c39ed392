"""What the benchmarks say of their measurements: verdicts, failures, the page, its charts."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.benchmarks import page
from tests.benchmarks.chart import Chart
from tests.benchmarks.live import ALERT_LIMIT, Delays, delays, quantile
from tests.benchmarks.many import history
from tests.benchmarks.plan import LIVE, ONCE, ROUND, Run, Step, wanted_steps
from tests.benchmarks.rebalance import longest_pause
from tests.benchmarks.rows import DEMANDS, Row, as_json, as_table, median
from tests.benchmarks.scene import Scene, Shown
from tests.benchmarks.worker import Pace, Sample


def a_pace(events: int) -> Pace:
    samples = [Sample(n * events // 10, n * 1.0, n * 0.9, 100_000_000 + n) for n in range(11)]
    return Pace(samples, {"decide": 10e-6, "pack": 2e-6, "write": 3e-6, "judge": 1e-6})


def shown() -> Shown:
    paces = {name: a_pace(400_000) for name in ("intake_sqlite", "intake_postgres", "intake_many")}
    found = Delays([5.0, 20.0, 300.0], [30.0, 40.0], 0)
    return Shown(paces, 300_000, found, [(1.0, 500.0), (900.0, 30_000.0)])


def test_every_row_is_measured_by_one_step() -> None:
    measured = [name for step in (*ROUND, *LIVE, *ONCE) for name in step.rows]
    assert sorted(measured) == sorted(DEMANDS)


def test_a_row_is_measured_with_what_it_needs() -> None:
    wanted = wanted_steps(["replay"])
    assert {"replay", "intake_sqlite", "agent"} <= wanted
    assert "restart" not in wanted


def test_the_stricter_demand_decides_and_both_are_told() -> None:
    between = Row(6.0)
    assert between.ok("intake_sqlite") is False
    assert Row(6.5).ok("intake_sqlite") is True
    told = as_json({"intake_sqlite": between})["intake_sqlite"]
    assert (told["demanded"], told["demanded_before"], told["ok"]) == ("≥ 6.5", "≥ 5.5", False)
    for name, demand in DEMANDS.items():
        if demand.milder is not None and demand.limit is not None:
            stricter = max if demand.sense == "at least" else min
            assert stricter(demand.limit, demand.milder) == demand.limit, name


def test_a_measurement_that_broke_down_fails_its_row_whatever_the_others_say() -> None:
    found = median([Row(9.0), Row(None, "it broke", failed=True), Row(9.0)])
    assert found.ok("intake_sqlite") is False
    assert found.reason == "it broke"


def test_what_could_not_be_measured_here_is_no_failure() -> None:
    assert Row(None, "PostgreSQL is not there").ok("intake_postgres") is None


def test_the_middle_of_three_counts_and_all_are_listed() -> None:
    assert median([Row(3.0), Row(1.0), Row(2.0)]) == Row(2.0, "1, 2, 3")


def test_a_step_that_raises_fails_its_rows_and_the_others_go_on(tmp_path: Path) -> None:
    def breaks(scene: Scene) -> dict[str, Row]:
        raise RuntimeError("no luck")

    run = Run(frozenset(DEMANDS), limit=60)
    run.once(
        [Step(("restart",), 1, breaks), Step(("memory",), 1, lambda scene: {"memory": Row(1.0)})],
        Scene(tmp_path, "production", quick=True),
    )
    rows = run.rows()
    assert rows["restart"].ok("restart") is False
    assert rows["restart"].reason == "RuntimeError: no luck"
    assert rows["memory"].ok("memory") is True


def test_when_the_time_is_up_nothing_is_measured_again_but_all_of_it_once(tmp_path: Path) -> None:
    step = Step(("memory",), 1, lambda scene: {"memory": Row(float(scene.number))})
    hurried, patient = Run(frozenset({"memory"}), limit=0), Run(frozenset({"memory"}), limit=600)
    for run in (hurried, patient):
        run.rounds([step], Scene(tmp_path, "production", quick=False))
    assert hurried.rows()["memory"].value == 0
    assert patient.rows()["memory"].reason == "0, 1, 2"


def test_a_quick_run_ends_when_its_time_is_up_and_what_it_left_out_is_no_failure(tmp_path: Path) -> None:
    run = Run(frozenset({"memory"}), limit=0, strict=True)
    run.once([Step(("memory",), 1, lambda scene: {"memory": Row(1e9)})], Scene(tmp_path, "production", True))
    assert run.rows() == {"memory": Row(None, "the time of a quick run was up")}


def test_who_needs_what_was_left_out_of_a_round_is_left_out_too(tmp_path: Path) -> None:
    now = [0.0]

    def slow(scene: Scene) -> dict[str, Row]:
        now[0] += 100
        return {"memory": Row(1.0)}

    quick = Step(("restart",), 1, lambda scene: {"restart": Row(float(scene.number))}, ("memory",))
    run = Run(frozenset({"memory", "restart"}), limit=150, clock=lambda: now[0])
    run.rounds([Step(("memory",), 1, slow), quick], Scene(tmp_path, "production", quick=False))
    assert run.rows() == {"restart": Row(0.0), "memory": Row(1.0)}


def test_an_alert_that_was_never_read_counts_with_the_whole_limit() -> None:
    planted = {"bank-a": 1_000.0, "bank-b": 1_000.0}
    found = delays(
        [], planted, [(1_040.0, b"bank-a ReconciliationGap"), (900.0, b"bank-b ReconciliationGap")]
    )
    assert found.alerts == [40.0, ALERT_LIMIT * 1e3]
    assert found.lost == 1
    assert quantile(found.alerts, 0.99) > (DEMANDS["delay_alert"].limit or 0)


def test_the_longest_pause_is_that_of_the_partition_that_stood_longest() -> None:
    looks = [(0.0, [1, 1]), (1.0, [2, 1]), (2.0, [3, 1]), (3.0, [4, 2]), (4.0, [5, 3])]
    assert longest_pause(looks) == 3.0


def test_a_partition_that_does_not_come_back_stands_until_the_last_look() -> None:
    assert longest_pause([(0.0, [1]), (1.0, [2]), (6.0, [2])]) == 5.0


def test_many_loans_are_all_issued_before_any_is_repaid_and_lie_in_the_order_of_days() -> None:
    told = list(history(300, 100, "production"))
    kinds = [json.loads(one.value)["type"].split(".")[3] for one in told]
    loans = [json.loads(one.value)["data"]["loan_no"] for one in told]
    assert len(set(loans)) == 300
    assert kinds.index("repaid") == len(kinds) - kinds[::-1].index("issued")
    assert [one.at for one in told] == sorted(one.at for one in told)


def test_a_chart_is_a_picture_with_a_line_for_each_series() -> None:
    text = Chart("a & b", "x", "y", {"one": [(1, 2), (3, 4)], "two": [(1, 1), (30, 9)]}, True).svg()
    root = ElementTree.fromstring(text)
    assert root.get("aria-label") == "a & b"
    assert len(root.findall("{http://www.w3.org/2000/svg}polyline")) == 2


def test_a_chart_of_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="nothing to draw: empty"):
        Chart("empty", "x", "y", {"one": []}).svg()


def test_the_page_shows_rows_both_demands_charts_and_where_the_time_goes(tmp_path: Path) -> None:
    page.write({"intake_sqlite": Row(7.0, "details")}, shown(), quick=False, folder=tmp_path)
    text = (tmp_path / "benchmarks.md").read_text()
    assert "| 7 × agent | ≥ 6.5 (first ≥ 5.5) | yes | details |" in text
    assert "| decide |" in text
    assert "10.0 (40%)" in text
    for name in ("throughput", "history", "latency", "memory"):
        assert f"(benchmarks/{name}.svg)" in text
        ElementTree.parse(tmp_path / "benchmarks" / f"{name}.svg")


def test_the_page_of_a_run_in_which_all_failed_is_a_page(tmp_path: Path) -> None:
    page.write({}, shown(), quick=False, folder=tmp_path)
    rows = {name: Row(None, "it | broke", failed=True) for name in DEMANDS}
    page.write(rows, Shown(), quick=True, folder=tmp_path)
    text = (tmp_path / "benchmarks.md").read_text()
    assert "not measured" in text
    assert "![" not in text
    assert list((tmp_path / "benchmarks").iterdir()) == []
    assert as_table(rows).count("NO") == len(DEMANDS)
