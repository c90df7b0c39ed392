"""The page of refusals says what the answer said: the case that was given, with its values, and no other."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from console.question import Question
from console.refusals import Refusal, refusals
from projections.views import Figures
from tests.desk import BANK, SHOP, Desk
from tests.events import Event


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    it = Desk(tmp_path)
    it.given(it.bank.issued("A", SHOP, "2024-06-03", 1_000))
    return it


def shown(desk: Desk) -> list[Refusal]:
    books = {book.id: book for book in refusals(Figures(desk.store), Question()).books}
    return [refusal for refused in books[BANK].refused for refusal in refused.latest]


def wrong(desk: Desk) -> list[Event]:
    return [
        desk.bank.repaid("A", "2024-06-01", 10),  # before it was issued
        desk.bank.repaid("A", "2024-06-20", 0),
        desk.bank.issued("B", SHOP, "2024-06-20", 100, product="110101199003078515"),
        desk.bank.issued("C", SHOP, "2024-06-20", 100) | {"source": "urn:puhui:inst:somebody-else"},
    ]


def test_the_reason_is_the_one_of_the_answer(desk: Desk) -> None:
    answers = {}
    for event in wrong(desk):
        answer = desk.when(event).rejection
        answers[answer["offset"]] = (answer["reason"]["zh"], answer["what_to_do"]["zh"], answer["field"])
    found = shown(desk)
    assert len(found) == len(answers)
    for refusal in found:
        offset = int(refusal.place.split("第")[1].removesuffix("条"))
        assert (refusal.reason.why, refusal.reason.what_to_do, refusal.field) == answers[offset]
    assert not any("110101199003078515" in row.said for row in desk.refused())


def test_a_wait_that_ended_in_vain_says_what_it_waited_for(desk: Desk) -> None:
    desk.when(desk.bank.repaid("NOBODY", "2024-06-20", 10))
    told = desk.waits_until("2024-07-05")
    (refusal,) = shown(desk)
    assert refusal.reason.why == told.rejection["reason"]["zh"]
    assert "NOBODY" in refusal.reason.why
    assert refusal.field == "data.loan_no"


def test_of_a_refusal_that_the_store_kept_without_its_words_nothing_is_made_up(desk: Desk) -> None:
    desk.when(wrong(desk)[0])
    with closing(sqlite3.connect(desk.path)) as file:
        file.execute("UPDATE refused SET said = ''")
        file.commit()
    assert [refusal.reason.why for refusal in shown(desk)] == ["原因见退回消息"]
