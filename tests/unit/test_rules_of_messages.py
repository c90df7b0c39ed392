"""Rules about messages as such, customers, lines and positions: V01–V07, V29, V31, V40–V42, V47, V49."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from puhui.codes import complete_usc
from tests.desk import BANK, OTHER_BANK, PERSON, SHOP, Desk, accepted, ended, instant, parked, refused
from tests.events import OFFICE, Sender, message, yuan
from tests.references import social_credit_code


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_v01_a_repeated_event_is_ignored(desk: Desk) -> None:
    issued = desk.bank.issued("A", SHOP, "2024-03-01", yuan(1000))
    desk.given(issued)
    again = issued | {"time": "2024-03-09T08:00:00+08:00", "batchid": "2"}
    told = desk.when(again)
    assert dict(told.counts) == {("repeated", "V01"): 1}
    assert desk.balance("A") == yuan(1000)


def test_v01_a_parked_and_a_refused_event_are_known_again_too(desk: Desk) -> None:
    waiting = desk.bank.repaid("A", "2024-03-01", 100)
    wrong = desk.bank.issued("B", SHOP, "2024-03-01", 0)
    desk.when(waiting)
    first = desk.when(wrong)
    told = desk.when(waiting, wrong, wrong)
    assert dict(told.counts) == {("repeated", "V01"): 3}
    assert len(first.rejections) == 1
    assert not told.rejections
    assert len(desk.refused()) == 1


def test_v02_an_id_used_for_other_content_is_refused(desk: Desk) -> None:
    issued = desk.bank.issued("A", SHOP, "2024-03-01", yuan(1000))
    desk.given(issued)
    other = issued | {"data": issued["data"] | {"principal_fen": yuan(2000)}}
    refused(desk.when(other), "V02", "id", issued["id"], "A")
    assert desk.balance("A") == yuan(1000)
    assert dict(desk.when(other).counts) == {("repeated", "V01"): 1}


def test_v02_the_same_id_for_another_subject_is_accepted(desk: Desk) -> None:
    issued = desk.bank.issued("A", SHOP, "2024-03-01", yuan(1000))
    desk.given(issued)
    accepted(desk.when(desk.bank.issued("B", SHOP, "2024-03-01", 500) | {"id": issued["id"]}))


def test_v02_an_id_of_an_office_used_for_other_content_is_refused(desk: Desk) -> None:
    registered = Sender(OTHER_BANK).registered()
    desk.given(registered)
    other = registered | {"data": registered["data"] | {"name": "另一家银行"}}
    told = desk.when(other)
    assert told.rejection["rule"] == "V02"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"type": "cn.puhui.loan.issued.v9"}, "type"),
        ({"id": None}, "id"),
        ({"environment": "prod"}, "environment"),
        ({"specversion": "2.0"}, "specversion"),
    ],
)
def test_v03_an_envelope_that_does_not_fit_is_refused(desk: Desk, change: dict[str, Any], field: str) -> None:
    issued = desk.bank.issued("A", SHOP, "2024-03-01", 100)
    refused(desk.when(issued | change), "V03", field)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"principal_fen": "100"}, "data.principal_fen"),
        ({"principal_fen": 1.5}, "data.principal_fen"),
        ({"currency": "USD"}, "data.currency"),
        ({"customer_kind": "giant"}, "data.customer_kind"),
        ({"increase_fen": 5}, "data.increase_fen"),
    ],
)
def test_v03_data_that_do_not_fit_are_refused(desk: Desk, change: dict[str, Any], field: str) -> None:
    refused(desk.when(desk.bank.issued("A", SHOP, "2024-03-01", 100, **change)), "V03", field)


def test_v03_a_missing_field_is_named(desk: Desk) -> None:
    issued = desk.bank.issued("A", SHOP, "2024-03-01", 100)
    del issued["data"]["disbursed_on"]
    refused(desk.when(issued), "V03", "data.disbursed_on", "data.disbursed_on")


def test_v03_mode_and_issuance_kind_that_contradict_each_other_are_refused(desk: Desk) -> None:
    desk.given(desk.bank.issued("A", SHOP, "2023-03-01", 100))
    told = desk.when(desk.bank.renewed("B", SHOP, "2024-03-01", {"A": 100}, issuance_kind="bridge"))
    refused(told, "V03", "data.issuance_kind", "no_principal", "bridge")


def test_v03_a_line_that_ends_before_it_begins_is_refused(desk: Desk) -> None:
    line = desk.bank.line(SHOP, 100, since="2024-03-01", valid_to="2024-02-01")
    refused(desk.when(line), "V03", "data.valid_to", "2024-02-01", "2024-03-01")


@pytest.mark.parametrize("amount", [-1, 0])
def test_v04_an_impossible_amount_is_refused(desk: Desk, amount: int) -> None:
    refused(desk.when(desk.bank.issued("A", SHOP, "2024-03-01", amount)), "V04", "data.principal_fen")
    desk.given(desk.bank.issued("B", SHOP, "2024-03-01", 100))
    refused(desk.when(desk.bank.repaid("B", "2024-03-02", amount)), "V04", "data.principal_fen")


def test_v04_interest_alone_is_a_repayment(desk: Desk) -> None:
    desk.given(desk.bank.issued("B", SHOP, "2024-03-01", 100))
    accepted(desk.when(desk.bank.repaid("B", "2024-03-02", 0, interest_fen=5)))


def test_v04_draws_cannot_grow_beyond_what_can_be_counted(desk: Desk) -> None:
    desk.given(desk.bank.issued("A", SHOP, "2024-03-01", 10**15))
    refused(desk.when(desk.bank.drawn("A", "2024-03-02", 1)), "V04", "data.amount_fen")


def test_v05_an_unknown_institution_waits_for_its_registration(tmp_path: Path) -> None:
    desk = Desk(tmp_path, registered=False)
    told = desk.when(desk.bank.issued("A", SHOP, "2024-03-01", 100))
    parked(desk, told, "V05", f"institution:{BANK}")
    told = desk.when(desk.bank.repaid("A", "2024-03-02", 10))
    assert dict(told.counts) == {("parked", "V05"): 1}
    told = desk.when(desk.bank.registered())
    assert told.counts["accepted", ""] == 3
    assert told.counts["released", "V05"] == 2
    assert not desk.parked()
    assert desk.balance("A") == 90


def test_v05_an_institution_that_is_never_registered_is_told_so(tmp_path: Path) -> None:
    desk = Desk(tmp_path, registered=False)
    desk.when(desk.bank.issued("A", SHOP, "2024-03-01", 100))
    ended(desk, "V05", "data.institution_id")


def test_v05_a_closed_institution_is_refused(desk: Desk) -> None:
    closed = desk.bank.event("institution.closed", "2024-02-01", closed_on="2024-02-01")
    desk.given(closed | {"source": "urn:puhui:gov:finance-office"})
    told = desk.when(desk.bank.issued("A", SHOP, "2024-03-01", 100))
    refused(told, "V05", "data.institution_id", BANK, "2024-03-01")
    accepted(desk.when(desk.bank.issued("B", SHOP, "2024-02-01", 100)))


def test_v05_nobody_reports_for_another(desk: Desk) -> None:
    issued = desk.bank.issued("A", SHOP, "2024-03-01", 100)
    stranger = f"urn:puhui:inst:{OTHER_BANK}"
    refused(desk.when(issued | {"source": stranger}), "V05", "source", stranger, BANK)
    refused(desk.when(desk.bank.registered() | {"source": stranger}), "V05", "source", stranger)


def test_v06_a_business_date_in_the_future_is_refused(desk: Desk) -> None:
    told = desk.when(desk.bank.issued("A", SHOP, "2024-07-03", 100))
    refused(told, "V06", "data.business_date", "2024-07-03", "2024-07-01")
    accepted(desk.when(desk.bank.issued("B", SHOP, "2024-07-02", 100)))


def test_v06_a_business_date_before_the_institution_is_refused(desk: Desk) -> None:
    told = desk.when(desk.bank.issued("A", SHOP, "2009-12-31", 100))
    refused(told, "V06", "data.business_date", "2009-12-31", "2010-01-01")


def test_v06_what_has_happened_has_not_happened_later_than_today(desk: Desk) -> None:
    told = desk.when(desk.bank.issued("A", SHOP, "2024-06-28", 100, disbursed_on="2024-07-09"))
    refused(told, "V06", "data.disbursed_on", "2024-07-09", "2024-07-01")
    told = desk.when(desk.bank.opening("A", SHOP, "2024-06-28", 100, as_of="2024-07-09"))
    refused(told, "V06", "data.as_of", "2024-07-09")


def test_v07_a_late_fact_is_accepted_flagged_and_opens_restatements(desk: Desk) -> None:
    desk.given(desk.bank.issued("A", SHOP, "2024-01-10", 100), today="2024-01-11")
    told = desk.when(desk.bank.repaid("A", "2024-02-20", 10))
    accepted(told, "V07")
    assert told.counts["flagged", "V07"] == 1
    periods = {row.period for row in desk.store.restatements(BANK)}
    assert {"2024Q1", "2024-02", "2024-05"} <= periods
    assert "2024Q2" not in periods


def test_v07_history_before_the_institution_went_live_is_exempt(desk: Desk) -> None:
    accepted(desk.when(desk.bank.issued("A", SHOP, "2023-11-10", 100)))
    assert not desk.store.restatements(BANK)


def test_v29_a_line_below_what_is_drawn_is_flagged(desk: Desk) -> None:
    desk.given(desk.bank.issued("A", SHOP, "2024-06-03", yuan(5000)))
    accepted(desk.when(desk.bank.line(SHOP, yuan(4000), since="2024-06-04")), "V29")
    accepted(desk.when(desk.bank.issued("B", SHOP, "2024-06-05", yuan(1))), "V29")
    accepted(desk.when(desk.bank.line(SHOP, yuan(6000), since="2024-06-06")))
    accepted(desk.when(desk.bank.line(SHOP, 0, since="2024-06-07", what="expired")))


def test_v29_a_renewal_draws_only_its_increase(desk: Desk) -> None:
    desk.given(
        desk.bank.line(SHOP, yuan(5000), since="2023-06-04"),
        desk.bank.issued("A", SHOP, "2023-06-05", yuan(5000), original_due_on="2024-06-28"),
    )
    accepted(desk.when(desk.bank.renewed("B", SHOP, "2024-06-20", {"A": yuan(5000)})))


def test_v31_two_sizes_from_one_day_are_refused(desk: Desk) -> None:
    desk.given(desk.bank.profile(SHOP, "small", since="2024-02-01", day="2024-06-01"))
    told = desk.when(desk.bank.profile(SHOP, "medium", since="2024-02-01", day="2024-06-02"))
    refused(told, "V31", "data.valid_from", "2024-02-01")
    accepted(desk.when(desk.bank.profile(SHOP, "medium", since="2024-03-01", day="2024-06-03")))


@pytest.mark.parametrize("code", ["91140000X", SHOP.lower(), f" {SHOP}", SHOP[:-1] + "Ｘ", SHOP[:-1] + "I"])
def test_v40_a_code_that_cannot_be_one_is_refused(desk: Desk, code: str) -> None:
    refused(desk.when(desk.bank.issued("A", code, "2024-06-03", 100)), "V40", "data.customer_ref", code)


@pytest.mark.parametrize("field", ["business_usc", "owner_of"])
def test_v40_every_code_is_judged(desk: Desk, field: str) -> None:
    told = desk.when(desk.bank.profile(PERSON, "individual", since="2024-06-03", **{field: "SHOP"}))
    refused(told, "V40", f"data.{field}", "SHOP")


def test_v40_the_code_of_a_provider_of_security_is_judged(desk: Desk) -> None:
    security = [{"kind": "guarantee", "provider_ref": "nobody"}]
    told = desk.when(
        desk.bank.issued("A", SHOP, "2024-06-03", 100, main_security="guarantee", security=security)
    )
    refused(told, "V40", "data.security.provider_ref", "nobody")


def test_v40_an_institution_is_registered_under_a_possible_code_only(desk: Desk) -> None:
    refused(desk.when(Sender("registry:0").registered()), "V40", "data.institution_id", "registry:0")
    refused(desk.when(Sender("registry:0").issued("A", SHOP, "2024-06-03", 1)), "V40", "data.institution_id")


def test_v40_a_failed_check_character_is_flagged(desk: Desk) -> None:
    real = "91350100M0001TGQXM"
    accepted(desk.when(desk.bank.issued("A", real, "2024-06-03", 100)), "V40")
    accepted(desk.when(desk.bank.issued("B", PERSON, "2024-06-03", 100)))


@pytest.mark.parametrize("code", ["999999", "142625", "14102", "abcdef"])
def test_v41_an_unknown_division_is_flagged(desk: Desk, code: str) -> None:
    if len(code) < 6:
        refused(
            desk.when(desk.bank.issued("A", SHOP, "2024-06-03", 1, division_code=code)),
            "V03",
            "data.division_code",
        )
        return
    accepted(desk.when(desk.bank.issued("A", SHOP, "2024-06-03", 100, division_code=code)), "V41")
    accepted(desk.when(desk.bank.issued("B", SHOP, "2024-06-03", 100, division_code="141024102")))


def test_v41_an_institution_in_an_unknown_division_is_flagged(desk: Desk) -> None:
    told = desk.when(Sender(OTHER_BANK).registered(divisions_served=["141024", "990000"]))
    assert dict(told.counts) == {("accepted", ""): 1, ("flagged", "V41"): 1}


IDENTITY = "140203199003070011"
SECRETS = [
    ("evidence_ref", "联系人张三", "张三"),
    ("operator_system", "电话13912345678", "13912345678"),
    ("raw_code", "身份证11010519491231002X", "11010519491231002X"),
]


@pytest.mark.parametrize(("field", "text", "secret"), SECRETS)
@pytest.mark.parametrize("registered", [True, False])
def test_v42_personal_data_are_refused_and_nowhere_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, field: str, text: str, secret: str, registered: bool
) -> None:
    caplog.set_level(logging.DEBUG)
    desk = Desk(tmp_path, registered=registered)
    for event in (
        desk.bank.issued("A", SHOP, "2024-06-03", 100, **{field: text}),
        desk.bank.repaid("A", "2024-06-03", 100, **{field: text}),
    ):
        told = desk.when(event)
        refused(told, "V42", f"data.{field}")
        assert told.rejection["original_base64"] is None
        assert told.rejection["digest"]
    assert_nowhere(desk, caplog, secret)


def assert_nowhere(desk: Desk, caplog: pytest.LogCaptureFixture, secret: str) -> None:
    """Neither the store's files nor what leaves nor the log hold this."""
    desk.worker.intake.flush_all()
    desk.store.close()
    escaped = json.dumps(secret)[1:-1]
    stored = b"".join(part.read_bytes() for part in desk.path.parent.iterdir() if part.is_file())
    assert len(stored) > 1000
    for form in (secret, escaped):
        assert form.encode() not in stored
        assert form not in caplog.text


