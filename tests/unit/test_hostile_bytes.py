"""Whatever lies on Kafka, the intake answers it: it never fails, and no wrong fact comes of it."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from aggregates.partitioning import partition_of
from aggregates.store.transaction import Outgoing
from puhui.contract.codec import Headers
from streams.answering import is_for_one
from streams.forwarding import unpacked
from streams.knowledge import UNKNOWN
from tests.desk import BANK, OTHER_BANK, SHOP, Desk, Told, accepted, instant, refused
from tests.events import OFFICE, Event, Sender, message
from tests.worker import PARTITIONS

HOME = partition_of(BANK, PARTITIONS)
ELSEWHERE = (HOME + 1) % PARTITIONS
MODES = pytest.mark.parametrize("binary", [False, True], ids=["structured", "binary"])


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A bank with loan A, paid out on 2024-06-03."""
    made = Desk(tmp_path)
    made.given(made.bank.issued("A", SHOP, "2024-06-03", 1_000_000))
    return made


def headers(event: Event, **more: bytes | None) -> list[tuple[str, bytes | None]]:
    """The attributes of an event as headers of binary mode."""
    made: dict[str, bytes | None] = {
        f"ce_{name}": str(value).encode() for name, value in event.items() if name != "data"
    }
    return [("content-type", b"application/json"), *(made | more).items()]


def send(desk: Desk, event: Event, binary: bool, data: bytes | None = None, **more: Any) -> Told:
    """Send an event in one of the modes; `data` are its bytes where they are not plain JSON."""
    body = json.dumps(event["data"]).encode() if data is None else data
    if binary:
        return desk.record(body, headers=headers(event), **more)
    envelope = json.dumps({name: part for name, part in event.items() if name != "data"}).encode()
    return desk.record(envelope[:-1] + b', "data": ' + body + b"}", **more)


def unharmed(desk: Desk) -> None:
    """Nothing but the first two facts is there, and the next event is taken in."""
    assert [type(fact).__name__ for fact in desk.facts()] == ["LoanIssued"]
    accepted(desk.when(desk.bank.repaid("A", "2024-06-20", 1)))


NONSENSE: dict[str, bytes | None] = {
    "null": None,
    "empty": b"",
    "blank": b"  ",
    "no JSON": b"principal=100",
    "cut off": b'{"business_date": "2024-0',
    "two documents": b"{} {}",
    "JSON null": b"null",
    "a number": b"5",
    "a list": b"[]",
    "an empty object": b"{}",
    "byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": "{}".encode("utf-16"),
    "no UTF-8": b'{"loan_no": "\xff\xfe"}',
    "GBK": '{"loan_no": "借据"}'.encode("gbk"),
    "zeros": b"\0" * 100,
    "NaN": b'{"principal_fen": NaN}',
    "nested": b"[" * 100_000,
    "nested and closed": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "one megabyte": b'"' + b"x" * 1_000_000 + b'"',
    "one megabyte of nothing": b" " * 1_000_000,
    "one megabyte of digits": b"1" * 1_000_000,
    "one megabyte of fields": b"{" + b",".join(b'"f%d":0' % n for n in range(80_000)) + b"}",
    "one megabyte of Chinese": json.dumps("张三" * 160_000, ensure_ascii=False).encode(),
}


@MODES
@pytest.mark.parametrize("value", NONSENSE.values(), ids=list(NONSENSE))
def test_nonsense_is_refused(desk: Desk, value: bytes | None, binary: bool) -> None:
    event = desk.bank.repaid("A", "2024-06-20", 100)
    told = desk.record(value, headers=headers(event) if binary else ())
    assert told.counts == Counter({("refused", "V03"): 1})
    answer = told.rejection
    assert "（未注明）" not in answer["reason"]["zh"]
    assert len(json.dumps(told.rejections[0])) < 1_000_000
    again = desk.record(value, headers=headers(event) if binary else ())
    assert again.counts == Counter({("repeated", "V01"): 1})
    unharmed(desk)


