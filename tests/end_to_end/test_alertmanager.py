"""Alerts reach people through a real Alertmanager, in Chinese, once each, whoever stops in between."""

import asyncio
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from dashboards.alerting import prometheus_alerts
from streams.alertmanager import Notifier
from streams.broker import LOOPBACK, free_port
from tests.alerts import BREACH, CALM, Alerted, desk
from tests.installation import wait_until
from tests.parts.alertmanager import Alertmanager
from tests.parts.prometheus import Prometheus

pytestmark = pytest.mark.parts

SHIPPED: Final = Path(__file__).parents[2] / "docker" / "alertmanager"
AGAIN: Final = 0.5
"""Seconds between two tellings, so that the test need not wait a minute."""


async def until(condition: Callable[[], object], what: str) -> None:
    """Return when the condition holds; fail when it does not in time."""
    try:
        async with asyncio.timeout(60):
            while not await asyncio.to_thread(condition):
                await asyncio.sleep(0.05)
    except TimeoutError:
        pytest.fail(f"not in 60 s: {what}")


class Telling:
    """A worker that tells, as a context: its end is a kill, nothing is written any more."""

    def __init__(self, it: Alerted, *urls: str, presides: Callable[[], bool] = lambda: True) -> None:
        self.notifier = Notifier(it.store, urls, desk(), presides, again=AGAIN)

    async def __aenter__(self) -> Notifier:
        self._task = asyncio.create_task(self.notifier.run())
        return self.notifier

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


@pytest.fixture
def it(tmp_path: Path) -> Alerted:
    return Alerted(tmp_path / "alerts.db")


def open_banks(alertmanager: Alertmanager) -> list[str]:
    return sorted(alert["labels"]["institution"] for alert in alertmanager.alerts())


def test_an_alert_arrives_with_its_words_and_is_resolved_once(
    it: Alerted, alertmanager: Alertmanager
) -> None:
    async def play() -> None:
        it.read(BREACH)
        async with Telling(it, alertmanager.url) as notifier:
            await until(alertmanager.alerts, "the alert arrives")
            (alert,) = alertmanager.alerts()
            assert alert["labels"] == {
                "alertname": "NprSwing", "institution": "bank", "period": "2024Q3", "severity": "warning",
                "colour": "橙", "environment": "production",
            }  # fmt: skip
            assert alert["startsAt"] == "2024-10-18T00:00:00.000+08:00"
            assert alert["generatorURL"] == "https://puhui.example/alerts/NprSwing/bank/2024Q3"
            it.now += 60
            it.read(BREACH, value="-9/20")
            await until(lambda: "下降45.0%" in alertmanager.alerts()[0]["annotations"]["figure"], "the value")
            it.now += 60
            it.read(CALM)
            await until(lambda: not alertmanager.alerts(), "the alert is over")
            await until(lambda: ("bank", "resolved") in alertmanager.told(), "people hear of it")
            name = f"127.0.0.1:{alertmanager.port}"
            before = notifier.told[name].notices
            await until(lambda: notifier.told[name].notices > before + 1, "it is told again, twice")
        assert alertmanager.told() == [("bank", "firing"), ("bank", "resolved")]

    asyncio.run(play())


def test_who_is_started_anew_on_either_side_loses_and_doubles_nothing(
    it: Alerted, alertmanager: Alertmanager
) -> None:
    async def play() -> None:
        for bank in ("bank", "other"):
            it.read(BREACH, bank)
        async with Telling(it, alertmanager.url):
            await until(lambda: len(alertmanager.told()) == 2, "people hear of both")
            alertmanager.stop()
            it.now += 60
            it.read(CALM)
            alertmanager.start()
            await until(lambda: open_banks(alertmanager) == ["other"], "the open one is there again")
            await until(lambda: ("bank", "resolved") in alertmanager.told(), "the closing was not missed")
        it.now += 3600
        it.read(CALM, "other")
        async with Telling(it, alertmanager.url):
            await until(
                lambda: ("other", "resolved") in alertmanager.told(), "a closing while the sender was away"
            )
            assert alertmanager.alerts() == []
        assert sorted(alertmanager.told()) == [
            ("bank", "firing"), ("bank", "resolved"), ("other", "firing"), ("other", "resolved"),
        ]  # fmt: skip

    asyncio.run(play())


