"""A notice says by its labels which alert it is, and by its annotations all that a person must see of it."""

from datetime import date
from functools import partial

import msgspec
import pytest

from aggregates.codes import day_number
from projections.alerts import Alert, after
from projections.notice import identity, notice
from tests.alerts import BREACH, CALM, desk, finding, named

HOUR = 3_600_000_000


def raised(at: int = HOUR, **terms: str) -> Alert:
    found = after(None, finding(BREACH, **terms), at)
    assert found is not None
    return found


def test_another_value_is_the_same_notice_with_other_words() -> None:
    before = raised()
    later = after(before, finding(BREACH, value="-9/20"), 2 * HOUR)
    assert later is not None
    first, second = (notice(alert, desk(), 5 * HOUR) for alert in (before, later))
    assert (first.labels, first.starts_at) == (second.labels, second.starts_at)
    assert (first.annotations["figure"], second.annotations["figure"]) == ("下降42.0%", "下降45.0%")


def test_a_notice_calls_the_bank_as_it_was_called_on_the_business_date() -> None:
    since = day_number(date(2024, 9, 30)) - 180
    for begun, name in ((since, "新名"), (since + 1, "旧名")):
        renamed = desk()._replace(institutions=partial(dict, bank=named("bank", "旧名", "新名", since=begun)))
        assert notice(raised(), renamed, 0).annotations["name"] == name


def test_another_severity_is_another_notice() -> None:
    usual, grave = raised(), raised(severity="P1")
    assert identity(usual) != identity(grave)
    assert notice(usual, desk(), 0).labels != notice(grave, desk(), 0).labels


def test_no_label_holds_what_may_change() -> None:
    assert notice(raised(), desk(), 0).labels == {
        "alertname": "NprSwing", "institution": "bank", "period": "2024Q3", "severity": "warning", "colour": "橙",
        "environment": "production",
    }  # fmt: skip


def test_annotations_tell_bank_figure_base_threshold_and_clause_in_chinese() -> None:
    told = notice(raised(), desk(), 0).annotations
    assert told["summary"] == "槐乡村镇银行 2024年3季度 无还本续贷余额异常波动"
    assert (told["name"], told["state"]) == ("槐乡村镇银行", "已确认")
    assert (told["figure"], told["base"]) == ("下降42.0%", "449.00万元")
    assert told["threshold"].startswith("|环比| ≥ 30%")
    assert told["clause"].startswith("C3.8「按季度监测")
    assert told["runbook_url"] == "https://puhui.example/runbook#nprswing"


def test_it_starts_when_the_alert_was_opened_last() -> None:
    first = raised(HOUR)
    closed = after(first, finding(CALM), 2 * HOUR)
    again = after(closed, finding(BREACH), 3 * HOUR)
    assert closed is not None
    assert again is not None
    assert (closed.opened_at, closed.closed_at) == (HOUR, 2 * HOUR)
    assert (again.raised_at, again.opened_at, again.closed_at) == (HOUR, 3 * HOUR, None)
    assert notice(again, desk(), 0).starts_at == "1970-01-01T11:00:00+08:00"


def test_a_closed_alert_keeps_the_moment_of_its_closing_whatever_is_read_later() -> None:
    closed = after(raised(HOUR), finding(CALM), 2 * HOUR)
    later = after(closed, finding(CALM, value="-1/10"), 3 * HOUR)
    assert later is not None
    assert (later.updated_at, later.closed_at) == (3 * HOUR, 2 * HOUR)


def test_it_is_written_as_alertmanager_reads_it() -> None:
    written = msgspec.json.decode(msgspec.json.encode(notice(raised(), desk(), 5 * HOUR)))
    assert written.keys() == {"labels", "annotations", "startsAt", "endsAt", "generatorURL"}
    assert written["endsAt"] == "1970-01-01T13:00:00+08:00"
    assert written["generatorURL"] == "https://puhui.example/alerts/NprSwing/bank/2024Q3"


@pytest.mark.parametrize("severity", ["P1", "P2", "P3", "P4"])
def test_the_codes_of_severity_never_stand_before_people(severity: str) -> None:
    written = notice(raised(severity=severity), desk(), 0)
    assert severity not in " ".join([*written.labels.values(), *written.annotations.values()])
