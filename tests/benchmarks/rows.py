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

    def __str__(self) -> str:
        return "" if self.limit is None else f"{'≥' if self.sense == 'at least' else '≤'} {self.limit:g}"


DEMANDS: Final[dict[str, Demand]] = {
    "agent": Demand("events/s", "only shown", None, "an empty Faust agent, one event at a time: the measure"),
    "agent_lean": Demand(
        "events/s", "only shown", None, "the same without a leader's topic and without decoding JSON"
    ),
    "intake_sqlite": Demand(
        "× agent", "at least", 5.5, "`puhui worker` on SQLite, every commit synced, rules on"
    ),
    "rules_on_off": Demand("×", "at least", 0.85, "the same, with rules against without"),
    "intake_postgres": Demand("× agent", "at least", 3, "`puhui worker` on PostgreSQL, rules on"),
    "delay_commit": Demand(
        "ms", "at most", 200, "p99 from the event's timestamp to committed, at 5,000 events/s"
    ),
    "delay_alert": Demand(
        "ms", "at most", 300, "p99 from a wrong figure's timestamp to its alert read from Kafka"
    ),
    "restart": Demand("s", "at most", 4, "from kill -9 of the worker to the next event taken in"),
    "replay": Demand(
        "× agent", "at least", 15, "commit records into a fresh store, two processes, each fact compared"
    ),
    "figures_balance": Demand(
        "ms", "at most", 50, "a balance of 30 banks at 12 quarter ends, known at a past day"
    ),
    "figures_customers": Demand("ms", "at most", 250, "distinct customers, the same question"),
    "bytes_per_event": Demand("bytes", "at most", 150, "the whole database after a checkpoint"),
    "memory": Demand("MB", "at most", 400, "the worker's largest resident memory"),
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
        if row.reason:
            found[name]["reason"] = row.reason
    return found


def as_table(rows: dict[str, Row]) -> str:
    """All rows as a table for people."""
    lines = [f"{'row':18}{'value':>12} {'unit':9}{'demanded':>9}  ok    reason"]
    for name, row in rows.items():
        value = "–" if row.value is None else f"{row.value:,.4g}" if row.value < 1e4 else f"{row.value:,.0f}"
        ok = {True: "yes", False: "NO", None: "–"}[row.ok(name)]
        lines.append(
            f"{name:18}{value:>12} {DEMANDS[name].unit:9}{DEMANDS[name]!s:>9}  {ok:4}  {row.reason}".rstrip()
        )
    return "\n".join(lines)
