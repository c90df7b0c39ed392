"""A store with alerts in it, without a judge: a test says what a rule reads, and when."""

from dataclasses import dataclass, field
from pathlib import Path

from aggregates.registry import Institution, Standing
from aggregates.store import Transaction, open_store
from projections.alerts import Alert, Evidence, Finding, Reading, after, changes
from projections.notice import Desk

MINUTE, HOUR = 60.0, 3600.0
BREACH, CALM = Reading.SETTLED_BREACH, Reading.CALM


def finding(
    reading: Reading, subject: str = "bank", *, value: str = "-21/50", severity: str = "P2"
) -> Finding:
    """What the rule of abnormal swings says of a bank's quarter."""
    return Finding(
        rule="NprSwing", version=1, subject=subject, period="2024Q3", reading=reading, severity=severity,
        headline="无还本续贷余额环比下降42.0%（Δ -1,885.80 万元）",
        evidence=Evidence(
            indicator="I22", unit="ratio", value=value, base=449_000_000, threshold="|环比| ≥ 30% 且 |Δ| ≥ 500 万元（本系统设定）",
            clause="C3.8", sentence="按季度监测银行机构无还本续贷余额情况，对出现异常波动的银行机构及时进行跟踪。", as_of="2024-09-30",
            notes=("其中一户占变动额的61%",),
        ),
    )  # fmt: skip


def desk(environment: str = "production") -> Desk:
    """What notices of these alerts have in common."""
    known = {who: named(who, name) for who, name in (("bank", "槐乡村镇银行"), ("other", "国中支行"))}
    return Desk(environment, "https://puhui.example/", "https://puhui.example/runbook", lambda: known)


def named(who: str, *names: str, since: int = 19_000) -> Institution:
    """An institution of which only the names are told, each from half a year after the one before."""
    standings = (Standing(since + 180 * n, name, "village_bank", True) for n, name in enumerate(names))
    return Institution(who, names[-1], "village_bank", True, 0, 0, 0, None, tuple(standings))


@dataclass
class Alerted:
    """The store, and the wall clock of whoever reads it."""

    path: Path
    now: float = 1_729_180_800.0
    alerts: dict[str, Alert] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.store = open_store(f"sqlite:{self.path}")

    def clock(self) -> float:
        """The wall clock: seconds since 1970."""
        return self.now

    def read(
        self, reading: Reading, subject: str = "bank", *, value: str = "-21/50", severity: str = "P2"
    ) -> None:
        """A rule reads this now; what becomes of the alert is stored."""
        instant = round(self.now * 1e6)
        alert = after(
            self.alerts.get(subject), finding(reading, subject, value=value, severity=severity), instant
        )
        assert alert is not None
        self.alerts[subject] = alert
        transaction = Transaction()
        changes(self.store, transaction, [alert], instant)
        self.store.write(transaction)