DATA: dict[str, tuple[bytes, str, str]] = {
    "beyond 63 bits": (b'"principal_fen": 9223372036854775808', "V03", "data.principal_fen"),
    "beyond all bits": (b'"principal_fen": 1' + b"0" * 400, "V03", "data.principal_fen"),
    "beyond any loan": (b'"principal_fen": 1000000000000001', "V03", "data.principal_fen"),
    "far below zero": (b'"principal_fen": -9223372036854775809', "V04", "data.principal_fen"),
    "exponent": (b'"principal_fen": 1e3', "V03", "data.principal_fen"),
    "fraction": (b'"principal_fen": 100.0', "V03", "data.principal_fen"),
    "truth": (b'"principal_fen": true', "V03", "data.principal_fen"),
    "object": (b'"principal_fen": {"a": 1}', "V03", "data.principal_fen"),
    "null": (b'"principal_fen": null', "V03", "data.principal_fen"),
    "lone surrogate": (b'"loan_no": "\\ud800"', "V03", "value"),
    "surrogates exchanged": (b'"loan_no": "\\udc00\\ud800"', "V03", "value"),
    "surrogate in UTF-8": (b'"loan_no": "\xed\xa0\x80"', "V03", "value"),
    "surrogate in an unknown field": (b'"unknown": "\xed\xa0\x80"', "V03", "value"),
    "NUL in a number": (b'"loan_no": "A\\u0000"', "V03", "data.loan_no"),
    "NUL in a code": (b'"division_code": "141024\\u0000"', "V03", "data.division_code"),
    "NUL in a text": (b'"evidence_ref": "\\u0000"', "V03", "data.evidence_ref"),
    "raw NUL": (b'"loan_no": "A\0"', "V03", "value"),
    "long number": (b'"loan_no": "' + b"9" * 101 + b'"', "V03", "data.loan_no"),
    "very long number": (b'"loan_no": "' + b"9" * 900_000 + b'"', "V03", "data.loan_no"),
    "empty number": (b'"loan_no": ""', "V03", "data.loan_no"),
    "list of numbers": (b'"loan_no": ["A"]', "V03", "data.loan_no"),
    "year 0001": (b'"business_date": "0001-01-01"', "V06", "data.business_date"),
    "year 9999": (b'"business_date": "9999-12-31"', "V06", "data.business_date"),
    "before the ledger": (b'"business_date": "1969-12-31"', "V06", "data.business_date"),
    "year 0000": (b'"business_date": "0000-01-01"', "V03", "data.business_date"),
    "year -1": (b'"business_date": "-001-01-01"', "V03", "data.business_date"),
    "year 10000": (b'"business_date": "10000-01-01"', "V03", "data.business_date"),
    "date as a number": (b'"business_date": 19000', "V03", "data.business_date"),
    "full-width date": ('"business_date": "２０２４-06-20"'.encode(), "V03", "data.business_date"),
    "last name twice, last one wrong": (b'"loan_no": "A", "loan_no": 5', "V03", "data.loan_no"),
}


@MODES
@pytest.mark.parametrize("change", DATA.values(), ids=list(DATA))
def test_a_hostile_field_is_refused(desk: Desk, change: tuple[bytes, str, str], binary: bool) -> None:
    event = desk.bank.repaid("A", "2024-06-20", 100)
    field, rule, place = change
    told = send(desk, event, binary, json.dumps(event["data"]).encode()[:-1] + b", " + field + b"}")
    assert told.counts == Counter({("refused", rule): 1})
    assert (told.rejection["rule"], told.rejection["field"]) == (rule, place)
    unharmed(desk)


@MODES
def test_of_a_name_that_stands_twice_the_last_one_counts(desk: Desk, binary: bool) -> None:
    event = desk.bank.repaid("A", "2024-06-20", 100)
    told = send(desk, event, binary, json.dumps(event["data"]).encode()[:-1] + b', "principal_fen": 300}')
    accepted(told)
    assert desk.balance("A") == 999_700


