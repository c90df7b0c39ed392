"""The page of refusals says what the answer said: the case that was given, with its values, and no other."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from console.question import Question
from console.refusals import Refusal, refusals
from projections.views import Figures
from puhui.cli import main
from tests.desk import BANK, SHOP, Desk
from tests.events import OFFICE, Event, message
from tests.figures import instant


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


def test_the_commands_list_what_was_refused_and_what_waits_by_the_clock_of_the_page(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.when(desk.bank.repaid("A", "2024-06-01", 10), today="2024-07-01")
    desk.when(desk.bank.repaid("NOBODY", "2024-06-20", 10), today="2024-07-01")
    (refusal,) = shown(desk)
    monkeypatch.setenv("PUHUI_STORE", f"sqlite:{desk.path}")
    assert main(["rejected"]) == main(["parked"]) == 0
    refused, waits = capsys.readouterr().out.splitlines()
    assert refusal.at.replace(" ", "T") in refused
    assert "+08:00" in refused
    assert waits.count("+08:00") == 2, "since, until"


def test_what_has_come_since_the_last_event_that_was_accepted_is_listed_too(desk: Desk) -> None:
    desk.when(desk.bank.repaid("A", "2024-06-01", 10), today="2024-07-02")
    desk.when(desk.bank.repaid("NOBODY", "2024-06-20", 10), today="2024-07-03")
    (refusal,) = shown(desk)
    assert refusal.at == "2024-07-02 12:00"
    page = refusals(Figures(desk.store), Question())
    assert [book.parked_count for book in page.books] == [1]
    assert page.known == "2024-07-03 12:00"


def test_of_a_refusal_that_the_store_kept_without_its_words_nothing_is_made_up(desk: Desk) -> None:
    desk.when(wrong(desk)[0])
    with closing(sqlite3.connect(desk.path)) as file:
        file.execute("UPDATE refused SET said = ''")
        file.commit()
    assert [refusal.reason.why for refusal in shown(desk)] == ["原因见退回消息"]


def hour_by_hour(desk: Desk) -> None:
    """An event accepted and another refused at 09:59, and both again at 10:05."""
    for number, moment in enumerate(("2024-07-02T09:59", "2024-07-02T10:05")):
        for event in (
            desk.bank.issued(f"I{number}", SHOP, "2024-06-20", 100),
            desk.bank.repaid("A", "2024-06-20", 0),
        ):
            sent = message(event)
            desk.worker.send([(sent.topic, sent.key.decode(), sent.value)], at=instant(moment) // 1000)


def counted(desk: Desk, moment: str | None) -> tuple[int, int, int, str]:
    """Accepted, refused, listed, and up to when, as known at a moment."""
    page = refusals(Figures(desk.store), Question(None, None if moment is None else instant(moment)))
    known = [refused for book in page.books for refused in book.refused]
    listed = sum(len(refused.latest) for refused in known)
    return page.taken, sum(refused.count for refused in known), listed, page.counted


def test_a_past_view_counts_the_hours_that_were_over_and_says_so(desk: Desk) -> None:
    hour_by_hour(desk)
    before, all_ = counted(desk, "2024-07-02T09:00"), counted(desk, None)
    assert before[1:] == (0, 0, "2024-07-02 09:00")
    one_more = (before[0] + 1, 1, 1, "2024-07-02 10:00")
    assert [counted(desk, f"2024-07-02T{at}") for at in ("10:00", "10:01", "10:59")] == [one_more] * 3
    assert all_ == (before[0] + 2, 2, 2, ""), "of now the hour that runs counts too"


def test_the_end_of_a_day_counts_its_last_hour(desk: Desk) -> None:
    hour_by_hour(desk)
    taken, refused, _, until = counted(desk, "2024-07-02T23:59:59.999999")
    assert (taken, refused, until) == (counted(desk, None)[0], 2, "2024-07-03 00:00")


def test_a_past_view_calls_a_bank_as_it_was_called_then(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.when(desk.bank.repaid("NOBODY", "2024-06-20", 0), today="2024-07-01")
    terms = {
        "name": "新名银行",
        "kind": "rural_commercial",
        "valid_from": "2010-01-01",
        "known_from": "2021-12-31",
    }
    desk.given(
        desk.bank.event("institution.updated", "2024-07-02", **terms) | {"source": OFFICE}, today="2024-07-03"
    )
    figures = Figures(desk.store)
    asked = (Question(None, instant("2024-07-02T00:00")), Question())
    assert [refusals(figures, one).books[0].name for one in asked] == ["某农商银行", "新名银行"]
