"""Every metric, declared once: the exporter fills this table, the dashboards draw from it, `docs/metrics.md` is made of it.

Prometheus knows floats only, so money leaves here in yuan: a whole number of fen stays exact to the fen in a float up
to 90 trillion yuan. Ratios are ratios (0.3 is 30 %), and so are differences of ratios (0.01 is 1 百分点). A figure that
has no value has no sample; 0 is never put in its place. No customer and no loan is ever a label.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

BANKING: Final = ("institution", "name")
"""The labels of every business figure: the 统一社会信用代码 (or `county`), and the name as it is known now."""
RESULTS: Final = ("accepted", "refused", "repeated", "parked", "forwarded")
"""What became of an event; each of these is counted from 0 on."""
UNAUTHENTIC: Final = ("unsigned", "wrongly_signed")
"""How an event is not what its source must have signed; these are counted from 0 on too."""
PERIODS: Final = 12
"""So many closed quarters are shown."""
FRESH: Final = 1.0
"""Seconds within which an event should be in the figures."""
DELAYS: Final = (0.05, 0.1, 0.25, 0.5, FRESH, 2.5, 5.0, 10.0, 60.0, 600.0, 3600.0)
"""The bounds (s) of the histogram of delays."""
_UNITS: Final = ("yuan", "ratio", "households", "loans", "seconds", "bytes")


class Kind(StrEnum):
    """A gauge goes up and down, a counter only up; a histogram counts what was no more than each of its bounds."""

    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: its name, kind and labels, what it means, and who shows it."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    group: str = "worker"

    @property
    def unit(self) -> str:
        """The unit, which the name ends with; empty for a plain number."""
        last = self.name.removesuffix("_total").rpartition("_")[2]
        return last if last in _UNITS else ""

    @property
    def series(self) -> tuple[str, ...]:
        """The names under which Prometheus keeps it."""
        if self.kind is not Kind.HISTOGRAM:
            return (self.name,)
        return (f"{self.name}_bucket", f"{self.name}_count", f"{self.name}_sum")


@dataclass(frozen=True, slots=True)
class Measure:
    """One business figure, shown live and for closed quarters: an indicator, or a part of one."""

    name: str
    title: str
    number: str
    part: str = ""
    labels: tuple[str, ...] = ()
    closed: bool = True
    """Whether it stands for closed quarters too."""

    @property
    def live(self) -> Metric:
        """The gauge of the live figure."""
        said = f"{self.title}: as of the latest complete business day of the institution ({self.number})."
        return Metric(f"puhui_{self.name}", Kind.GAUGE, said, (*BANKING, *self.labels), "live")

    @property
    def official(self) -> Metric:
        """The gauge of the official figures."""
        said = f"{self.title}: official figures of the last {PERIODS} closed quarters ({self.number})."
        labels = (*BANKING, "period", *self.labels)
        return Metric(f"puhui_official_{self.name}", Kind.GAUGE, said, labels, "official")


_LINE: Final = ("line", "title", "place")
_TIE: Final = ("population",)
BRIDGE: Final = Measure("npr_bridge_yuan", "无还本续贷余额变动分解", "I23", "*", _LINE)
"""Its lines from 期初余额 to 期末余额: key, Chinese title, and place in the order of the bridge."""
TIES: Final = (
    Measure("reconciliation_reported_yuan", "报送余额", "I103", "reported.balance", _TIE),
    Measure("reconciliation_system_yuan", "系统余额", "I103", "system.balance", _TIE),
    Measure("reconciliation_gap_yuan", "余额差额（系统 − 报送）", "I103", "gap.balance", _TIE),
    Measure("reconciliation_reported_households", "报送户数", "I103", "reported.customers", _TIE),
    Measure("reconciliation_system_households", "系统户数", "I103", "system.customers", _TIE),
    Measure("reconciliation_gap_households", "户数差额（系统 − 报送）", "I103", "gap.customers", _TIE),
)
"""What ties our figures to those that a bank reports of itself; no gap where its unit is suspected."""
PLAIN: Final = (
    Measure("inclusive_balance_yuan", "普惠型小微企业贷款余额", "I10"),
    Measure("inclusive_households", "普惠型小微企业贷款户数", "I10", "households"),
    Measure("inclusive_growth_ratio", "普惠型小微贷款较年初增速", "I34"),
    Measure("inclusive_growth_yoy_ratio", "普惠型小微贷款同比增速", "I34", "yoy"),
    Measure("inclusive_net_increase_yuan", "普惠型小微贷款较年初增量", "I34", "net_increase"),
    Measure("large_bank_target_ratio", "国有大型银行普惠增速目标", "I35", "target"),
    Measure("large_bank_gap_ratio", "国有大型银行普惠增速与目标差", "I35", "gap"),
    Measure("large_bank_pace_ratio", "国有大型银行普惠增速进度比", "I35", "pace"),
    Measure("large_bank_shortfall_yuan", "国有大型银行距全年目标增量", "I35", "shortfall"),
    Measure("two_increase_growth_gap_ratio", "两增：增速差", "I36"),
    Measure("two_increase_gap_households", "两增：户数差", "I37"),
    Measure("sme_growth_gap_ratio", "小微增速差（全口径）", "I38"),
    Measure("sme_gap_households", "小微户数差（全口径）", "I39"),
    Measure("unsecured_share_ratio", "信用贷款占比", "I11"),
    Measure("unsecured_households", "获得信用贷款户数", "I12"),
    Measure("long_term_share_ratio", "中长期贷款占比", "I16"),
    Measure("renewed_share_ratio", "续贷转贷占比（余额）", "I26"),
    Measure("npr_balance_yuan", "无还本续贷余额", "I21"),
    Measure("npr_doubtful_yuan", "无还本续贷余额其中存疑", "I21", "doubtful"),
    Measure("npr_partial_yuan", "部分还本续贷余额（另列）", "I21", "partial"),
    Measure("npr_households", "无还本续贷户数", "I21", "households"),
    Measure("npr_loans", "无还本续贷笔数", "I21", "loans"),
    Measure("npr_inclusive_share_ratio", "无还本续贷占普惠比", "I21", "share_of_inclusive"),
    Measure("npr_change_ratio", "无还本续贷余额环比（对外数）", "I22"),
    Measure("npr_change_judged_ratio", "无还本续贷余额环比（剔除口径变动后）", "I22", "judged"),
    Measure("npr_change_without_largest_ratio", "无还本续贷余额环比（剔除最大一户后）", "I22", "without_largest"),
    Measure("npr_change_yuan", "无还本续贷余额较上季末变动额", "I22", "delta"),
    Measure("npr_set_apart_yuan", "无还本续贷余额口径变动", "I22", "set_apart"),
    Measure("npr_growth_yoy_ratio", "无还本续贷余额同比", "I22", "yoy"),
    Measure("npr_settled_again_yuan", "被续贷结清其中续了又续", "I23", "settled_again"),
    Measure("npr_bridge_residual_yuan", "变动分解差额（应为零）", "I23", "residual"),
    Measure("npr_granted_yuan", "无还本续贷当季累放", "I24"),
    Measure("npr_granted_ytd_yuan", "无还本续贷本年累放", "I24", "ytd"),
    Measure("npr_granted_yoy_ratio", "无还本续贷当季累放同比", "I24", "yoy"),
    Measure("reporting_lag_seconds", "报送时滞中位数（近31天）", "I101", closed=False),
    Measure("reporting_lag_p95_seconds", "报送时滞P95（近31天）", "I101", "p95", closed=False),
    Measure("rejected_share_ratio", "拒收率（近24小时）", "I104", closed=False),
)  # fmt: skip
MEASURES: Final = (*PLAIN, BRIDGE, *TIES)
"""All business figures."""

_G, _C, _H = Kind.GAUGE, Kind.COUNTER, Kind.HISTOGRAM
_PLACE: Final = ("topic", "partition")
_RECEIVER: Final = ("alertmanager",)
_OTHERS: Final = (
    Metric("puhui_institution_info", _G, "The institutions 机构 with their names and kinds; always 1.", (*BANKING, "kind"), "live"),
    Metric("puhui_as_of_timestamp_seconds", _G, "The business date 截至 of the live figures: its start, +08:00.", BANKING, "live"),
    Metric("puhui_county_missing_banks", _G, "Banks that a live figure of the county lacks, by its metric.", ("figure",), "live"),
    Metric("puhui_official_period_info", _G, "The state of a closed quarter: pinned, restated or history; always 1.",
           (*BANKING, "period", "state"), "official"),
    Metric("puhui_restatements_open", _G, "Restatements 重述 of closed periods that nobody has approved yet.", BANKING, "live"),
    Metric("puhui_alerts", _G, "Alerts 预警 by rule and state; `provisional` and `confirmed` are open.", ("rule", "state"), "counts"),
    Metric("puhui_events_total", _C, "Events by institution and result; a parked one counts again once decided.",
           ("institution", "result"), "counts"),
    Metric("puhui_refusals_total", _C, "Refused events by institution and rule.", ("institution", "rule"), "counts"),
    Metric("puhui_unauthentic_events_total", _C, "Events, repeated ones too, that their source must have signed and has not (V05).",
           ("institution", "kind"), "counts"),
    Metric("puhui_parkings_total", _C, "Events that were made to wait, by institution and rule.", ("institution", "rule"), "counts"),
    Metric("puhui_flags_total", _C, "Flags on accepted events by institution and rule.", ("institution", "rule"), "counts"),
    Metric("puhui_figures_updated_timestamp_seconds", _G, "The figures hold all that was stored by then."),
    Metric("puhui_figures_refresh_seconds", _G, "CPU time that the last refresh of the figures took."),
    Metric("puhui_figures_failures_total", _C, "Refreshes of the figures that failed; the last good figures stay."),
    Metric("puhui_partition_tracked_offset", _G, "The next offset to take in, as stored with the facts.", _PLACE),
    Metric("puhui_partition_end_offset", _G, "The end of the partition, as Kafka last told it; open transactions left out.", _PLACE),
    Metric("puhui_partition_ends_timestamp_seconds", _G, "When Kafka last told the ends of the partitions."),
    Metric("puhui_oldest_unprocessed_seconds", _G, "Age of the oldest event that waits in the partition; 0 where nothing waits.", _PLACE),
    Metric("puhui_event_delay_seconds", _H,
           "From the timestamp of an event's record in Kafka to its commit: from then on every figure that is asked for holds it."),
    Metric("puhui_batch_seconds_total", _C, "Time spent on batches, by stage: decide, pack, write.", ("stage",)),
    Metric("puhui_recovery_seconds", _G, "Time that opening the books took at the last assignment."),
    Metric("puhui_parked_events", _G,
           "Events that wait for something, by the institution that they are about: `unknown` for all that nobody registered.",
           ("institution",)),
    Metric("puhui_register_behind_facts", _G, "Facts that a restart would apply again, because their rows are not written back yet."),
    Metric("puhui_assignments_total", _C, "Times that Kafka gave this worker its partitions: rebalances."),
    Metric("puhui_consumer_restarts_total", _C, "Times that the consumer was started again in place, because nothing came."),
    Metric("puhui_assigned_partitions", _G, "Partitions of this worker, of both topics together."),
    Metric("puhui_presides", _G, "1 on the worker that judges for all and sends the alerts: one of them has to."),
    Metric("puhui_judged_timestamp_seconds", _G, "Alerts rest on all that was stored by then; shown by who judges."),
    Metric("puhui_judging_seconds_total", _C, "Time spent on judging."),
    Metric("puhui_outbox_messages", _G, "Messages of the store that have not left yet, of all workers, by topic.", ("topic",)),
    Metric("puhui_sent_messages_total", _C, "Messages that Kafka has acknowledged, by topic.", ("topic",)),
    Metric("puhui_send_failures_total", _C, "Times that Kafka took no messages: they wait in the store."),
    Metric("puhui_alertmanager_notices_total", _C, "Notices of alerts that an Alertmanager has taken, repeated ones too.", _RECEIVER),
    Metric("puhui_alertmanager_failures_total", _C, "Times that an Alertmanager took none.", _RECEIVER),
    Metric("puhui_alertmanager_waiting_notices", _G, "Notices that are due and that an Alertmanager has not taken.", _RECEIVER),
    Metric("puhui_store_bytes", _G, "Size of the store that this worker writes into."),
    Metric("puhui_ready", _G, "1 where /-/ready says yes: assigned, recovered and reading."),
    Metric("puhui_healthy", _G, "1 where /-/healthy says yes: positions move, or there is nothing to do."),
    Metric("process_cpu_seconds_total", _C, "Total user and system CPU time spent in seconds.", (), "process"),
    Metric("process_resident_memory_bytes", _G, "Resident memory size in bytes.", (), "process"),
    Metric("process_virtual_memory_bytes", _G, "Virtual memory size in bytes.", (), "process"),
    Metric("process_start_time_seconds", _G, "Start time of the process since unix epoch in seconds.", (), "process"),
    Metric("process_open_fds", _G, "Number of open file descriptors.", (), "process"),
    Metric("process_max_fds", _G, "Maximum number of open file descriptors.", (), "process"),
)  # fmt: skip


def _all() -> Iterator[Metric]:
    yield from (measure.live for measure in MEASURES)
    yield from (measure.official for measure in MEASURES if measure.closed)
    yield from _OTHERS


METRICS: Final[Mapping[str, Metric]] = {metric.name: metric for metric in _all()}
"""Every metric by its name, in the order of the exposition."""
SERIES: Final[Mapping[str, Metric]] = {name: metric for metric in METRICS.values() for name in metric.series}
"""Every series that Prometheus keeps by its name: a histogram has three."""