@MODES
def test_deep_and_long_things_that_nobody_knows_are_passed_over(desk: Desk, binary: bool) -> None:
    event = desk.bank.repaid("A", "2024-06-20", 100)
    deep = b'"x": ' + b"[" * 200 + b"]" * 200 + b', "y": "' + b"z" * 500_000 + b'"'
    accepted(send(desk, event, binary, json.dumps(event["data"]).encode()[:-1] + b", " + deep + b"}"))


DATES = [
    ("loan.issued", {"disbursed_on": "0001-01-01"}, "data.disbursed_on"),
    ("loan.issued", {"original_due_on": "9999-12-31"}, "data.original_due_on"),
    ("loan.issued", {"original_due_on": "2149-06-07"}, "data.original_due_on"),
    ("loan.issued", {"disbursed_on": "2148-01-01", "original_due_on": "2149-01-01"}, "data.disbursed_on"),
    ("customer.profile_changed", {"valid_from": "0001-01-01"}, "data.valid_from"),
    ("customer.profile_changed", {"valid_to": "9999-12-31"}, "data.valid_to"),
    ("credit_line.changed", {"valid_from": "1969-12-31"}, "data.valid_from"),
    ("credit_line.changed", {"valid_to": "9999-12-31"}, "data.valid_to"),
    ("loan.opening_balance", {"as_of": "0001-01-01"}, "data.as_of"),
    ("loan.opening_balance", {"overdue_since": "1900-01-01"}, "data.overdue_since"),
    ("loan.opening_balance", {"current_due_on": "9999-12-31"}, "data.current_due_on"),
    ("position.reported", {"as_of": "0001-01-01"}, "data.as_of"),
    ("position.reported", {"business_date": "1900-01-01", "as_of": "1900-01-01"}, "data.business_date"),
]


@pytest.mark.parametrize(("kind", "change", "field"), DATES)
def test_dates_that_the_ledger_cannot_hold_are_refused(
    desk: Desk, kind: str, change: dict[str, Any], field: str
) -> None:
    bank, day = desk.bank, "2024-06-20"
    made = {
        "loan.issued": lambda: bank.issued("B", SHOP, day, 100),
        "loan.opening_balance": lambda: bank.opening("B", SHOP, day, 100),
        "customer.profile_changed": lambda: bank.profile(SHOP, "small", since=day),
        "credit_line.changed": lambda: bank.line(SHOP, 100, since=day),
        "position.reported": lambda: bank.event(kind, day, as_of=day, key="PH", value="1", unit="元"),
    }[kind]()
    refused(desk.when(made | {"data": made["data"] | change}), "V06", field)
    unharmed(desk)


@pytest.mark.parametrize("what", ["line", "profile"])
def test_what_is_valid_to_the_last_day_of_the_ledger_never_ends(desk: Desk, what: str) -> None:
    bank, terms = desk.bank, {"since": "2024-06-10", "day": "2024-06-20", "valid_to": "2149-06-06"}
    told = bank.line(SHOP, 10**10, **terms) if what == "line" else bank.profile(SHOP, "large", **terms)
    accepted(desk.when(told))
    accepted(desk.when(bank.repaid("A", "2024-06-20", 1)))
    assert desk.balance("A") == 999_999


@pytest.mark.parametrize("value", ["99999999999999999999", "-1", "1e5", "0.001", "٣", "5\n", " 5", ""])
def test_a_position_is_a_plain_number_that_fits(desk: Desk, value: str) -> None:
    position = desk.bank.event(
        "position.reported", "2024-06-20", as_of="2024-06-20", key="PH", value=value, unit="元"
    )
    told = desk.when(position)
    assert {result for result, _ in told.counts} == {"refused"}
    assert not desk.store.reported(BANK)


@pytest.mark.parametrize("field", ["term_months", "instalments", "extension_count", "chain_depth"])
@pytest.mark.parametrize("number", [-1, 2**31, 2**63, 2**64, 10**30])
def test_counts_are_small_numbers(desk: Desk, field: str, number: int) -> None:
    opening = desk.bank.opening("B", SHOP, "2024-06-20", 100, **{field: number})
    refused(desk.when(opening), "V03", f"data.{field}")