def test_a_change_of_severity_is_one_notice_that_begins_and_one_that_ends(
    it: Alerted, alertmanager: Alertmanager
) -> None:
    def told() -> list[tuple[str, str]]:
        return sorted((m["commonLabels"]["severity"], m["status"]) for m in alertmanager.messages)

    def standing() -> list[str]:
        return [alert["labels"]["severity"] for alert in alertmanager.alerts()]

    heard: list[tuple[str, str]] = []

    def as_wanted() -> bool:
        return told() == sorted(heard)

    async def play() -> None:
        async with Telling(it, alertmanager.url):
            before = ""
            for severity, code in (("warning", "P2"), ("critical", "P1"), ("warning", "P2")):
                it.now += 60
                it.read(BREACH, severity=code)
                heard.extend([(severity, "firing"), *([(before, "resolved")] if before else [])])
                await until(as_wanted, f"people hear of {severity}, and that it is {before} no more")
                assert standing() == [severity]
                before = severity
            it.now += 60
            it.read(CALM)
            heard.append((before, "resolved"))
            await until(as_wanted, "people hear of the end, once")
            assert standing() == []

    asyncio.run(play())


def test_two_behind_one_host_are_told_and_counted_apart(it: Alerted, alertmanager: Alertmanager) -> None:
    async def play() -> None:
        it.read(BREACH)
        async with Telling(it, alertmanager.url, f"{alertmanager.url}/elsewhere/") as notifier:
            await until(alertmanager.alerts, "the alert arrives")
            name = f"127.0.0.1:{alertmanager.port}"
            await until(lambda: notifier.told[f"{name}/elsewhere"].failures > 0, "nothing is there")
            assert (notifier.told[name].failures, notifier.told[name].waiting) == (0, 0)
            assert notifier.told[f"{name}/elsewhere"].waiting == 1

    asyncio.run(play())


def test_one_that_is_away_holds_up_none(it: Alerted, alertmanager: Alertmanager) -> None:
    async def play() -> None:
        it.read(BREACH)
        async with Telling(it, "http://127.0.0.1:1", f"{alertmanager.url}/") as notifier:
            await until(alertmanager.alerts, "the alert arrives")
            await until(lambda: notifier.told["127.0.0.1:1"].failures > 1, "the other one is tried again")
            assert notifier.told["127.0.0.1:1"].waiting == 1
            assert notifier.told[f"127.0.0.1:{alertmanager.port}"].failures == 0

    asyncio.run(play())


def test_only_who_presides_tells_and_who_takes_over_goes_on(it: Alerted, alertmanager: Alertmanager) -> None:
    async def play() -> None:
        presides = {"one": True, "other": False}
        one = Telling(it, alertmanager.url, presides=lambda: presides["one"])
        other = Telling(it, alertmanager.url, presides=lambda: presides["other"])
        name = f"127.0.0.1:{alertmanager.port}"
        it.read(BREACH)
        async with one as first, other as second:
            await until(alertmanager.told, "people hear of it")
            assert (first.told[name].notices > 0, second.told[name].notices) == (True, 0)
            presides.update(one=False, other=True)
            it.now += 60
            it.read(CALM)
            await until(lambda: ("bank", "resolved") in alertmanager.told(), "people hear of the closing")
            assert second.told[name].notices > 0
        assert alertmanager.told() == [("bank", "firing"), ("bank", "resolved")]

    asyncio.run(play())


# what is shipped


