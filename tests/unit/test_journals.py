"""A loan's journal is kept encoded: what goes in comes out."""

from itertools import count, product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregates.loan import ADDS, Entry, Kind, Loan, effective, left_of, lowest, with_change


@pytest.mark.parametrize("target", [None, 0, -1, 0x1234C0, 0x7FFFFFFFFFFFFFC0, -64])
@pytest.mark.parametrize(("field", "value"), [(None, None), ("principal_fen", None), ("agri", True)])
def test_every_entry_comes_out_as_it_went_in(
    target: int | None, field: str | None, value: str | bool | None
) -> None:
    loan = Loan(0, 1, 19_500, b"")
    entries = [
        Entry(Kind.REPAID, 19_500, 0xC0, 7, 0xC0C0C0C0),
        Entry(Kind.REVERSED, 19_501, -1, 5, 6, target, field, value),
        Entry(Kind.REPAID, 19_502, 100, 8, 9),
    ]
    for entry in entries:
        loan.append(entry)
    assert loan.journal == entries


@pytest.mark.parametrize("event", [0, 0xC0, 0xC0C0C0, 0x7FFFFFFFFFFFFFC0])
def test_a_plain_entry_is_kept_as_any_other(event: int) -> None:
    short, general = (Loan(0, 1, 19_500, b"") for _ in range(2))
    for content, named in product((0, 9, 0xC0C0C0C0), (None, 0, 0xC0C0)):
        short.append_plain(Kind.REPAID, 19_502, 100, event, content, named)
        general.append(Entry(Kind.REPAID, 19_502, 100, event, content, named))
    assert short == general


moving = st.builds(
    Entry,
    st.sampled_from([Kind.ISSUED, Kind.DRAWN, Kind.REPAID, Kind.OVERDUE]),
    st.integers(10, 14),
    st.integers(1, 5),
    st.integers(1, 1 << 62),
    st.just(0),
)


@given(st.lists(moving, max_size=8), st.integers(8, 16))
def test_the_least_outstanding_is_that_of_the_closes_of_all_days_from_one_on(
    entries: list[Entry], since: int
) -> None:
    loan = Loan(0, 1, 10, b"")
    for entry in entries:
        loan.append(entry)
    moves = [(e.day, e.amount if e.kind in ADDS else -e.amount) for e in entries if e.kind != Kind.OVERDUE]
    closes = [sum(amount for on, amount in moves if on <= day) for day in range(since, 20)]
    assert lowest(loan, since) == min(closes)


def test_a_journal_is_read_anew_once_something_is_added() -> None:
    loan = Loan(0, 1, 10, b"")
    loan.append(Entry(Kind.ISSUED, 10, 5, 1, 0))
    assert [e.amount for e in effective(loan)] == [5]
    assert effective(loan) is effective(loan)
    loan.append(Entry(Kind.REPAID, 11, 2, 2, 0))
    assert [e.amount for e in effective(loan)] == [5, 2]


days, amounts, targets = st.integers(10, 13), st.integers(1, 3), st.integers(1, 6)
told = st.tuples(
    st.sampled_from([Kind.DRAWN, Kind.REPAID, Kind.FORECLOSED]),
    days,
    amounts,
    st.sampled_from([None, 7, 8]),
    st.none(),
    st.sampled_from([None, True]),
)
reversal = st.tuples(st.just(Kind.REVERSED), days, st.sampled_from([-1, 1, 2]), targets, st.none(), st.none())
correction = st.one_of(
    [
        st.tuples(st.just(Kind.CORRECTED), days, values, targets, st.just(field), st.sampled_from("ab"))
        for field, values in (("principal_fen", amounts), ("business_date", days))
    ]
)


@given(
    st.lists(told, min_size=1, max_size=6), st.lists(reversal | correction, max_size=4), reversal | correction
)
def test_what_a_correction_or_reversal_would_leave_is_what_it_leaves(
    facts: list[tuple[Any, ...]], changes: list[tuple[Any, ...]], change: tuple[Any, ...]
) -> None:
    loan, number = Loan(0, 1, 10, b""), count(1)
    *before, last = (
        Entry(kind, day, amount, next(number), 0, named, field, value)
        for kind, day, amount, named, field, value in [*facts, *changes, change]
    )
    for entry in before:
        loan.append(entry)
    assert isinstance(last.named, int)
    outstanding, least, left = *with_change(loan, last), left_of(loan, last.named, last)
    loan.append(last)
    moves = [e.amount if e.kind in ADDS else -e.amount for e in effective(loan)]
    assert (outstanding, least) == (sum(moves), lowest(loan, 0))
    assert left == left_of(loan, last.named)