def test_the_time_of_booking_may_be_any(desk: Desk) -> None:
    for number, moment in enumerate(
        [
            "0001-01-01T00:00:00",
            "0001-01-01T00:00:00+14:00",
            "9999-12-31T23:59:59",
            "9999-12-31T23:59:59-12:00",
        ]
    ):
        line = desk.bank.line(SHOP, 2_000_000 + number, since=f"2024-06-1{number}", booked_at=moment)
        accepted(desk.when(line))


HEADERS: dict[str, tuple[dict[str, bytes | None], str]] = {
    "no UTF-8": ({"ce_id": b"\xff"}, "id"),
    "null": ({"ce_id": None}, "id"),
    "empty": ({"ce_id": b""}, "id"),
    "NUL": ({"ce_source": b"a\0b"}, "source"),
    "very long": ({"ce_id": b"x" * 100_000}, "id"),
    "unknown type": ({"ce_type": b"cn.puhui.loan.unheard_of.v1"}, "type"),
    "empty type": ({"ce_type": b""}, "type"),
    "null type": ({"ce_type": None}, "type"),
    "wrong version": ({"ce_specversion": b"0.3"}, "specversion"),
    "wrong time": ({"ce_time": b"yesterday"}, "time"),
    "wrong environment": ({"ce_environment": b"\xe7\x94\x9f\xe4\xba\xa7"}, "environment"),
}


@pytest.mark.parametrize("change", HEADERS.values(), ids=list(HEADERS))
def test_broken_headers_are_refused(desk: Desk, change: tuple[dict[str, bytes | None], str]) -> None:
    event = desk.bank.repaid("A", "2024-06-20", 100)
    body = json.dumps(event["data"]).encode()
    told = desk.record(body, headers=headers(event, **change[0]))
    assert told.counts == Counter({("refused", "V03"): 1})
    assert told.rejection["field"] == change[1]
    unharmed(desk)


@pytest.mark.parametrize("left", ["ce_id", "ce_source", "ce_type", "ce_environment"])
def test_missing_headers_are_refused(desk: Desk, left: str) -> None:
    event = desk.bank.repaid("A", "2024-06-20", 100)
    given = [(name, value) for name, value in headers(event) if name != left]
    told = desk.record(json.dumps(event["data"]).encode(), headers=given)
    assert told.counts == Counter({("refused", "V03"): 1})
    assert told.rejection["field"] == left[3:]


def test_foreign_headers_do_not_make_a_structured_event_binary(desk: Desk) -> None:
    foreign: Headers = [("traceparent", b"\xff\xff"), ("", b""), ("cé", None)]
    accepted(desk.record(message(desk.bank.repaid("A", "2024-06-20", 100)).value, headers=foreign))
    structured: Headers = [("content-type", b"application/cloudevents+json"), ("ce_id", b"other")]
    accepted(desk.record(message(desk.bank.repaid("A", "2024-06-20", 100)).value, headers=structured))


def test_attributes_cannot_be_smuggled_in_behind_the_data(desk: Desk) -> None:
    event = desk.bank.repaid("A", "2024-06-20", 100)
    body = json.dumps(event["data"]).encode() + b', "environment": "production"'
    told = desk.record(body, headers=headers(event))
    assert told.counts == Counter({("refused", "V03"): 1})


@MODES
@pytest.mark.parametrize("key", [None, b"", b"\xff\xfe", b"somebody", b"\0", b"k" * 10_000])
def test_the_key_decides_nothing(desk: Desk, key: bytes | None, binary: bool) -> None:
    accepted(send(desk, desk.bank.repaid("A", "2024-06-20", 100), binary, key=key))
    told = desk.record(b"nonsense", key=key)
    assert told.counts == Counter({("refused", "V03"): 1})


