"""The box at the end of the demo: addresses, what was taken in, and the alerts, in Chinese."""

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from aggregates.registry import Registry
from projections.alerts import Alert, State
from projections.commands import DEMO
from projections.telling import grounds, headline, in_order
from puhui.columns import padded, width, wrapped
from puhui.policy.periods import moment_at

WIDEST: Final = 104
NARROWEST: Final = 60


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the demo can be looked at; empty: nowhere."""

    page: str
    metrics: str
    kafka: str

    def without_page(self) -> "Addresses":
        """The same without the page: it did not start."""
        return replace(self, page="")


@dataclass(frozen=True, slots=True)
class Result:
    """What the demo has come to: events taken in, the seconds that took, and the seconds since its start."""

    known_at: int
    events: int
    seconds: float
    since_start: float
    alerts: tuple[Alert, ...]
    registry: Registry
    addresses: Addresses


def box(result: Result, places: int | None = None) -> str:
    """The box as text, as wide as the terminal allows."""
    terminal = shutil.get_terminal_size((WIDEST, 24)).columns if places is None else places
    inner = max(NARROWEST, min(WIDEST, terminal)) - 4
    parts = [list(part) for part in (_head(result), _where(result.addresses), _pace(result))]
    parts += [list(part) for part in _alerts(result)]
    lines = [f"╭{'─' * (inner + 2)}╮"]
    for number, part in enumerate(parts):
        if number:
            lines.append(f"├{'─' * (inner + 2)}┤")
        for text in part:
            lines += [f"│ {padded(line, inner)} │" for line in wrapped(text, inner, _indent(text))]
    lines.append(f"╰{'─' * (inner + 2)}╯")
    return "\n".join(lines)


def _indent(text: str) -> str:
    return " " * (len(text) - len(text.lstrip()) + 2)


def _head(result: Result) -> Iterator[str]:
    yield f"普惠 puhui　示例县　{DEMO}"
    yield f"知识日期 {moment_at(result.known_at):%Y-%m-%d}（业务数据为虚构，机构名称均为虚构）"


def _where(addresses: Addresses) -> Iterator[str]:
    rows = (
        ("页面", addresses.page),
        ("接口", addresses.page and f"{addresses.page}api/figures　{addresses.page}api/alerts"),
        ("指标", addresses.metrics),
        ("Kafka", addresses.kafka),
    )
    label = max(width(name) for name, _ in rows)
    for name, address in rows:
        yield f"{padded(name, label)}  {address or '未开启'}"


def _pace(result: Result) -> Iterator[str]:
    rate = result.events / result.seconds if result.seconds else 0.0
    yield f"已接入事件 {result.events:,} 条　每秒 {rate:,.0f} 条　自启动 {result.since_start:.1f} 秒"


def _alerts(result: Result) -> Iterator[Iterable[str]]:
    open_ = sorted((alert for alert in result.alerts if alert.is_open), key=in_order)
    breaks = sorted((a for a in result.alerts if a.state is State.POLICY_BREAK), key=in_order)
    yield [f"未解除的预警 {len(open_)} 件", *_told(open_, result)]
    if breaks:
        yield [f"口径变动 (policy break) {len(breaks)} 件，仅记录，不预警", *_told(breaks, result)]


def _told(alerts: Iterable[Alert], result: Result) -> Iterator[str]:
    for alert in alerts:
        yield headline(alert, result.registry, result.known_at)
        for text in grounds(alert):
            yield f"   {text}"
