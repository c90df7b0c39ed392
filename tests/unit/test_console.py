"""The console's pages over a small store: the numbers of the figures, the wording of 9.1, and what every answer carries."""

import argparse
import asyncio
import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from fractions import Fraction
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import pytest
from aiohttp.test_utils import TestClient, TestServer

from aggregates.store import open_store
from aggregates.store.transaction import Transaction
from console.alerting import alerts
from console.evidence import evidence
from console.facts import facts_table
from console.overview import overview
from console.question import Question
from console.renewal import quarterly
from console.site import site
from projections.alerts import Alert, Evidence, State, changes
from projections.commands import figures_json
from projections.evidence import facts_of
from projections.figure import COUNTY
from projections.indicators import INDICATORS
from projections.rules.swings import swing_finding
from projections.telling import headline
from projections.views import Figures, View
from puhui import money
from puhui.cli import main
from puhui.policy import Quarter
from puhui.policy.periods import microseconds
from tests.events import OFFICE, Event, Sender, message, yuan
from tests.examples import BANK, SHOP, balance_and_bridge
from tests.figures import county, instant
from tests.references import social_credit_code
from tests.worker import DirectWorker, direct_worker

SCRIPT: Final = social_credit_code(2)
NAME: Final = "<script>alert(1)</script>"
HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}
PAGES: Final = ("/", "/renewal", "/alerts", "/refused", f"/alerts/NprSwing/{BANK}/2026Q2")
QUARTER: Final = "as_of=2026-06-30"


def _ms(day: str) -> int:
    return int(datetime.fromisoformat(f"{day}T09:00:00+08:00").timestamp() * 1000)


def _send(worker: DirectWorker, day: str, *events: Event) -> None:
    found = [message(event) for event in events]
    for topic in ("registry-events", "loan-events"):
        batch = [(m.topic, m.key.decode(), m.value) for m in found if m.topic == topic]
        worker.send(batch, at=_ms(day))


