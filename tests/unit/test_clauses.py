"""The documents as data: clauses word for word, and the units that answer for them."""

import re
from datetime import date
from pathlib import Path

import pytest

from puhui.policy import (
    register,
)

CLAUSES = ("C1.2", "C1.3", "C3.8", "C3.9", "C4.3", "C4.4a", "C4.4b", "P8.1a", "P8.1b")
DOCUMENTS = Path(__file__).parents[1] / "documents"
"""The two documents 原文, as they were published."""
FULL_WIDTH = str.maketrans(",;:!?()", "，；：！？（）")


def normalised(text: str) -> str:
    """What two texts are compared by: no white space, no bold marks, full-width punctuation.

    The sources break inside sentences and mix the two widths; this is what is left of a text after that.
    """
    return re.sub(r"\s+", "", text.replace("**", "")).translate(FULL_WIDTH)


def test_the_register_holds_the_nine_clauses() -> None:
    assert set(register().clauses) == set(CLAUSES)


@pytest.mark.parametrize("clause_id", CLAUSES)
def test_an_original_stands_word_for_word_in_its_document(clause_id: str) -> None:
    clause = register().clause(clause_id)
    text = (DOCUMENTS / clause.document.source).read_text(encoding="utf-8")
    assert normalised(clause.original) in normalised(text)


def test_a_changed_word_is_not_found_in_the_document() -> None:
    text = (DOCUMENTS / "county-2022.md").read_text(encoding="utf-8")
    changed = register().clause("C3.8").original.replace("按季度", "按月度")
    assert normalised(changed) not in normalised(text)


def test_texts_are_compared_without_breaks_and_in_full_width() -> None:
    assert normalised("**户数\n\n增加**,(一)") == "户数增加，（一）"


def test_the_first_unit_of_a_clause_is_its_lead() -> None:
    assert register().clause("C3.8").units == ("FO", "CB", "RB")
    assert register().clause("C4.3").units[0] == "CB"
    assert register().clause("C1.2").units[0] == "RB"


def test_every_unit_of_a_clause_has_a_name_on_the_documents_day() -> None:
    for clause in register().clauses.values():
        names = register().responsible(clause.id, clause.document.issued_on)
        assert names != clause.units
        assert not set(names) & set(clause.units)


def test_a_unit_is_called_as_on_the_day() -> None:
    assert register().responsible("C4.3", date(2022, 5, 16)) == (
        "临汾银保监分局洪洞监管组",
        "人行洪洞县支行",
        "县金融办",
    )
    assert "临汾银保监分局洪洞监管组" in register().responsible("C4.3", date(2023, 6, 30))
    assert "临汾银保监分局洪洞监管组" not in register().responsible("C4.3", date(2023, 7, 1))
    assert "人行洪洞县支行" not in register().responsible("C4.3", date(2025, 1, 1))


def test_a_later_name_that_nobody_verified_says_so() -> None:
    name = register().unit_name("CB", date(2025, 1, 1))
    assert name is not None
    assert not name.verified


def test_a_unit_without_a_name_for_the_day_stands_with_its_id() -> None:
    assert register().responsible("C3.8", date(1999, 1, 1)) == ("FO", "CB", "RB")


def test_every_target_points_to_a_clause_that_exists() -> None:
    assert {t.clause for t in register().all_targets} - {""} <= set(CLAUSES)


def test_every_indicator_of_a_clause_but_the_stock_figures_has_a_number_to_meet() -> None:
    with_target = {t.indicator for t in register().all_targets}
    asked = {i for clause in register().clauses.values() for i in clause.indicators}
    assert asked - with_target == {"I21", "I23"}