def test_the_shipped_configuration_is_one_that_amtool_accepts(amtool: Path) -> None:
    checked = subprocess.run(
        [amtool, "check-config", SHIPPED / "alertmanager.yml"], capture_output=True, check=False
    )
    assert checked.returncode == 0, checked.stderr.decode()
    assert b"1 templates" in checked.stdout


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        pytest.param(["colour=红", "severity=critical"], "监管负责人", id="a red alert goes to the head"),
        pytest.param(["colour=橙", "severity=warning"], "监管", id="an orange one to the supervisors"),
        pytest.param(["colour=蓝", "severity=info"], "不通知", id="a blue one is only listed"),
        pytest.param(
            ["alertname=PuhuiDown", "severity=critical"], "运维", id="the system's own to the operators"
        ),
        pytest.param(["alertname=Watchdog", "severity=none"], "值守", id="the watchdog to who misses it"),
        pytest.param(
            ["colour=红", "severity=critical", "environment=demo"], "不通知", id="a demonstration to nobody"
        ),
    ],
)
def test_the_shipped_routes_lead_to_who_is_concerned(amtool: Path, labels: list[str], receiver: str) -> None:
    command = [
        str(amtool),
        "config",
        "routes",
        "test",
        f"--config.file={SHIPPED / 'alertmanager.yml'}",
        *labels,
    ]
    assert subprocess.run(command, capture_output=True, check=True).stdout.decode().strip() == receiver


class Template(NamedTuple):
    """The shipped templates, and a file for what they are filled with."""

    amtool: Path
    kind: str
    data: Path

    def rendered(self, name: str, message: dict[str, Any]) -> str:
        """What people would read."""
        self.data.write_text(json.dumps(message))
        command = [
            str(self.amtool), "template", "render", f"--template.glob={SHIPPED / 'templates' / '*.tmpl'}",
            f'--template.text={{{{ template "{name}" . }}}}', f"--template.type={self.kind}",
            f"--template.data={self.data}",
        ]  # fmt: skip
        return subprocess.run(command, capture_output=True, check=True).stdout.decode()


@pytest.mark.parametrize("kind", ["text", "html"])
def test_the_shipped_templates_tell_people_what_it_rests_on(
    it: Alerted, alertmanager: Alertmanager, amtool: Path, tmp_path: Path, kind: str
) -> None:
    async def play() -> None:
        it.read(BREACH)
        async with Telling(it, alertmanager.url):
            await until(alertmanager.told, "people hear of it")

    asyncio.run(play())
    template = Template(amtool, kind, tmp_path / "told.json")
    (message,) = alertmanager.messages
    subject = template.rendered("puhui.subject", message).strip()
    assert subject == "【普惠预警】槐乡村镇银行 2024年3季度 无还本续贷余额异常波动"
    told = template.rendered(f"puhui.{kind}", message)
    for words in (
        "橙", "已确认", "无还本续贷余额环比下降42.0%", "数值", "下降42.0%", "基数", "449.00万元", "30%", "C3.8「按季度监测",
        "其中一户占变动额的61%", "2024-09-30", "https://puhui.example/alerts/NprSwing/bank/2024Q3",
        "https://puhui.example/runbook#nprswing",
    ):  # fmt: skip
        assert words in told


def test_what_prometheus_finds_wrong_reaches_the_operators_in_chinese(
    alertmanager: Alertmanager, prometheus_binary: Path, amtool: Path, tmp_path: Path
) -> None:
    alerts = json.dumps(prometheus_alerts("https://puhui.example/runbook"))
    rules = tmp_path / "alerts.yaml"
    rules.write_text(re.sub(r'"for": "\w+"', '"for": "1s"', alerts))  # for a test patience is short
    nobody = f"{LOOPBACK}:{free_port()}"
    receiver = alertmanager.url.removeprefix("http://")
    prometheus = Prometheus(tmp_path / "prometheus", nobody, rules=[rules], alertmanagers=[receiver])
    prometheus.start()

    def of(name: str) -> list[dict[str, Any]]:
        wanted = {"alertname": name} | ({"instance": nobody} if name == "PuhuiDown" else {})
        return [m for m in alertmanager.messages if wanted.items() <= m["commonLabels"].items()]

    try:
        wait_until(
            lambda: bool(of("Watchdog") and of("PuhuiDown")), "people hear that the worker is down", 60
        )
    finally:
        prometheus.stop()
    message = of("PuhuiDown")[0]
    told = Template(amtool, "text", tmp_path / "told.json").rendered("puhui.text", message)
    assert told.startswith("【预警】工作进程没有应答。")
    assert f"{nobody} 的 /metrics 取不到" in told
    assert "处置 https://puhui.example/runbook#puhuidown" in told
    assert "数值" not in told
