"""One repayment or draw that two channels tell under two ids counts once (L13), in any order of arrival."""

from collections.abc import Iterable, Sequence
from itertools import permutations
from pathlib import Path

import pytest

from aggregates.replay import Replay
from tests.desk import SHOP, Desk, accepted
from tests.events import Event, yuan
from tests.references import social_credit_code

BANK = social_credit_code(1)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Loan A of 10,000 yuan, paid out on 2024-06-03."""
    desk = Desk(tmp_path)
    desk.given(desk.bank.issued("A", SHOP, "2024-06-03", yuan(10_000)), today="2024-06-04")
    return desk


def paid(desk: Desk, number: str | None, fen: int = 100, day: str = "2024-06-20", **more: object) -> Event:
    return desk.bank.repaid("A", day, fen, repayment_no=number, **more)


def test_a_repayment_that_a_second_channel_tells_counts_once_and_is_flagged(desk: Desk) -> None:
    accepted(desk.when(paid(desk, "R1", branch_no="1402")))
    accepted(desk.when(paid(desk, "R1", branch_no="head office")), "V01")
    assert desk.balance("A") == yuan(10_000) - 100


def test_repayments_without_a_number_or_with_different_ones_are_different(desk: Desk) -> None:
    for number in (None, None, "R1", "R2"):
        accepted(desk.when(paid(desk, number)))
    assert desk.balance("A") == yuan(10_000) - 400


@pytest.mark.parametrize(
    "other", [{"fen": 101}, {"day": "2024-06-21"}, {"kind": "foreclosure"}], ids=["amount", "day", "kind"]
)
def test_the_same_number_of_something_else_counts_as_declared_and_is_flagged(
    desk: Desk, other: dict[str, object]
) -> None:
    first, second = paid(desk, "R1"), paid(desk, "R1", **other)  # type: ignore[arg-type]
    desk.given(first)
    accepted(desk.when(second), "V02")
    assert desk.balance("A") == yuan(10_000) - 100 - second["data"]["principal_fen"]


def test_the_last_repayment_told_again_waits_for_nothing(desk: Desk) -> None:
    desk.given(paid(desk, "R1", yuan(10_000)), desk.bank.settled("A", "2024-06-20"))
    accepted(desk.when(paid(desk, "R1", yuan(10_000))), "V01")
    assert desk.balance("A") == 0


def test_a_draw_that_a_second_channel_tells_counts_once(desk: Desk) -> None:
    desk.given(desk.bank.drawn("A", "2024-06-20", 100, draw_no="D1"))
    accepted(desk.when(desk.bank.drawn("A", "2024-06-20", 100, draw_no="D1")), "V01")
    accepted(desk.when(desk.bank.drawn("A", "2024-06-20", 100, draw_no="D2")))
    assert desk.balance("A") == yuan(10_000) + 200


def in_every_order(
    tmp_path: Path, events: Sequence[Event], after: Iterable[tuple[int, int]] = ()
) -> set[int]:
    """The balances of loan A to which these events come in every order of arrival; a reversal waits for its event."""
    balances = set()
    for nth, order in enumerate(permutations(range(len(events)))):
        if all(order.index(later) > order.index(earlier) for earlier, later in after):
            (tmp_path / str(nth)).mkdir(parents=True)
            desk = Desk(tmp_path / str(nth))
            desk.given(desk.bank.issued("A", SHOP, "2024-06-03", yuan(10_000)))
            desk.when(*(events[at] for at in order))
            assert not desk.parked()
            assert not desk.refused()
            assert replayed(desk) == desk.balance("A")
            balances.add(desk.balance("A"))
    return balances


def replayed(desk: Desk) -> int:
    replay = Replay(BANK)
    moved = sum(len(replay.take(version, state).moves) for version, state in desk.store.records(BANK))
    assert moved
    return replay.outstanding()


def test_each_message_stands_until_it_is_reversed_itself(desk: Desk, tmp_path: Path) -> None:
    one, other, third = (paid(desk, "R1") for _ in range(3))
    back, back_too = desk.bank.reversed(one), desk.bank.reversed(other)
    assert in_every_order(tmp_path / "a", [one, other, back]) == {yuan(10_000) - 100}
    assert in_every_order(tmp_path / "b", [one, other, back, back_too]) == {yuan(10_000)}
    assert in_every_order(tmp_path / "c", [one, back, third]) == {yuan(10_000) - 100}


def test_what_one_channel_corrects_or_reverses_in_part_holds(desk: Desk, tmp_path: Path) -> None:
    one, other = (paid(desk, "R1") for _ in range(2))
    less = desk.bank.reversed(other, part=30)
    assert in_every_order(tmp_path / "a", [one, other, less]) == {yuan(10_000) - 70}
    more = desk.bank.corrected(other, "principal_fen", 150, day="2024-06-24")
    assert in_every_order(tmp_path / "b", [one, other, more]) == {yuan(10_000) - 150}
    moved = desk.bank.corrected(one, "business_date", "2024-06-12", day="2024-06-24")
    assert in_every_order(tmp_path / "c", [one, other, moved]) == {yuan(10_000) - 100}


def test_a_loan_that_a_second_channel_tells_is_a_repeat(desk: Desk) -> None:
    event = desk.bank.issued("B", SHOP, "2024-06-03", yuan(500))
    desk.given(event)
    told = desk.when(event | {"id": "head-office-1"})
    assert dict(told.counts) == {("repeated", "V01"): 1}
    assert desk.balance("B") == yuan(500)


def test_a_repeat_in_a_closed_period_restates_nothing(desk: Desk) -> None:
    desk.given(paid(desk, "R1"), today="2024-06-21")
    accepted(desk.when(paid(desk, "R1"), today="2024-09-02"), "V01")
    accepted(desk.when(paid(desk, "R2"), today="2024-09-02"), "V07")


def test_the_reversal_of_one_of_two_messages_restates_nothing_in_a_closed_period(desk: Desk) -> None:
    one, other = (paid(desk, "R1") for _ in range(2))
    desk.given(one, other, today="2024-06-21")
    accepted(desk.when(desk.bank.reversed(one, day="2024-09-02"), today="2024-09-02"))
    assert not desk.store.restatements(BANK)
    accepted(desk.when(desk.bank.reversed(other, day="2024-09-02"), today="2024-09-02"), "V07")
    assert {row.period for row in desk.store.restatements(BANK)} == {"2024Q2", "2024-06", "2024-07"}
