"""The rows of the result: what is measured, what is demanded, and what was found."""

import statistics
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

Sense = Literal["at least", "at most", "only shown"]


class Demand(NamedTuple):
    """What one row must show."""

    unit: str
    sense: Sense
    limit: float | None
    meaning: str
    milder: float | None = None
    """What was demanded of it before; only shown."""

    def __str__(self) -> str:
        return self._told(self.limit)

    @property
    def before(self) -> str:
        """What was demanded before, as text; empty where it is the same."""
        return self._told(self.milder)

    def _told(self, limit: float | None) -> str:
        return "" if limit is None else f"{'≥' if self.sense == 'at least' else '≤'} {limit:g}"


DEMANDS: Final[dict[str, Demand]] = {
    "agent": Demand("events/s", "only shown", None, "an empty Faust agent, one event at a time: the measure"),
    "agent_lean": Demand(
        "events/s", "only shown", None, "the same without a leader's topic and without decoding JSON"
    ),
    "intake_sqlite": Demand(
        "× agent", "at least", 6.5, "`puhui worker` on SQLite, every commit synced, figures and rules on", 5.5
    ),
    "intake_many": Demand("× agent", "at least", 5, "the same with three million loans, all of them active"),
    "memory_many": Demand("MB", "at most", 500, "the largest resident memory of that worker"),
    "rules_on_off": Demand("×", "at least", 0.85, "the worker on SQLite, with rules against without"),
    "intake_sqlite_two": Demand("× agent", "at least", 11, "two workers on SQLite, a file a partition"),
    "intake_postgres": Demand("× agent", "at least", 4, "one worker on PostgreSQL", 3),
    "intake_postgres_two": Demand(
        "× agent", "at least", 6, "two workers on one PostgreSQL, the server on the same cores"
    ),
    "lock_waits": Demand("%", "at most", 3, "of these two workers' time: sessions that wait for a lock"),
    "delay_commit_p50": Demand(
        "ms", "at most", 40, "from the event's timestamp to committed, at 5,000 events/s: the middle one"
    ),
    "delay_commit": Demand("ms", "at most", 120, "the same, p99", 200),
    "delay_alert_p50": Demand(
        "ms", "at most", 40, "from a wrong figure's timestamp to its alert read from Kafka: the middle one"
    ),
    "delay_alert": Demand("ms", "at most", 180, "the same, p99; an alert that never came counts 10,000", 300),
    "restart": Demand("s", "at most", 3, "from kill -9 of the worker to the next event taken in", 4),
    "rebalance": Demand("s", "at most", 3, "a worker joins or leaves: the longest pause of any partition"),
    "replay": Demand(
        "× agent", "at least", 25, "commit records into a fresh store, two processes, each fact compared", 15
    ),
    "figures_balance": Demand(
        "ms", "at most", 50, "a balance of 30 banks at 12 quarter ends, known at a past day"
    ),
    "figures_customers": Demand("ms", "at most", 250, "distinct customers, the same question"),
    "bytes_per_event": Demand("bytes", "at most", 150, "the whole database after a checkpoint"),
    "memory": Demand("MB", "at most", 400, "the largest resident memory of the worker on SQLite"),
    "demo_box": Demand("s", "at most", 60, "`make demo ARGS=--exit` in a fresh clone, from no environment"),
}


class Row(NamedTuple):
    """One measured value; None where it could not be measured, and then `reason` says why."""

    value: float | None
    reason: str = ""
    failed: bool = False
    """What was measured broke down; that is no "not there yet"."""

    def ok(self, name: str) -> bool | None:
        """Is the demand met; None where nothing was measured."""
        demand = DEMANDS[name]
        if self.value is None:
            return False if self.failed else None
        if demand.limit is None:
            return True
        return self.value >= demand.limit if demand.sense == "at least" else self.value <= demand.limit


def median(rows: Sequence[Row]) -> Row:
    """The median of several runs, with the range in the reason."""
    broken = next((row for row in rows if row.failed), None)
    if broken is not None:
        return broken
    values = sorted(row.value for row in rows if row.value is not None)
    if not values:
        return rows[0]
    told = next((row.reason for row in rows if row.value is not None and row.reason), "")
    if len(values) > 1:
        told = f"{', '.join(f'{v:.4g}' for v in values)}{'; ' + told if told else ''}"
    return Row(statistics.median(values), told)


def as_json(rows: dict[str, Row]) -> dict[str, dict[str, object]]:
    """All rows as one JSON object."""
    found: dict[str, dict[str, object]] = {}
    for name, row in rows.items():
        demand = DEMANDS[name]
        value = None if row.value is None else float(f"{row.value:.4g}")
        found[name] = {
            "value": value,
            "unit": demand.unit,
            "demanded": str(demand) or None,
            "ok": row.ok(name),
        }
        if demand.before:
            found[name]["demanded_before"] = demand.before
        if row.reason:
            found[name]["reason"] = row.reason
    return found


def as_table(rows: dict[str, Row]) -> str:
    """All rows as a table for people."""
    lines = [f"{'row':20}{'value':>12} {'unit':9}{'demanded':>9}  ok    reason"]
    for name, row in rows.items():
        value = "–" if row.value is None else f"{row.value:,.4g}" if row.value < 1e4 else f"{row.value:,.0f}"
        ok = {True: "yes", False: "NO", None: "–"}[row.ok(name)]
        lines.append(
            f"{name:20}{value:>12} {DEMANDS[name].unit:9}{DEMANDS[name]!s:>9}  {ok:4}  {row.reason}".rstrip()
        )
    return "\n".join(lines)