def _alert(
    rule: str, period: str, state: State, severity: str, facts: tuple[dict[str, Any], ...] = ()
) -> Alert:
    kept = Evidence(
        indicator="I22", unit="ratio", value="-0.35", base=yuan(50_000_000), threshold="|环比| ≥ 30%", clause="C3.8",
        sentence="按季度监测银行机构无还本续贷余额情况", as_of="2026-06-30", known_at="2026-07-18T00:00:00+08:00",
        parts={"base": yuan(50_000_000), "base_households": 4}, notes=("剔除最大一户后环比持平",), facts=facts,
    )  # fmt: skip
    instant = microseconds(datetime(2026, 7, 18, tzinfo=UTC))
    return Alert(
        rule=rule, version=1, subject=BANK, period=period, state=state, severity=severity,
        headline="环比下降35.0% <b>", evidence=kept, raised_at=instant, updated_at=instant,
    )  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The squeezed quarter of 7.10; a bank with an odd name; a refusal, a parking, a restatement, two alerts."""
    path = tmp_path_factory.mktemp("console") / "puhui.db"
    worker = direct_worker(path)
    registered, *events = balance_and_bridge(squeezed=True)
    openings = [event for event in events if event["type"].startswith("cn.puhui.loan.opening")]
    odd = Sender(SCRIPT)
    _send(worker, "2026-04-01", registered, odd.registered(name=NAME, kind="large_state"), *openings)
    _send(worker, "2026-06-30", *events[len(openings) :])
    _send(worker, "2026-07-02", odd.opening("Z", SHOP, "2026-06-30", yuan(1_234_567)))
    drill = odd.opening("Y", SHOP, "2026-06-30", yuan(1)) | {"environment": "drill"}
    bank = Sender(BANK, _sent=100)
    late = bank.repaid("C", "2026-06-26", yuan(1_000_000))
    _send(worker, "2026-07-20", drill, late, bank.repaid("NOBODY", "2026-07-19", 100))
    worker.intake.flush_all()
    transaction = Transaction()
    figures, quarter = Figures(worker.store), Quarter(2026, 2)
    swing = swing_finding(figures, BANK, quarter, View.of(quarter.last_day), closed=True)
    found = [
        _alert("NprSwing", "2026Q2", State.CONFIRMED, "P1", facts_of(worker.store, figures, swing) or ()),
        _alert("ReconciliationGap", "2026-06-30/NPR/balance", State.WITHDRAWN, "P4"),
    ]
    changes(worker.store, transaction, found, microseconds(datetime(2026, 7, 21, tzinfo=UTC)))
    worker.store.write(transaction)
    worker.store.close()
    return path


@pytest.fixture(scope="module")
def figures(store: Path) -> Iterator[Figures]:
    opened = open_store(f"sqlite:{store}", read_only=True)
    yield Figures(opened)
    opened.close()


class Answer:
    def __init__(self, status: int, headers: Any, text: str, json: Any) -> None:
        self.status, self.headers, self.text, self.json = status, headers, text, json

    def row(self, heading: str, table: int = 0) -> dict[str, str]:
        """The cells of the row with this heading, by label; notes behind a comma."""
        body = self.text.split("<tbody>")[table + 1].split("</tbody>")[0]
        row = next(r for r in body.split("<tr")[1:] if f"{heading}<" in r or f"{heading}</th" in r)
        cells = re.findall(r'<td[^>]*data-label="([^"]*)"[^>]*>(.*?)</td>', row, re.S)
        return {label: re.sub(r"<[^>]+>", "", cell.replace("<small>", "，")).strip() for label, cell in cells}


def get(store: Path | str, path: str, *, method: str = "GET", environment: str = "demo") -> Answer:
    async def ask() -> Answer:
        async with TestClient(TestServer(site(f"sqlite:{store}", environment))) as client:
            answer = await client.request(method, path)
            json = await answer.json() if answer.content_type == "application/json" else None
            return Answer(answer.status, answer.headers, await answer.text(), json)

    return asyncio.run(ask())


def test_the_overview_shows_the_figures_in_the_units_of_their_columns(store: Path, figures: Figures) -> None:
    page, view = get(store, f"/?{QUARTER}"), View.of(date(2026, 6, 30))
    row = page.row("某农商银行")
    held = INDICATORS["I10"].of(figures, BANK, view)
    assert held.value == yuan(5_000_000)
    assert row["普惠余额（亿元）"] == money.rounded(Fraction(held.value, 10**10)) == "0.05"
    assert row["户数（户）"] == "2"
    assert row["信用占比"] == "100.00%"
    assert row["全年目标差额（亿元）"] == "无适用目标"
    total = page.row("全县银行合计")
    whole = INDICATORS["I10"].of(figures, COUNTY, view)
    assert total["普惠余额（亿元）"] == money.rounded(Fraction(whole.value or 0, 10**10)) == "0.06"
    assert total["户数（户）"] == "2", "a customer of two banks is one"
    assert "截至 2026-06-30" in page.text
    assert "新发利率、不良率：未提供" in page.text


def test_the_renewal_page_shows_the_bridge_of_the_squeezed_quarter(store: Path) -> None:
    page = get(store, f"/renewal?{QUARTER}&known_at=2026-07-10")
    row = page.row("某农商银行")
    assert row["期初余额（万元）"] == "5,000.00"
    assert row["期末余额（万元）"] == "3,250.00"
    assert row["变动额（万元）"] == "-1,750.00"
    assert row["环比"] == "下降35.0%"
    assert row["性质、已知至"].startswith("暂定")
    lines = page.row("某农商银行", 1)
    assert {title: lines[f"{title}（万元）"] for title in ("期初余额", "续贷转入", "还款", "核销", "期末余额")} == {
        "期初余额": "5,000.00", "续贷转入": "200.00", "还款": "-1,650.00", "核销": "-100.00", "期末余额": "3,250.00",
    }  # fmt: skip
    assert lines["被续贷结清（万元）"] == lines["其中续了又续（万元）"] == "-200.00"
    assert page.row("某农商银行", 2)["核对"] == "未报送"


def test_an_open_restatement_leaves_the_official_figure_and_shows_the_difference(store: Path) -> None:
    page = get(store, f"/renewal?{QUARTER}")
    row = page.row("某农商银行")
    assert row["期末余额（万元）"] == "3,250.00"
    assert row["性质、已知至"] == "正式（关账数），重述待批准，2026-07-18 00:00"
    assert page.row("无还本续贷余额", 3) == {
        "正式数": "3,250.00万元",
        "当前数": "3,150.00万元",
        "差异": "-100.00万元",
    }
    assert page.row("无还本续贷余额环比", 3) == {
        "正式数": "下降35.0%", "当前数": "下降37.0%", "差异": "低2.00个百分点",
    }  # fmt: skip


def test_a_running_quarter_is_shown_up_to_the_day_asked_for_and_is_provisional(store: Path) -> None:
    page = get(store, "/renewal?as_of=2026-05-04&known_at=2026-07-01")
    assert "截至 2026-05-04（本季未结束）" in page.text
    assert page.row("某农商银行")["期末余额（万元）"] == "5,000.00"
    closed = get(store, "/renewal?as_of=2026-05-04")
    assert "截至 2026-06-30 · 已于 2026-07-18 关账" in closed.text
    assert closed.row("某农商银行")["期末余额（万元）"] == "3,250.00"


def test_the_next_quarter_is_offered_as_far_as_its_days_are_over(store: Path) -> None:
    first, second = (get(store, f"/renewal?as_of={day}").text for day in ("2026-01-31", "2026-05-04"))
    assert '<a href="/renewal?as_of=2026-06-30">下一季</a>' in first, "its end"
    assert '<a href="/renewal?as_of=2026-07-20">下一季</a>' in second, "the last day that is over"
    running = get(store, "/renewal?as_of=2026-07-20").text
    assert "截至 2026-07-20（本季未结束）" in running
    assert "下一季" not in running


def test_a_quarter_that_is_not_over_is_not_said_to_be_so_by_its_last_day(store: Path) -> None:
    assert "截至 2026-09-30（本季未结束）" in get(store, "/renewal?as_of=2026-09-30").text
    assert "（本季未结束）" not in get(store, f"/renewal?{QUARTER}&known_at=2026-07-01").text


@pytest.mark.parametrize(
    ("asked", "until"),
    [
        ("as_of=2026-12-31", "2026-07-21 08:00"),
        ("as_of=2026-06-30&known_at=2026-06-01", "2026-06-01 23:59"),
        ("known_at=2027-01-01", "2026-07-21 08:00"),
    ],
)
def test_what_is_still_to_come_is_said_to_be_in_no_figure(store: Path, asked: str, until: str) -> None:
    for path in ("/", "/renewal"):
        assert f"数据只到 {until}" in get(store, f"{path}?{asked}").text
        assert "数据只到" not in get(store, path).text
        assert "数据只到" not in get(store, f"{path}?{QUARTER}&known_at=2026-07-02").text


def test_a_list_of_alerts_beyond_the_data_says_how_far_they_come(store: Path) -> None:
    assert "数据只到 2026-07-21 08:00" in get(store, "/alerts?known_at=2027-01-01").text
    assert "数据只到" not in get(store, "/alerts").text
    assert "数据只到" not in get(store, "/alerts?known_at=2026-07-21T08:00").text


@pytest.mark.parametrize(
    ("asked", "until"),
    [
        ("/api/figures?as_of=2026-12-31", "2026-07-21T08:00:00+08:00"),
        ("/api/figures?institution=county&known_at=2027-01-01", "2026-07-21T08:00:00+08:00"),
        (
            f"/api/figures?institution={BANK}&as_of=2026-06-30&known_at=2026-06-01",
            "2026-06-01T23:59:59.999999+08:00",
        ),
        ("/api/alerts?known_at=2027-01-01", "2026-07-21T08:00:00+08:00"),
        ("/api/figures", None),
        (f"/api/figures?{QUARTER}&known_at=2026-07-02", None),
        ("/api/alerts", None),
    ],
)
def test_an_answer_of_the_api_beyond_the_data_says_in_a_header_how_far_they_come(
    store: Path, asked: str, until: str | None
) -> None:
    answer = get(store, asked)
    assert isinstance(answer.json, list)
    assert answer.headers.get("X-Puhui-Data-End") == until


@pytest.mark.parametrize("form", [[], ["--json"]])
@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["--as-of", "2026-12-31"], "puhui: 数据只到 2026-07-21 08:00，此后的业务尚未计入。\n"),
        (["--known-at", "2027-01-01"], "puhui: 数据只到 2026-07-21 08:00，此后的业务尚未计入。\n"),
        (["--as-of", "2026-06-30"], ""),
    ],
)
def test_the_command_for_figures_says_beside_its_answer_how_far_the_data_come(
    store: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], form: list[str], asked: list[str],
    said: str,
) -> None:  # fmt: skip
    monkeypatch.setenv("PUHUI_STORE", f"sqlite:{store}")
    assert main(["figures", "--indicator", "I10", *asked, *form]) == 0
    assert capsys.readouterr().err == said


def test_what_was_known_earlier_is_shown_as_it_was(store: Path) -> None:
    page = get(store, f"/?{QUARTER}&known_at=2026-04-02T00:00:00+08:00")
    assert page.row("某农商银行")["普惠余额（亿元）"] == "0.04"
    assert "已知至 2026-04-02 00:00" in page.text
    assert '<span class="tag">暂定</span>' in page.text


def test_alerts_stand_by_colour_and_what_was_withdrawn_stands_apart(store: Path) -> None:
    page = get(store, "/alerts")
    open_, withdrawn = page.text.split("<h2>已撤回</h2>")
    assert "红 1件，橙 0件，黄 0件，蓝 0件" in page.text
    assert "2026年2季度" in open_
    assert "2026-06-30 无还本续贷余额" not in open_
    assert "2026-06-30 无还本续贷余额" in withdrawn
    assert '<span class="level red">红</span>' in open_
    assert '<span class="level muted">—</span>' in withdrawn, (
        "what is over has no colour, as `puhui alerts` tells it"
    )
    assert "下降35.0% &lt;b&gt;" in page.text
    assert "没有未解除的预警" in get(store, "/alerts?known_at=2026-07-20").text


def test_a_past_view_calls_the_bank_of_an_alert_as_it_was_called_then(tmp_path: Path) -> None:
    bank = Sender(BANK)
    it = county(tmp_path, [bank.registered(name="旧名银行")], "2026-07-01")
    transaction, told = Transaction(), _alert("NprSwing", "2026Q2", State.CONFIRMED, "P1")
    changes(it.worker.store, transaction, [told], told.updated_at)
    it.worker.store.write(transaction)
    terms = {
        "name": "新名银行",
        "kind": "rural_commercial",
        "valid_from": "2010-01-01",
        "known_from": "2021-12-31",
    }
    it.take([bank.event("institution.updated", "2026-08-01", **terms) | {"source": OFFICE}], "2026-08-01")
    for known, name in ((instant("2026-07-20"), "旧名银行"), (None, "新名银行")):
        question = Question(None, known)
        (shown,) = alerts(it.figures, question).open
        page = evidence(it.figures, told.key, question)
        assert page is not None
        assert (shown.institution, page.line.institution) == (name, name)


def changed_on(day: str, **terms: object) -> Event:
    """An update of the bank that holds from a day on: what the bank is called, of which kind it is."""
    known = {"name": "新名银行", "kind": "rural_commercial", "known_from": "2021-12-31", "valid_from": day}
    told = Sender(BANK, _sent=900).event("institution.updated", "2026-08-01", **(known | terms))
    return told | {"source": OFFICE}


@pytest.mark.parametrize(
    ("since", "name"), [("2026-07-01", "旧名银行"), ("2026-06-30", "新名银行")], ids=["after it", "on it"]
)
def test_a_figure_and_an_alert_call_the_bank_as_it_was_called_on_their_business_date(
    tmp_path: Path, since: str, name: str
) -> None:
    bank = Sender(BANK)
    it = county(tmp_path, [bank.registered(name="旧名银行")], "2026-04-01")
    it.take([bank.issued("A", SHOP, "2026-04-02", yuan(1_000_000))], "2026-04-02")
    it.take([bank.repaid("A", "2026-07-15", 100)], "2026-07-15")
    transaction, told = Transaction(), _alert("NprSwing", "2026Q2", State.CONFIRMED, "P1")
    changes(it.worker.store, transaction, [told], told.updated_at)
    it.worker.store.write(transaction)
    it.take([changed_on(since)], "2026-08-01")
    asked = Question(date(2026, 6, 30), None)
    (shown,) = alerts(it.figures, asked).open
    found = it.figures
    assert shown.institution == name
    assert name in headline(told, found.registry, instant("2026-08-02"))
    assert overview(found, asked).rows[0].name == name
    assert "旧名银行" in {row.name for row in quarterly(found, asked).changes}, "pinned before it was known"
    assert overview(found, Question(date(2026, 7, 14), None)).rows[0].name == "新名银行"


def test_a_bank_stands_among_those_of_the_kind_that_it_was_on_the_business_date(tmp_path: Path) -> None:
    bank, other = Sender(BANK), Sender(SCRIPT)
    it = county(tmp_path, [b.registered(name=n) for b, n in ((bank, "甲"), (other, "乙"))], "2026-04-01")
    lent = [b.issued("A", SHOP, "2026-04-02", yuan(1_000_000)) for b in (bank, other)]
    it.take(lent, "2026-04-02")
    it.take([changed_on("2026-07-01", name="甲", kind="micro_lender")], "2026-08-01")
    rows = {row.name: row for row in overview(it.figures, Question(date(2026, 6, 30), None)).rows}
    assert list(rows) == ["农村商业银行小计", "甲", "乙", "全县银行合计"]
    assert rows["农村商业银行小计"].cells == rows["全县银行合计"].cells
    assert rows["全县银行合计"].note == "2家"
    later = [row.name for row in overview(it.figures, Question(date(2026, 7, 1), None)).rows]
    assert later == ["乙", "全县银行合计"], "a micro-lender is no bank"


def test_the_page_of_an_alert_names_clause_unit_of_that_date_view_parts_and_facts(store: Path) -> None:
    page = get(store, f"/alerts/NprSwing/{BANK}/2026Q2")
    assert page.status == 200
    for text in ("下降35.0%", "5,000.00万元", "按季度监测银行机构无还本续贷余额情况", "2026-07-18 00:00",
                 "洪金发〔2022〕2号", "县地方金融工作部门", "16,500,000.00元", "4户", "按存证口径复算一致"):  # fmt: skip
        assert text in page.text, text
    assert "临汾银保监分局" not in page.text
    assert f"/renewal?as_of=2026-06-30&amp;known_at=2026-07-18T00%3A00%3A00%2B08%3A00#{BANK}" in page.text
    assert "-1,650.00万元" in page.text, "the customer with the largest part"
    assert SHOP not in page.text, "a customer is a short hash"
    assert get(store, f"/alerts/ReconciliationGap/{BANK}/2026-06-30/NPR/balance").status == 200


def test_single_facts_are_named_in_chinese_and_their_amounts_are_in_yuan(store: Path) -> None:
    facts = get(store, f"/alerts/NprSwing/{BANK}/2026Q2").text.split("所依据的单笔事实")[1]
    assert re.findall(r'scope="col">(.*?)<', facts) == [
        "事实",
        "借据",
        "业务日期",
        "金额",
        "账簿版本",
        "事件",
    ]
    cells = [re.findall(r">([^<>]*)</td>", row)[:4] for row in facts.split("<tr>")[2:]]
    assert ["还款", "B", "2026-05-11", "16,500,000.00元"] in cells
    gap = {
        "fact": "position.reported",
        "key": "PH",
        "measure": "customers",
        "as_of": "2026-06-30",
        "amount": 12,
    }
    assert facts_table([gap])[1] == (("余额报送", "普惠户数", "2026-06-30", "12户"),)


def test_what_was_refused_is_shown_by_bank_with_reason_remedy_and_place(store: Path) -> None:
    page = get(store, "/refused")
    assert page.row("V47", 1)["退回（条）"] == "1"
    assert "演练或测试数据请勿报送到本系统。" in page.text
    assert re.search(r"loan-events 分区\d 第\d+条", page.text)
    assert "借据NOBODY尚未报送。" in page.text
    assert "请补报发放或期初存量" in page.text
    assert "没有退回或挂起的事件" in get(store, "/refused?known_at=2026-07-01").text


@pytest.mark.parametrize("path", ["/alerts", "/refused"])
def test_a_page_that_goes_by_knowledge_alone_asks_for_no_date_and_hands_it_on(store: Path, path: str) -> None:
    page = get(store, f"{path}?{QUARTER}")
    assert "截至日期" not in page.text
    assert "最新</a>" not in page.text, "it shows the latest, whatever the date"
    assert '<input type="hidden" name="as_of" value="2026-06-30">' in page.text
    assert f'href="/?{QUARTER}"' in page.text
    assert "截至日期" in get(store, "/").text


def test_the_style_of_a_page_is_asked_for_by_its_version_and_then_kept_for_good(store: Path) -> None:
    address = re.findall(r'<link rel="stylesheet" href="([^"]*)">', get(store, "/").text)
    style = (files("console") / "static" / "puhui.css").read_bytes()
    assert address == [f"/static/puhui.css?v={hashlib.blake2b(style, digest_size=8).hexdigest()}"]
    assert get(store, address[0]).headers["Cache-Control"] == "max-age=31536000, immutable"


def test_a_style_that_is_asked_for_without_its_version_or_by_another_one_is_not_kept(store: Path) -> None:
    for path in ("/static/puhui.css", "/static/puhui.css?v=0123456789abcdef"):
        answer = get(store, path)
        assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-cache")


def test_the_reasons_of_refusals_have_the_room_that_the_other_columns_leave(store: Path) -> None:
    head = get(store, "/refused").text.split('<table class="stack refusals">')[1].split("</thead>")[0]
    widths = re.findall(r"\.refusals th:nth-child\(\d\) { width", get(store, "/static/puhui.css").text)
    assert len(widths) == head.count("<th ") - 1


@pytest.mark.parametrize("path", [*PAGES, "/?as_of=never", "/nowhere"])
def test_every_page_is_marked_and_written_for_people(store: Path, path: str) -> None:
    page = get(store, path)
    for text in ("普惠 监测", "演示数据", "日终批量(模拟)"):
        assert text in page.text
    assert not re.search(r"\bP[1-4]\b|\bfen\b|增长 ?[-−]|[-−]\d+\.\d\d ?%|违规|不达标", page.text)
    assert "<script" not in page.text
    assert not re.search(r'(src|href)="(https?:)?//', page.text), "nothing comes from another host"
    assert "演示数据" not in get(store, path, environment="production").text


def test_a_name_is_text_and_never_markup(store: Path) -> None:
    for path in ("/", f"/renewal?{QUARTER}", "/refused"):
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in get(store, path).text
    assert "<script" not in get(store, "/%3Cscript%3E").text


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("as_of=2024-02-30", "截至日期无法识别"),
        ("as_of=20%3Cscript%3E", "截至日期无法识别"),
        ("as_of=1024-01-01", "2000年至2099年"),
        ("as_of=9999-12-31", "2000年至2099年"),
        ("known_at=yesterday", "已知至时点无法识别"),
        ("known_at=9999-12-31", "2000年至2099年"),
        ("known_at=2024-10-20T25:00", "已知至时点无法识别"),
        ("as_of=" + "9" * 300, "过长"),
    ],
)
@pytest.mark.parametrize("path", ["/", "/renewal", "/api/figures"])
def test_a_wrong_view_is_a_clear_400(store: Path, path: str, query: str, said: str) -> None:
    answer = get(store, f"{path}?{query}")
    assert answer.status == 400
    assert said in (answer.json["error"] if answer.json else answer.text)


def test_figures_of_an_institution_that_nobody_registered_are_a_clear_400(store: Path) -> None:
    answer = get(store, "/api/figures?institution=zz")
    assert (answer.status, "没有登记这个机构" in answer.json["error"]) == (400, True)


@pytest.mark.parametrize("text", ["2026-04-02T00:00:00+08:00", "2026-04-02T00:00:00%2B08:00", "2026-04-01T16:00:00Z",
                                  "2026-04-02 00:00", "2026-04-02T00:00"])  # fmt: skip
def test_an_instant_may_be_written_in_several_ways(store: Path, text: str) -> None:
    assert "已知至 2026-04-02 00:00" in get(store, f"/?known_at={text}").text


@pytest.mark.parametrize(
    "path", [*PAGES, "/nowhere", "/?as_of=x", "/healthz", "/static/puhui.css", "/api/figures"]
)
def test_every_answer_carries_the_headers_that_keep_a_browser_safe(store: Path, path: str) -> None:
    answer = get(store, path)
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'self'")
    assert "script-src 'none'" in policy
    assert "unsafe" not in policy


def test_only_reading_is_served(store: Path) -> None:
    before = store.read_bytes()
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        answer = get(store, "/", method=method)
        assert answer.status == 405
        assert set(answer.headers["Allow"].split(",")) == {"GET", "HEAD"}
    head = get(store, "/", method="HEAD")
    assert (head.status, head.text) == (200, "")
    for path in PAGES:
        get(store, path)
    assert store.read_bytes() == before


@pytest.mark.parametrize(
    "path", ["/nowhere", "/static/", "/static/../site.py", "/alerts/NprSwing", "/alerts/a/b/c"]
)
def test_what_does_not_exist_is_404(store: Path, path: str) -> None:
    assert get(store, path).status == 404


def test_a_store_that_cannot_be_read_is_503_and_the_page_itself_lives(tmp_path: Path) -> None:
    answer = get(tmp_path / "none.db", "/")
    assert (answer.status, "暂时无法读取数据" in answer.text) == (503, True)
    assert str(tmp_path) not in answer.text
    assert get(tmp_path / "none.db", "/api/figures").status == 503
    assert get(tmp_path / "none.db", "/healthz").text == "ok\n"


def test_an_empty_store_has_pages_too(tmp_path: Path) -> None:
    direct_worker(tmp_path / "empty.db").store.close()
    for path in ("/", "/renewal", "/alerts", "/refused", "/api/figures", "/api/alerts"):
        assert get(tmp_path / "empty.db", path).status == 200


def test_before_anything_has_come_no_page_speaks_of_the_year_1970(tmp_path: Path) -> None:
    direct_worker(tmp_path / "empty.db").store.close()
    for path in ("/", "/renewal", f"/?{QUARTER}"):
        page = get(tmp_path / "empty.db", path)
        assert (page.status, "<h1>尚无数据</h1>" in page.text) == (200, True)
    for path in ("/", "/renewal", "/alerts", "/refused"):
        assert not re.search(r"\b19(69|70)\b", get(tmp_path / "empty.db", path).text)
    assert "已知至 —（最新）" in get(tmp_path / "empty.db", "/alerts").text


def test_the_figures_are_those_of_the_command(store: Path, figures: Figures) -> None:
    given = argparse.Namespace(
        institution=BANK, indicator="I22", as_of=date(2026, 6, 30), known_at=None, bridge=False, parts=False
    )
    answer = get(store, f"/api/figures?institution={BANK}&indicator=I22&{QUARTER}")
    assert answer.json == figures_json(figures, given)
    assert answer.json[0]["value"] == "-0.37"
    bridge = get(store, f"/api/figures?institution={BANK}&bridge=1&{QUARTER}").json
    assert {row["number"]: row["value"] for row in bridge}["I23.written_off"] == -yuan(1_000_000)
    assert len(get(store, "/api/figures").json) == 3 * len(INDICATORS)
    assert get(store, "/api/figures?indicator=I999").status == 400
    assert get(store, "/api/figures?from=2000&until=2099").status == 400


def test_the_alerts_can_be_asked_for_by_state_rule_and_institution(store: Path) -> None:
    assert {a["rule"] for a in get(store, "/api/alerts").json} == {"NprSwing", "ReconciliationGap"}
    assert [a["period"] for a in get(store, f"/api/alerts?state=confirmed&institution={BANK}").json] == [
        "2026Q2"
    ]
    assert get(store, "/api/alerts?rule=UnitSuspected").json == []
    assert get(store, "/api/alerts?state=odd").status == 400
    odd = get(store, "/api/alerts?rule=NPRSwing")
    assert odd.status == 400
    assert odd.json["error"].startswith("没有这个规则；可用：NprSwing、")


def test_where_there_is_no_value_stands_its_reason_and_never_zero(store: Path) -> None:
    row = get(store, "/?as_of=2020-06-30&known_at=2026-07-01").row("某农商银行")
    assert row["普惠余额（亿元）"] == "接入前基数未知"
    assert "0.00" not in row.values()