@pytest.mark.parametrize("ref", ["11010519491231002X", "张三", "13912345678", "p1:张三"])
def test_v42_a_person_is_no_reference(desk: Desk, caplog: pytest.LogCaptureFixture, ref: str) -> None:
    told = desk.when(desk.bank.issued("A", ref, "2024-06-03", 100))
    refused(told, "V42", "data.customer_ref")
    assert told.rejection["original_base64"] is None
    assert_nowhere(desk, caplog, ref)


def test_v42_what_another_rule_refuses_is_not_sent_back_with_a_person_in_it(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    event = desk.bank.issued("A", SHOP, "2024-06-03", 100, customer_kind="张三", reason="联系人李四")
    told = desk.when(event)
    assert told.rejection["rule"] == "V03"
    assert told.rejection["original_base64"] is None
    assert_nowhere(desk, caplog, "张三")


@pytest.mark.parametrize(
    "value",
    [
        b'{"reason": "\\u5f20\\u4e09", "loan_no"',
        '{"reason": "张三", "loan_no"'.encode(),
        '{"reason": "张三"}'.encode("gbk"),
        '{"reason": "张三", "reason": "x"}'.encode(),
        '{"张三": 1}'.encode(),
    ],
    ids=["escaped, no JSON", "no JSON", "no UTF-8", "hidden by a second one", "a name"],
)
def test_v42_what_cannot_be_read_is_not_sent_back_with_a_person_in_it(desk: Desk, value: bytes) -> None:
    told = desk.record(value)
    assert told.rejection["rule"] == "V03"
    assert told.rejection["original_base64"] is None
    assert desk.record(b'{"reason": "x", "loan_no"').rejection["original_base64"] is not None


def test_v42_a_record_in_a_wrong_partition_is_not_forwarded_with_a_person_in_it(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    sent = message(desk.bank.repaid("A", "2024-06-03", 100, evidence_ref="联系人张三"))
    for key in ("a", "b", "c", "d", "e"):
        desk.arrives((sent.topic, key, sent.value))
    assert_nowhere(desk, caplog, "张三")


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"key": "inclusive_line_limit"}, "data.key"),
        ({"key": "pboc_inclusive_line_limit"}, "data.key"),
        ({"limit_fen": 2_000_000_000}, "data.limit_fen"),
        ({"strict": False}, "data.strict"),
        ({"cooperatives": True}, "data.cooperatives"),
    ],
    ids=str,
)
def test_v03_a_reading_of_inclusive_loans_that_would_change_no_figure_is_refused(
    desk: Desk, terms: dict[str, Any], field: str
) -> None:
    whole = {
        "key": "large_bank_inclusive_growth",
        "value": "20",
        "unit": "percent",
        "valid_from": "2024-01-01",
    }
    told = desk.bank.event("policy.target_set", "2024-06-03", scope={}, **(whole | terms)) | {
        "source": OFFICE
    }
    refused(desk.when(told), "V03", field, str(next(iter(terms.values()))))


