"""Prometheus rules about the system itself, in the shape of a mixin: recording rules and alerts, each a group list.

The objective 目标: of all events of 30 days, 99 % are in the figures within a second. Its alerts go by how fast the
budget of 1 % burns, over a long and a short window at once: the long one says that it matters, the short one that it
still goes on. Alerts of business come from the worker (`projections.notice`), not from here.
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from dashboards.style import metric
from projections.metrics import FRESH
from projections.notice import runbook_entry

SELECTOR: Final = 'job="puhui"'
"""What every scrape of a worker carries."""
OBJECTIVE: Final = 0.99
PERIOD: Final = "30d"
"""The period of the objective."""
Groups = dict[str, list[dict[str, Any]]]


class Burn(NamedTuple):
    """How many times too fast the budget burns over two windows, for how long, and how grave that is."""

    times: float
    long: str
    short: str
    lasting: str
    severity: str


BURNS: Final = (
    Burn(14.4, "1h", "5m", "2m", "critical"),
    Burn(6, "6h", "30m", "15m", "critical"),
    Burn(3, "1d", "2h", "1h", "warning"),
    Burn(1, "3d", "6h", "3h", "warning"),
)
"""2 %, 5 %, 10 % and 10 % of the budget of 30 days, gone within the long window."""


class Alerting(NamedTuple):
    """One alert: what it asks, for how long that must hold, and what it says."""

    name: str
    expr: str
    lasting: str
    severity: str
    summary: str
    description: str
    window: str = ""
    """Which of several windows it goes by, as a label."""


def of(name: str, *matchers: str) -> str:
    """A series of the workers, by its name without `puhui_`; a KeyError where the table has no such metric."""
    return metric(name, SELECTOR, *matchers)


def late(window: str) -> str:
    """The recorded share of events that came too late into the figures."""
    return f"job:puhui_event_delay_seconds_late:ratio_rate{window}"


def late_in(window: str) -> str:
    """The same share, worked out at once; without a value where no event came in."""
    good = of("event_delay_seconds_bucket", f'le="{FRESH}"')
    every = of("event_delay_seconds_count")
    return f"1 - sum by (job) (rate({good}[{window}])) / sum by (job) (rate({every}[{window}]))"


def prometheus_rules() -> Groups:
    """Recording rules."""
    windows = sorted({window for burn in BURNS for window in (burn.long, burn.short)}, key=_seconds)
    recorded = [{"record": late(window), "expr": late_in(window)} for window in windows]
    short = [rule for rule, window in zip(recorded, windows, strict=True) if _seconds(window) <= 3600]
    long = [rule for rule in recorded if rule not in short]
    return {
        "groups": [
            {"name": "puhui-freshness", "rules": short},
            {"name": "puhui-freshness-long", "interval": "2m", "rules": long},
        ]
    }


def prometheus_alerts(runbook_url: str) -> Groups:
    """Alerting rules, each with its place in the runbook."""

    def rules(alerts: Iterator[Alerting]) -> list[dict[str, Any]]:
        return [_rule(alert, runbook_url) for alert in alerts]

    return {
        "groups": [
            {"name": "puhui-watchdog", "rules": rules(_watchdog())},
            {"name": "puhui-freshness-objective", "rules": rules(_burning())},
            {"name": "puhui-workers", "rules": rules(_workers())},
            {"name": "puhui-intake", "rules": rules(_intake())},
            {"name": "puhui-delivery", "rules": rules(_delivery())},
        ]
    }


def _rule(alert: Alerting, runbook_url: str) -> dict[str, Any]:
    return {
        "alert": alert.name,
        "expr": alert.expr,
        **({"for": alert.lasting} if alert.lasting else {}),
        "labels": {"severity": alert.severity} | ({"window": alert.window} if alert.window else {}),
        "annotations": {
            "summary": alert.summary,
            "description": alert.description,
            "runbook_url": runbook_entry(runbook_url, alert.name),
        },
    }


def _seconds(window: str) -> int:
    return int(window[:-1]) * {"m": 60, "h": 3600, "d": 86_400}[window[-1]]


def _watchdog() -> Iterator[Alerting]:
    yield Alerting(
        "Watchdog", "vector(1)", "", "none", "告警链路在工作。",
        "本条一直触发；收不到它，就说明 Prometheus、Alertmanager 或通知渠道已中断。",
    )  # fmt: skip


def _burning() -> Iterator[Alerting]:
    for burn in BURNS:
        limit = f"{burn.times * (1 - OBJECTIVE):.3g}"
        yield Alerting(
            "PuhuiFreshnessBudgetBurns", f"{late(burn.long)} > {limit} and {late(burn.short)} > {limit}",
            burn.lasting, burn.severity, "事件入账过慢，新鲜度误差预算消耗过快。",
            f"近 {burn.long} 有 {{{{ $value | humanizePercentage }}}} 的事件超过 {FRESH:g} 秒才入账（目标不超过 1%）。",
            burn.long,
        )  # fmt: skip


def _workers() -> Iterator[Alerting]:
    yield Alerting(
        "PuhuiDown", f"up{{{SELECTOR}}} == 0 or absent(up{{{SELECTOR}}})", "2m", "critical", "工作进程没有应答。",
        "{{ $labels.instance }} 的 /metrics 取不到：进程不在，或端口不通。",
    )  # fmt: skip
    yield Alerting(
        "PuhuiStalled", f"{of('healthy')} == 0", "1m", "critical", "工作进程停滞不前。",
        "{{ $labels.instance }} 有待读的事件而位点不动；它会自行重启，重启无效时需要处理。",
    )  # fmt: skip
    yield Alerting(
        "PuhuiNotReady", f"{of('ready')} == 0", "5m", "warning", "工作进程未就绪。",
        "{{ $labels.instance }} 没有分到分区，或仍在恢复。",
    )  # fmt: skip
    yield Alerting(
        "PuhuiRestarts", f"changes({of('process_start_time_seconds')}[30m]) > 2", "", "warning",
        "工作进程反复重启。", "{{ $labels.instance }} 近 30 分钟启动 {{ $value }} 次；原因见其日志最后一行。",
    )  # fmt: skip
    yield Alerting(
        "PuhuiRebalances", f"increase({of('assignments_total')}[30m]) > 5", "", "warning", "分区反复重新分配。",
        "{{ $labels.instance }} 近 30 分钟重新分到分区 {{ $value | humanize }} 次。",
    )  # fmt: skip
    yield Alerting(
        "PuhuiFiguresStale", f"time() - {of('figures_updated_timestamp_seconds')} > 600", "5m",
        "warning", "展示的指标没有更新。", "{{ $labels.instance }} 的指标最近一次核对为最新是在 {{ $value | humanizeDuration }} 以前。",
    )  # fmt: skip


def _intake() -> Iterator[Alerting]:
    yield Alerting(
        "PuhuiEventsWait", f"max by (job) ({of('oldest_unprocessed_seconds')}) > 300", "5m", "critical",
        "有事件长时间未处理。", "最早一条未处理的事件已等待 {{ $value | humanizeDuration }}。",
    )  # fmt: skip
    refusals = of("events_total", 'result="refused"')
    refused = f"sum by (job, institution) (increase({refusals}[1h]))"
    every = f"sum by (job, institution) (increase({of('events_total')}[1h]))"
    yield Alerting(
        "PuhuiEventsRefused", f"{refused} > 10 and {refused} / {every} > 0.05", "15m", "warning",
        "一家机构的事件大量被退回。", "{{ $labels.institution }} 近一小时退回 {{ $value | humanize }} 条，占其事件 5% 以上。",
    )  # fmt: skip
    forged = f"sum by (job, institution, kind) (increase({of('unauthentic_events_total')}[1h]))"
    yield Alerting(
        "PuhuiEventsUnauthentic", f"{forged} > 0", "", "critical", "有人冒用机构名义发送事件。",
        "近一小时有 {{ $value | humanize }} 条以 {{ $labels.institution }} 名义发送的事件没有正确签名（{{ $labels.kind }}），均未入账。",
    )  # fmt: skip
    parked = f"sum by (job, institution) ({of('parked_events')})"
    yield Alerting(
        "PuhuiEventsParked", f"{parked} > 100", "6h", "warning", "一家机构的事件大量暂存。",
        "{{ $labels.institution }} 有 {{ $value | humanize }} 条事件在等待前序事件；等满 72 小时即退回。",
    )  # fmt: skip


def _delivery() -> Iterator[Alerting]:
    yield Alerting(
        "PuhuiNobodyJudges", f"sum by (job) ({of('presides')}) < 1", "2m", "critical", "没有工作进程在判断预警。",
        "规则未开启（PUHUI_RULES），或没有工作进程取得租约；业务预警不会产生。",
    )  # fmt: skip
    judged = of("judged_timestamp_seconds")
    yield Alerting(
        "PuhuiJudgingBehind", f"time() - max by (job) ({judged}) > 600", "5m", "warning", "预警判断落后于入账。",
        "预警所依据的数据截至 {{ $value | humanizeDuration }} 以前。",
    )  # fmt: skip
    waits = of("alertmanager_waiting_notices")
    yield Alerting(
        "PuhuiAlertsUndelivered", f"max by (job, alertmanager) ({waits}) > 0", "5m", "critical",
        "预警送不到 Alertmanager。", "{{ $labels.alertmanager }} 有 {{ $value }} 条预警未接收。",
    )  # fmt: skip
    left = f"sum by (job, topic) (increase({of('sent_messages_total')}[10m])) > 0"
    yield Alerting(
        "PuhuiMessagesUndelivered", f"max by (job, topic) ({of('outbox_messages')}) > 0 unless {left}", "10m",
        "warning", "退回通知或预警消息送不到 Kafka。", "主题 {{ $labels.topic }} 有 {{ $value }} 条消息等待发送，近 10 分钟没有发出。",
    )  # fmt: skip
    failed = 'increase(alertmanager_notifications_failed_total{job="alertmanager"}[15m])'
    yield Alerting(
        "PuhuiNotificationsFail", f"sum by (integration) ({failed}) > 0", "5m", "critical",
        "Alertmanager 的通知发不出去。", "渠道 {{ $labels.integration }} 近 15 分钟失败 {{ $value | humanize }} 次。",
    )  # fmt: skip
