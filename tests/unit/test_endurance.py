"""The parts of the soak: what it publishes, how it tells delays, and that its digests and its report see what is wrong."""

import json
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import pytest

from tests.benchmarks.load import INSTITUTIONS, PARTITIONS
from tests.benchmarks.wire import Published, Teller
from tests.desk import SHOP
from tests.endurance.course import Outcome, Sample, Strike
from tests.endurance.figures import Digest, digest, same_messages
from tests.endurance.flow import EVERY, Waits, contradicted
from tests.endurance.report import report, verdicts
from tests.events import Event, Sender, message
from tests.examples import BANK
from tests.worker import direct_worker


def repayments(count: int) -> list[Published]:
    teller = Teller(0, INSTITUTIONS[0], 400, "test")
    for _ in range(count):
        teller.tell(10, "loan.repaid", '"loan_no":"L","principal_fen":100', late=False)
    return list(islice(teller.told, count))


def test_now_and_then_an_event_is_told_with_another_amount_under_the_same_id() -> None:
    told = list(contradicted(repayments(2 * EVERY)))
    assert len(told) == 2 * EVERY + 2
    first, second = (json.loads(event.value) for event in told[:2])
    assert first["id"] == second["id"]
    assert (first["data"].pop("principal_fen"), second["data"].pop("principal_fen")) == (100, 1100)
    assert first == second


def test_the_longest_wait_is_that_of_the_oldest_event_not_taken_in() -> None:
    waits, none = Waits(), [0] * PARTITIONS
    assert waits.longest(none, 1.0) == 0
    waits.note([5, *none[1:]], 10.0)
    waits.note([5, 3, *none[2:]], 11.0)
    assert waits.longest(none, 12.0) == 2.0
    assert waits.longest([5, 2, *none[2:]], 12.0) == 1.0
    assert waits.longest([5, 3, *none[2:]], 12.0) == 0


def digest_of(path: Path, batches: Iterable[Iterable[Event]]) -> Digest:
    worker = direct_worker(path)
    for batch in batches:
        worker.send((m.topic, m.key.decode(), m.value) for m in map(message, batch))
    worker.intake.flush_all()
    worker.store.close()
    return digest(f"sqlite:{path}")


def lived(repaid: int = 100) -> list[Event]:
    bank = Sender(BANK)
    events = [
        bank.registered(),
        bank.issued("A", SHOP, "2023-12-01", 1_000),
        bank.issued("B", SHOP, "2023-12-02", 50),
    ]
    return [*events, bank.repaid("A", "2023-12-03", repaid), bank.repaid("A", "2023-12-04", 1)]


def test_the_digest_is_the_same_however_events_were_cut_into_batches(tmp_path: Path) -> None:
    whole = digest_of(tmp_path / "whole.db", [lived()])
    assert digest_of(tmp_path / "single.db", ([event] for event in lived())) == whole
    assert whole["facts"].startswith("5 ")
    assert whole["movements"].startswith("1 ")


def test_the_digest_tells_in_which_parts_two_stores_differ(tmp_path: Path) -> None:
    one, other = digest_of(tmp_path / "a.db", [lived()]), digest_of(tmp_path / "b.db", [lived(repaid=101)])
    assert {part for part in one if one[part] != other[part]} == {
        "facts",
        "loans and customers",
        "movements",
        "figures",
    }


def test_messages_are_the_same_where_the_ids_are_and_the_first_run_had_one_form_of_each() -> None:
    one, two = {"a": {b"1"}}, {"a": {b"1", b"2"}}
    assert same_messages(one, two)
    assert not same_messages(two, two)
    assert not same_messages(one, one | {"b": {b"1"}})


def sound() -> Outcome:
    """A soak in which all is well: two kills, one of which delays events for four seconds."""
    found = Outcome(
        events=1_000,
        backlog=500,
        worked_off=10.0,
        strikes=[Strike(40.0, "worker-1"), Strike(60.0, "the broker")],
    )
    for at in range(150):
        phase = "backlog" if at < 10 else "calm" if at < 30 else "kills" if at < 80 else "quiet"
        delay = 2.0 if 61 <= at < 64 else 0.1
        found.samples.append(Sample(at, phase, 1_000, at, delay, [150.0]))
    found.shaken = found.quiet = {"facts": "5 ab"}
    found.messages = {"alerts": (3, True)}
    return found


def test_the_report_of_a_sound_soak_says_so() -> None:
    found = sound()
    assert all(verdicts(found).values())
    assert [found.back_after(strike) for strike in found.strikes] == [0.0, 4.0]
    text = report(found, "make endurance", "Demanded: more.", None)
    assert "**no**" not in text
    assert "| the broker | 1 | 4.0 | 4.0 |" in text


@pytest.mark.parametrize("wrong", ["figures", "messages", "memory", "late"])
def test_the_report_says_what_is_not_well(wrong: str) -> None:
    found = sound()
    if wrong == "figures":
        found.quiet = {"facts": "6 ab"}
    if wrong == "messages":
        found.messages = {"alerts": (3, False)}
    if wrong == "memory":
        found.samples = [s._replace(memory=[100 + s.at]) for s in found.samples]
    if wrong == "late":
        found.samples = [s._replace(delay=1.5) if s.phase == "calm" else s for s in found.samples]
    assert list(verdicts(found).values()).count(False) == 1
    assert report(found, "", "", None).count("**no**") == 1