def test_v42_an_office_writes_no_person_either(desk: Desk) -> None:
    told = desk.when(desk.bank.event("institution.closed", "2024-06-03", closed_on="2024-06-03", reason="联系人张三")
                     | {"source": "urn:puhui:gov:x"})  # fmt: skip
    refused(told, "V42", "data.reason")


def test_v47_another_environment_is_refused(desk: Desk) -> None:
    for sender in (Sender(BANK, environment="drill"), Sender(BANK, environment="production")):
        told = desk.when(sender.issued("A", SHOP, "2024-06-03", 100))
        refused(told, "V47", "environment", sender.environment, "test")
    accepted(desk.when(Sender(BANK).issued("A", SHOP, "2024-06-03", 100)))


def test_v49_a_suspected_unit_is_flagged_and_not_compared_with(desk: Desk) -> None:
    def told(day: str, value: str) -> Any:
        position = {"as_of": day, "key": "PH", "value": value, "unit": "万元"}
        return desk.when(desk.bank.event("position.reported", day, **position))

    accepted(told("2024-06-27", "29050.35"))
    accepted(told("2024-06-28", "290503500.00"), "V49")
    accepted(told("2024-06-29", "29060.00"))
    assert [row.suspect for row in desk.store.reported(BANK)] == [False, True, False]