OURS, THEIRS = f"urn:puhui:inst:{BANK}", f"urn:puhui:inst:{OTHER_BANK}"
NAMED: dict[str, tuple[Event, Event]] = {
    "another bank": ({"source": THEIRS}, {"institution_id": OTHER_BANK}),
    "another source": ({"source": THEIRS}, {}),
    "another institution": ({}, {"institution_id": OTHER_BANK}),
    "another institution and no source": ({"source": None}, {"institution_id": OTHER_BANK}),
    "an office": ({"source": OFFICE}, {}),
}


@MODES
@pytest.mark.parametrize("named", NAMED.values(), ids=list(NAMED))
def test_what_cannot_be_read_and_names_another_than_its_key_is_sent_back_to_neither(
    desk: Desk, named: tuple[Event, Event], binary: bool
) -> None:
    assert answered_to(desk, *named, binary) == (None, UNKNOWN)


UNNAMED: dict[str, tuple[Event, Event]] = {
    "its own": ({}, {}),
    "no source": ({"source": None}, {}),
    "an empty source": ({"source": ""}, {}),
    "no institution": ({}, {"institution_id": None}),
    "an institution that is no text": ({}, {"institution_id": 5}),
    "nobody": ({"source": None}, {"institution_id": None}),
}


@MODES
@pytest.mark.parametrize("named", UNNAMED.values(), ids=list(UNNAMED))
def test_what_cannot_be_read_and_names_nobody_else_is_sent_back_to_its_key(
    desk: Desk, named: tuple[Event, Event], binary: bool
) -> None:
    assert answered_to(desk, *named, binary) == (BANK, BANK)


@pytest.mark.parametrize("value", [f'"source": "{THEIRS}"', f'["{THEIRS}"]', '{"source": 5, "data": []}'])
def test_bytes_that_are_no_event_at_all_name_nobody(desk: Desk, value: str) -> None:
    desk.record(value.encode())
    assert answer_and_book(desk) == (BANK, BANK)


def test_what_an_office_sent_is_counted_by_its_key_and_lies_where_all_answers_lie(desk: Desk) -> None:
    registered = Sender(BANK).registered() | {"source": OFFICE, "id": "x"}
    send(desk, registered | {"data": registered["data"] | {"name": 5}}, False, topic="registry-events")
    assert answer_and_book(desk) == (BANK, BANK)
    assert not is_for_one(desk.store.outbox()[-1])


def answered_to(desk: Desk, envelope: Event, data: Event, binary: bool) -> tuple[str | None, str]:
    """To whom a repayment of the bank goes back that has one wrong field, and these; None leaves a field out."""
    event = desk.bank.repaid("A", "2024-06-20", 100)
    wrong = event["data"] | {"principal_fen": "12"} | data
    made = (
        event
        | {"source": OURS}
        | envelope
        | {"data": {n: part for n, part in wrong.items() if part is not None}}
    )
    send(desk, {name: part for name, part in made.items() if part is not None}, binary)
    return answer_and_book(desk)


def answer_and_book(desk: Desk) -> tuple[str | None, str]:
    """The key of the last answer, and the book under which the refusal is counted."""
    return desk.store.outbox()[-1].key, desk.refused()[-1].book


