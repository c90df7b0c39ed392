"""运行: are the workers well, and if not, where does it hurt; the alerts shown lead to the runbook."""

import json
from typing import Any, Final

from dashboards.alerting import OBJECTIVE, PERIOD, SELECTOR, late, late_in, prometheus_alerts
from dashboards.panels import Query, series, stat, table
from dashboards.style import (
    BYTES,
    COUNT,
    EVENTS,
    GREEN,
    NONE_IS_GOOD,
    PERCENT,
    RATE,
    RED,
    SECONDS,
    YELLOW,
    Row,
    Steps,
    dashboard,
    metric,
)  # fmt: skip
from projections.metrics import FRESH
from projections.notice import runbook_entry

UID: Final = "puhui-operation"
_STAGES: Final = {"decide": "判断", "pack": "打包", "write": "写入"}
_YES: Final = {"0": "否", "1": "是"}
_IS_GOOD: Final[Steps] = ((RED, None), (GREEN, 1))
_LATE: Final[Steps] = ((GREEN, None), (YELLOW, 60), (RED, 600))
_SEVERITIES: Final = {"critical": "紧急", "warning": "注意", "none": "常鸣"}
_OURS: Final = "Puhui.+"
_CHAIN: Final = "Watchdog"
"""The alerts about the system, and the one that proves by firing that all others would."""
_WHOM: Final = ("instance", "institution", "topic", "alertmanager", "integration", "kind", "window")
"""The labels that say whom an alert is about."""
_SOON: Final = ((0.5, "中位数"), (0.99, "P99"))


def operation(runbook_url: str) -> Any:
    """The dashboard 运行; its first rows answer: is all well, and if not, what is there to do?"""
    what = "工作进程是否正常，不正常时如何处置：正在触发的告警各自通向运行手册；其后是新鲜度、入账、等待与退回、判断与送达、资源。"
    rows = (
        _health(runbook_url),
        _objective(runbook_url),
        _intake(),
        _waiting(),
        _sharing(),
        _leaving(),
        _resources(),
    )
    return dashboard(UID, "普惠 · 运行", what, [], rows)


def _health(runbook_url: str) -> Row:
    def entry(name: str) -> str:
        return runbook_entry(runbook_url, name)

    good = f"count({_firing(_OURS)}) or 0 * count({_firing(_CHAIN)})"
    told = metric("alertmanager_waiting_notices")
    return Row("是否正常", [
        stat("结论", "正在触发的运维告警数；没有一条在触发、而常鸣的一条在触发，就是正常。",
             Query(good, unit="suffix: 条告警"), steps=((GREEN, None), (RED, 1)), texts={"0": "正常"}, width=6,
             none="无法判断：告警规则没有在评估", link=entry("Watchdog")),
        stat("都有应答", "各工作进程的 /metrics 都取得到。",
             Query(f"min(up{{{SELECTOR}}})"), steps=_IS_GOOD, texts=_YES, link=entry("PuhuiDown")),
        stat("运行正常", "各工作进程的位点都在前进，或没有待处理的事件。",
             Query(f"min({metric('healthy')})"), steps=_IS_GOOD, texts=_YES, link=entry("PuhuiStalled")),
        stat("已就绪", "各工作进程都已分到分区、恢复完毕并在读取。",
             Query(f"min({metric('ready')})"), steps=_IS_GOOD, texts=_YES, link=entry("PuhuiNotReady")),
        stat("有人判断", "有一个工作进程在判断预警并送出。",
             Query(f"sum({metric('presides')})"), steps=_IS_GOOD, texts=_YES, link=entry("PuhuiNobodyJudges")),
        stat("最久未处理", "最早一条尚未处理的事件已等待的时间。",
             Query(f"max({metric('oldest_unprocessed_seconds')})", unit=SECONDS), steps=_LATE, link=entry("PuhuiEventsWait")),
        stat("未送达的预警", "到期而尚未有 Alertmanager 接收的预警。",
             Query(f"sum({told}) or vector(0)", unit=EVENTS), steps=NONE_IS_GOOD, link=entry("PuhuiAlertsUndelivered")),
        table("正在告警", "正在触发的运维告警，各通向运行手册中的处置步骤；常鸣一条用来证明链路畅通，缺了它才是故障。",
              {"alertname": "告警", "severity": "级别", "whom": "对象", "entry": "处置"},
              [Query(_since(), "自", "dateTimeFromNow")], texts=_alerts() | _SEVERITIES,
              links={"处置": f"{runbook_url}#${{__value.raw}}"}),
    ])  # fmt: skip