def test_a_released_event_is_taken_in_in_order_of_arrival(desk: Desk) -> None:
    legs = [desk.bank.repaid("A", "2024-06-10", 10 * n, repayment_no=str(n)) for n in (3, 1, 2)]
    for event in legs:
        assert dict(desk.when(event).counts) == {("parked", "V09"): 1}
    desk.when(desk.bank.issued("A", SHOP, "2024-06-03", 100))
    amounts = [fact.principal for fact in desk.facts() if type(fact).__name__ == "LoanRepaid"]
    assert amounts == [30, 10, 20]
    assert desk.balance("A") == 40


def test_parked_events_of_a_worker_that_starts_anew_are_released_and_ended(desk: Desk) -> None:
    desk.when(desk.bank.repaid("A", "2024-06-10", 10), desk.bank.repaid("B", "2024-06-10", 10))
    desk.worker.__post_init__()
    told = desk.when(desk.bank.issued("A", SHOP, "2024-06-03", 100))
    assert told.counts["released", "V09"] == 1
    told = desk.waits_until("2024-07-05")
    assert dict(told.counts) == {("refused", "V09"): 1}
    desk.worker.__post_init__()
    assert dict(desk.when(desk.bank.issued("B", SHOP, "2024-06-03", 100)).counts) == {("accepted", ""): 1}


def test_the_end_of_a_wait_is_by_the_clock_of_the_records(desk: Desk) -> None:
    desk.when(desk.bank.repaid("A", "2024-06-10", 10))
    patience = 72 * 3600 * 1_000_000
    assert desk.worker.intake.expire(instant("2024-07-01") + patience - 1) is None
    assert desk.worker.intake.expire(instant("2024-07-01") + patience) is not None


def test_a_code_of_ours_is_a_code() -> None:
    assert complete_usc(social_credit_code(3)[:17]) == social_credit_code(3)
