"""A loan's journal is kept encoded: what goes in comes out."""

from itertools import product

import pytest

from aggregates.loan import Entry, Kind, Loan


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