def _firing(names: str) -> str:
    return f'ALERTS{{alertstate="firing", alertname=~"{names}"}}'


def _since() -> str:
    """Since when each alert stands (ms), whom it is about, and the heading of the runbook, which is in small letters."""
    names = f"{_OURS}|{_CHAIN}"
    firing = f'ALERTS_FOR_STATE{{alertname=~"{names}"}} and ignoring (alertstate) {_firing(names)}'
    found = f'label_join({firing}, "whom", " ", {", ".join(map(json.dumps, _WHOM))})'
    for name in sorted(_alerts()):
        found = f'label_replace({found}, "entry", "{name.lower()}", "alertname", "{name}")'
    return f"1000 * max by (alertname, severity, whom, entry) ({found})"


def _alerts() -> dict[str, str]:
    """What each alert says, by its name."""
    groups = prometheus_alerts("")["groups"]
    return {rule["alert"]: rule["annotations"]["summary"] for group in groups for rule in group["rules"]}


def _objective(runbook_url: str) -> Row:
    fresh = f"time() - min({metric('figures_updated_timestamp_seconds')})"
    burnt = f"({late_in(PERIOD)}) / {1 - OBJECTIVE:.2g}"
    burning = runbook_entry(runbook_url, "PuhuiFreshnessBudgetBurns")
    return Row("新鲜度", [
        stat("一秒内入账", f"近 {PERIOD} 内 {FRESH:g} 秒之内入账的事件占比；目标 {OBJECTIVE:.0%}。",
             Query(f"1 - ({late_in(PERIOD)})", unit=PERCENT, places=3),
             steps=((RED, None), (YELLOW, OBJECTIVE), (GREEN, (1 + OBJECTIVE) / 2)), link=burning),
        stat("剩余误差预算", f"近 {PERIOD} 允许 {1 - OBJECTIVE:.0%} 的事件超时，还剩多少。",
             Query(f"1 - {burnt}", unit=PERCENT, places=0), steps=((RED, None), (YELLOW, 0), (GREEN, 0.5)), link=burning),
        stat("预警已判断至", "预警所依据的数据距今的时间。",
             Query(f"time() - max({metric('judged_timestamp_seconds')})", unit=SECONDS), steps=_LATE,
             link=runbook_entry(runbook_url, "PuhuiJudgingBehind")),
        stat("指标新鲜度", "指标最近一次核对为最新至今的时间。", Query(fresh, unit=SECONDS), steps=_LATE,
             link=runbook_entry(runbook_url, "PuhuiFiguresStale")),
        series("超过一秒才入账的占比", "最近一小时的占比；超过预算的 14.4 倍即告急。",
               [Query(late("1h"), "近 1 小时", PERCENT, 2)], steps=((GREEN, None), (RED, 14.4 * (1 - OBJECTIVE)))),
    ])  # fmt: skip


def _intake() -> Row:
    buckets = f"sum by (le) (rate({metric('event_delay_seconds_bucket')}{RATE}))"
    delays = [Query(f"histogram_quantile({q}, {buckets})", title, SECONDS, 3) for q, title in _SOON]
    taken = f"sum by (instance) (rate({metric('event_delay_seconds_count')}{RATE}))"
    behind = f"sum(clamp_min({metric('partition_end_offset')} - {metric('partition_tracked_offset')}, 0))"
    stages = [
        Query(f"sum(rate({metric('batch_seconds_total', stage=stage)}{RATE}))", title, PERCENT, 1)
        for stage, title in _STAGES.items()
    ]
    return Row("入账", [
        series("入账延迟", "事件从写入 Kafka 到入账的时间；入账之后，任何查询的指标都已包含它。", delays, width=8),
        series("每秒入账事件", "各工作进程每秒处理的事件。", [Query(taken, "{{instance}}", "cps")], width=8),
        series("未处理的事件", "各分区末端位点与已处理位点之差的合计。",
               [Query(behind, "未处理", EVENTS)], steps=((GREEN, None), (YELLOW, 10_000)), width=8),
        series("批处理用时", "每秒中用于判断、打包和写入的时间。", stages, stacked=True),
        series("指标更新用时", "最近一次更新所用的处理器时间，及失败次数。",
               [Query(f"max({metric('figures_refresh_seconds')})", "用时", SECONDS, 3),
                Query(f"sum({metric('figures_failures_total')})", "失败（次）", COUNT)]),
    ])  # fmt: skip