@MODES
def test_a_record_in_a_wrong_partition_is_forwarded(desk: Desk, binary: bool) -> None:
    event = desk.bank.repaid("A", "2024-06-20", 100)
    before = {row.id for row in desk.store.outbox()}
    told = send(desk, event, binary, partition=ELSEWHERE, key=None)
    assert told.counts == Counter({("forwarded", ""): 1})
    (sent,) = [r for r in desk.store.outbox() if r.id not in before and r.topic == "loan-events"]
    assert (sent.topic, sent.key, sent.partition) == ("loan-events", BANK, HOME)
    carried, published = unpacked(sent.headers)
    assert (carried, published) == (headers(event) if binary else [], instant(desk.today) // 1000)
    accepted(desk.record(sent.value, headers=carried, partition=sent.partition))
    assert desk.balance("A") == 999_900
    again = desk.record(sent.value, headers=carried, partition=sent.partition)
    assert again.counts == Counter({("repeated", "V01"): 1})


def test_who_sends_into_a_wrong_partition_is_told_once_a_day(desk: Desk) -> None:
    told: list[list[Outgoing]] = []
    for number, desk.today in enumerate(("2024-07-01", "2024-07-01", "2024-07-02")):
        send(desk, desk.bank.repaid("A", "2024-06-20", 100 + number), False, partition=ELSEWHERE)
        told.append([row for row in desk.store.outbox() if row.topic == "rejected-events"])
        desk.store.forget("rejected-events", [row.id for row in told[-1]])  # it has left, and is no repeat
    assert [[row.id for row in rows] for rows in told] == [
        [f"misrouted-{BANK}-2024-07-01"], [], [f"misrouted-{BANK}-2024-07-02"],
    ]  # fmt: skip
    (row,) = told[0]
    notice = json.loads(row.value)
    assert notice["type"] == "cn.puhui.event.misrouted.v1"
    assert "murmur2" in notice["data"]["what_to_do"]["zh"]
    assert "nothing was refused" in notice["data"]["reason"]["en"]
    assert is_for_one(row), "it may lie in the institution's own topic"


def test_a_stranger_is_not_told_where_its_records_belong(desk: Desk) -> None:
    stranger = Sender(OTHER_BANK)
    home = partition_of(OTHER_BANK, PARTITIONS)
    told = send(desk, stranger.repaid("A", "2024-06-20", 100), False, partition=(home + 1) % PARTITIONS)
    assert (told.counts, told.rejections) == (Counter({("forwarded", ""): 1}), [])


@pytest.mark.parametrize("content", [b"soon", None])
def test_a_header_called_as_our_own_stops_no_sender(desk: Desk, content: bytes | None) -> None:
    desk.worker.intake.by_record_clock = False
    before = {row.id for row in desk.store.outbox()}
    value = json.dumps(desk.bank.repaid("A", "2024-06-20", 100)).encode()
    told = desk.record(value, headers=[("kept", b"1"), ("puhui-published", content)], partition=ELSEWHERE)
    assert told.counts == Counter({("forwarded", ""): 1})
    (sent,) = [r for r in desk.store.outbox() if r.id not in before and r.topic == "loan-events"]
    assert unpacked(sent.headers) == ([("kept", b"1")], None)


def test_a_record_of_an_office_in_a_wrong_partition_is_forwarded_and_decided_there(desk: Desk) -> None:
    other = Sender(OTHER_BANK).registered()
    home = partition_of(OTHER_BANK, PARTITIONS)
    before = {row.id for row in desk.store.outbox()}
    told = send(desk, other, False, topic="registry-events", partition=(home + 1) % PARTITIONS)
    assert told.counts == Counter({("forwarded", ""): 1})
    assert OTHER_BANK not in desk.worker.intake.registry.institutions
    (sent,) = [row for row in desk.store.outbox() if row.id not in before]
    assert (sent.topic, sent.key, sent.partition) == ("registry-events", OTHER_BANK, home)
    assert desk.record(sent.value, topic="registry-events", partition=home).result == "accepted"
    assert desk.worker.intake.registry.institutions[OTHER_BANK].name


@MODES
def test_an_event_on_the_other_topic_is_refused(desk: Desk, binary: bool) -> None:
    loan = desk.bank.repaid("A", "2024-06-20", 100)
    office = Sender(BANK).registered() | {"source": OFFICE, "id": "x"}
    for event, topic in ((loan, "registry-events"), (office, "loan-events")):
        told = send(desk, event, binary, topic=topic)
        assert told.counts == Counter({("refused", "V03"): 1})
        assert told.rejection["field"] == "type"
        assert event["type"] in told.rejection["reason"]["zh"]
    unharmed(desk)


def test_sums_stay_within_64_bits(desk: Desk) -> None:
    largest = 10**15
    for number in range(20):
        desk.given(desk.bank.issued(f"L{number}", SHOP, "2024-06-04", largest))
    ledger = desk.worker.ledger()
    assert ledger is not None
    assert desk.balance("L19") == largest
