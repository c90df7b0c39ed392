"""The judge of one worker judges what other workers take in, out of the store; and only while nobody has overtaken it."""

from pathlib import Path

import pytest

from aggregates.store import Superseded
from aggregates.store.transaction import Position
from projections.judging import SETTLED, Judge
from tests.desk import BANK, SHOP, Desk, instant
from tests.figures import total


def reported(desk: Desk) -> None:
    """The bank ties out what it never lent, of a month that is closed."""
    event = total(desk.bank, "2024-05-31", "PH", "5000.00", kind="tie_out")
    desk.given(event, today="2024-07-01")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk(tmp_path)
    made.given(made.bank.issued("A", SHOP, "2024-05-03", 100))
    return made


def test_what_another_worker_took_in_is_judged_at_the_next_tick(desk: Desk) -> None:
    judge = Judge(desk.store, by_record_clock=False)
    reported(desk)
    changed = judge.tick(instant("2024-07-01", 13))
    assert [alert.rule for alert in changed] == ["ReconciliationGap"]
    assert judge.tick(instant("2024-07-01", 14)) == []


def test_a_judge_goes_on_with_figures_that_an_earlier_one_has_read(desk: Desk) -> None:
    figures = Judge(desk.store, by_record_clock=False).figures
    reported(desk)
    judge = Judge(desk.store, by_record_clock=False, read=figures)
    assert judge.figures is figures
    assert [alert.rule for alert in judge.tick(instant("2024-07-01", 13))] == ["ReconciliationGap"]


def test_who_is_overtaken_while_it_judges_stores_no_alert(desk: Desk) -> None:
    judge = Judge(desk.store, by_record_clock=False, guard=lambda: Position("lease:judge", 7, 7))
    reported(desk)
    with pytest.raises(Superseded):
        judge.tick(instant("2024-07-01", 13))
    assert desk.store.alerts() == []


def test_who_was_overtaken_stops_at_the_next_finding(desk: Desk) -> None:
    looked: list[int] = []

    def lost() -> Position:
        looked.append(len(desk.store.alerts()))
        raise Superseded

    reported(desk)
    with pytest.raises(Superseded):
        Judge(desk.store, by_record_clock=False, guard=lost).tick(instant("2024-07-01", 13))
    assert looked == [0]


def test_between_two_steps_nothing_is_stored_and_what_is_reported_meanwhile_is_judged_at_once(
    desk: Desk,
) -> None:
    judge, stored = Judge(desk.store, by_record_clock=True), list[int]()
    reported(desk)
    for changed in judge.steps(instant("2024-07-02", 13)):
        judge.after([BANK])
        stored.append(len(desk.store.alerts()))
        assert len(changed) == stored[-1] - sum(stored[-2:-1])
    assert (stored[0], stored[-1]) == (0, 1)
    assert len(stored) > 2
    assert Judge(desk.store, by_record_clock=True).tick(instant("2024-07-02", 13)) == []


def test_by_the_wall_clock_a_day_is_judged_when_what_came_before_it_is_stored(desk: Desk) -> None:
    judge = Judge(desk.store, by_record_clock=False)
    midnight = instant("2024-07-05", 0)
    judge.tick(midnight + SETTLED - 1)
    assert desk.store.mark("judged") == instant("2024-07-04", 0)
    judge.tick(midnight + SETTLED)
    assert desk.store.mark("judged") == midnight