def _waiting() -> Row:
    def by_rule(name: str) -> list[Query]:
        return [Query(f"sum by (rule) (increase({metric(name)}[1h]))", "{{rule}}", EVENTS, 0)]

    return Row("等待与退回", [
        series("暂存的事件", "因缺少前序事件或机构未登记而等待的事件，按机构。",
               [Query(f"sum by (institution) ({metric('parked_events')})", "{{institution}}", EVENTS)], width=8),
        series("新暂存（按规则）", "近一小时转为等待的事件，按规则。", by_rule("parkings_total"), width=8),
        series("退回（按规则）", "近一小时退回的事件，按规则。", by_rule("refusals_total"), width=8),
    ])  # fmt: skip


def _sharing() -> Row:
    def each(name: str, unit: str, places: int | None = None) -> list[Query]:
        return [Query(f"sum by (instance) ({metric(name)})", "{{instance}}", unit, places)]

    return Row("分工与恢复", [
        series("分区", "各工作进程分到的分区数，两个主题合计。", each("assigned_partitions", COUNT), width=6),
        series("重新分配与重读", "Kafka 把分区分给工作进程的次数，及读取停滞后就地重新连接的次数。",
               [*each("assignments_total", COUNT),
                Query(f"sum by (instance) ({metric('consumer_restarts_total')})", "{{instance}} 就地重读", COUNT)], width=6),
        series("恢复用时", "最近一次分到分区时打开账簿所用的时间。", each("recovery_seconds", SECONDS, 3), width=6),
        series("未写回台账", "重启时需要重放的事实条数。", each("register_behind_facts", EVENTS), width=6),
    ])  # fmt: skip


def _leaving() -> Row:
    told = f"sum by (alertmanager) (rate({metric('alertmanager_notices_total')}{RATE}))"
    failed = f"sum by (alertmanager) (increase({metric('alertmanager_failures_total')}[1h]))"
    return Row("判断与送达", [
        series("判断用时", "每秒中用于判断预警的时间。",
               [Query(f"sum(rate({metric('judging_seconds_total')}{RATE}))", "判断", PERCENT, 1)], width=6),
        series("等待发送的消息", "还没有送到 Kafka 的退回通知和预警，按主题。",
               [Query(f"max by (topic) ({metric('outbox_messages')})", "{{topic}}", EVENTS)], width=6),
        series("送到 Kafka", "每秒送到的消息，及近一小时的失败次数。",
               [Query(f"sum by (topic) (rate({metric('sent_messages_total')}{RATE}))", "{{topic}}", "cps"),
                Query(f"sum(increase({metric('send_failures_total')}[1h]))", "失败（次）", COUNT)], width=6),
        series("送到 Alertmanager", "每秒接收的预警（含重发）、等待接收的条数，及近一小时的失败次数。",
               [Query(told, "{{alertmanager}}", "cps"),
                Query(f"max by (alertmanager) ({metric('alertmanager_waiting_notices')})", "{{alertmanager}} 等待", EVENTS),
                Query(failed, "{{alertmanager}} 失败（次）", COUNT)], width=6),
    ])  # fmt: skip


def _resources() -> Row:
    def process(name: str) -> str:
        return f"{metric(name)} and on (job, instance) {metric('healthy')}"

    cpu = f"rate({metric('process_cpu_seconds_total')}{RATE}) and on (job, instance) {metric('healthy')}"
    return Row("资源", [
        series("内存", "各工作进程的常驻内存。",
               [Query(process("process_resident_memory_bytes"), "{{instance}}", BYTES)], width=6),
        series("处理器", "各工作进程占用的处理器核数。", [Query(cpu, "{{instance}}", COUNT, 2)], width=6),
        series("打开的文件", "各工作进程打开的文件和连接数。",
               [Query(process("process_open_fds"), "{{instance}}", COUNT)], width=6),
        series("存储大小", "存储占用的空间；过去的增长可以推算何时需要扩容。",
               [Query(f"max({metric('store_bytes')})", "存储", BYTES)], width=6),
    ])  # fmt: skip
