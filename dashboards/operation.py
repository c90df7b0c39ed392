"""Rows about what is reported and how it is taken in: 报送质量 and 系统运行."""

from typing import Final

from dashboards.panels import Query, gauges, series, stat, table
from dashboards.style import (
    BYTES,
    CHOSEN,
    COUNT,
    EVENTS,
    GREEN,
    NONE_IS_GOOD,
    PERCENT,
    RATE,
    RED,
    SECONDS,
    YELLOW,
    YI,
    YUAN,
    Row,
    by_bank,
    metric,
    yi,
)  # fmt: skip

POPULATIONS: Final = {"PH": "普惠", "NPR": "无还本续贷"}
_RESULTS: Final = {
    "accepted": "入账",
    "refused": "退回",
    "repeated": "重复",
    "parked": "暂存",
    "forwarded": "转发",
}
_STAGES: Final = {"decide": "判断", "pack": "打包", "write": "写入"}
_YES: Final = {"0": "否", "1": "是"}
_IS_GOOD: Final = ((RED, None), (GREEN, 1))
_LATE: Final = ((GREEN, None), (YELLOW, 60), (RED, 600))
_REJECTED: Final = ((GREEN, None), (YELLOW, 0.005), (RED, 0.02))
_DAYS: Final = ((GREEN, None), (YELLOW, 3 * 86_400), (RED, 10 * 86_400))


def tie_columns(kind: str, *matchers: str) -> list[Query]:
    """报送数, 系统数, 差额 by bank and population; `kind` is empty for live figures, else `official_`."""

    def side(name: str) -> str:
        return f"sum by (name, population) ({metric(f'{kind}reconciliation_{name}_yuan', *matchers)})"

    return [
        Query(yi(side("reported")), "报送数", YI, 4),
        Query(yi(side("system")), "系统数", YI, 4),
        Query(side("gap"), "差额", YUAN, 2),
    ]


def quality() -> Row:
    """How banks report."""
    lag = f"sort_desc({by_bank('reporting_lag_seconds')})"
    refused = f"sort_desc({by_bank('rejected_share_ratio')})"
    results = [
        Query(f"sum(rate({metric('events_total', result=result)}{RATE}))", title, "cps")
        for result, title in _RESULTS.items()
    ]
    return Row("报送质量", [
        table("报送数与系统数", "银行自报的余额与逐笔汇总的余额，各取最近一次报送日；疑似单位错误的不给差额（I103）。",
              {"name": "机构", "population": "口径"}, tie_columns("", CHOSEN), texts=POPULATIONS, width=14),
        gauges("拒收率（近24小时）", "近 24 小时退回事件占收到事件的比重（I104）。",
               Query(refused, "{{name}}", PERCENT, 2), steps=_REJECTED, width=10),
        gauges("报送时滞中位数", "近 31 天从业务日期到入账的天数中位数（I101）。",
               Query(lag, "{{name}}", SECONDS), steps=_DAYS, width=8),
        series("事件处理结果", "每秒处理的事件：入账、退回、重复、暂存（等待别的事件）、转发（分区有误）。", results, width=8),
        series("等待中的事件", "因缺少前序事件或机构未登记而暂存的事件条数，最多等 72 小时。",
               [Query(f"sum({metric('parked_events')})", "暂存", EVENTS)], width=4),
        series("未批准的重述", "已关账期间收到迟到事实而等待批准的重述项数。",
               [Query(f"sum({metric('restatements_open')})", "重述", COUNT)], width=4),
    ])  # fmt: skip


def running() -> Row:
    """How the workers get on."""
    behind = f"sum(clamp_min({metric('partition_end_offset')} - {metric('partition_tracked_offset')}, 0))"
    fresh = f"time() - min({metric('figures_updated_timestamp_seconds')})"
    memory = f"{metric('process_resident_memory_bytes')} and on (job, instance) {metric('healthy')}"
    stages = [
        Query(f"sum(rate({metric('batch_seconds_total', stage=stage)}{RATE}))", title, PERCENT, 1)
        for stage, title in _STAGES.items()
    ]
    return Row("系统运行", [
        stat("运行正常", "各工作进程的位点都在前进，或没有待处理的事件。",
             Query(f"min({metric('healthy')})"), steps=_IS_GOOD, texts=_YES),
        stat("已就绪", "各工作进程都已分到分区、恢复完毕并在读取。",
             Query(f"min({metric('ready')})"), steps=_IS_GOOD, texts=_YES),
        stat("最久未处理", "最早一条尚未处理的事件已等待的时间。",
             Query(f"max({metric('oldest_unprocessed_seconds')})", unit=SECONDS), steps=_LATE),
        stat("指标新鲜度", "指标最近一次核对为最新至今的时间。", Query(fresh, unit=SECONDS), steps=_LATE),
        stat("重新分配", "Kafka 把分区分给工作进程的次数。", Query(f"sum({metric('assignments_total')})")),
        stat("未写回台账", "重启时需要重放的事实条数。",
             Query(f"sum({metric('register_behind_facts')})", unit=EVENTS)),
        stat("内存", "各工作进程的常驻内存合计。",
             Query(f"sum({memory})", unit=BYTES)),
        stat("指标更新失败", "指标更新失败的次数；失败时保留上一次的结果。",
             Query(f"sum({metric('figures_failures_total')})"), steps=NONE_IS_GOOD),
        series("未处理的事件", "各分区末端位点与已处理位点之差的合计。",
               [Query(behind, "未处理", EVENTS)], steps=((GREEN, None), (YELLOW, 10_000))),
        series("批处理用时", "每秒中用于判断、打包和写入的时间。", stages, stacked=True),
    ])  # fmt: skip
