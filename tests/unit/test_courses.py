"""Courses of balances are kept for who asks again; however far apart their days lie, they take little memory."""

from pathlib import Path

import pytest

from projections import views
from projections.views import Figures, View
from tests.desk import BANK, SHOP, Desk
from tests.events import yuan


def test_courses_over_many_years_are_dropped_before_they_fill_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, kept = Desk(tmp_path), list[int]()
    monkeypatch.setattr(views, "_DAYS_CACHED", 30_000)
    figures = Figures(desk.store)
    view = View(19_900)
    for number, day in enumerate(("2010-01-02", "2024-03-01", "2024-03-02", "2024-03-04", "2024-03-05")):
        desk.given(desk.bank.issued(f"L{number}", SHOP, day, yuan(100)))
        figures.follow()
        for population in ("ALL1", "PH", "NPR"):
            figures.balance(BANK, population, view.as_of, view)
            kept.append(sum(len(totals) for _, totals in figures._courses.values()))
    assert max(kept) <= 30_000
    assert max(kept) > 10_000, "no course is long"
    assert figures.balance(BANK, "ALL1", view.as_of, view).value == yuan(500)
