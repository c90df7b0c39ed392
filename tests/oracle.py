"""The figures once more, from the raw events alone and by SQL: what the program must agree with.

Nothing of the program is used here. A fact that was reversed is gone with its business date, a corrected one
has its new value; every loan has spells of days in which its membership of the populations is constant; a
movement posts where the loan stands on the movement's own day, and a crossing on day E moves what was
outstanding at the close of the day before.
"""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any, Final, Literal

Population = Literal["ALL1", "PH", "NPR", "PARTIAL"]
POPULATIONS: Final[tuple[Population, ...]] = ("ALL1", "PH", "NPR", "PARTIAL")
"""Every singly sent loan; 普惠型小微; 无还本续贷; 部分还本续贷."""
FLOW_KINDS: Final = ("issued", "drawn", "renewed_in", "increase")
"""The kinds of movement that count in 累放."""

_SCRIPT: Final = Path(__file__).with_suffix(".sql").read_text("utf-8")
_BALANCES: Final = """
    SELECT member.customer, sum(movement.amount) AS balance
      FROM movement JOIN member USING (institution, loan)
     WHERE institution = :institution AND population = :population AND inside
       AND movement.day <= :day AND member.since <= :day AND :day < member.until
     GROUP BY loan
"""
_WINDOW: Final = """
    SELECT * FROM posted
     WHERE institution = :institution AND population = :population AND day > :after AND day <= :until
"""


class Oracle:
    """Everything known from these events, whatever the order and however often they came."""

    def __init__(self, events: Iterable[Mapping[str, Any]]) -> None:
        self._base = sqlite3.connect(":memory:")
        self._base.execute(
            "CREATE TABLE raw (source TEXT, id TEXT, type TEXT, time TEXT, data TEXT, PRIMARY KEY (source, id))"
        )
        self._base.executemany(
            "INSERT OR IGNORE INTO raw VALUES (?, ?, ?, ?, ?)",
            (
                (
                    e["source"],
                    e["id"],
                    e["type"].removeprefix("cn.puhui.").removesuffix(".v1"),
                    e.get("time"),
                    json.dumps(e["data"]),
                )
                for e in events
            ),
        )
        self._base.executescript(_SCRIPT)

    def institutions(self) -> list[str]:
        """The institutions of which a loan is known."""
        return [row[0] for row in self._base.execute("SELECT DISTINCT institution FROM loan ORDER BY 1")]

    def lowest_balance(self) -> int:
        """The least that was ever outstanding on a loan at the close of a day."""
        query = """
            SELECT min(balance)
              FROM (SELECT sum(sum(amount)) OVER (PARTITION BY institution, loan ORDER BY day) AS balance
                      FROM movement GROUP BY institution, loan, day)
        """
        return int(self._base.execute(query).fetchone()[0] or 0)

    def loan_balances(self, institution: str, as_of: date) -> dict[str, int]:
        """What is outstanding on each loan at the close of the day."""
        query = "SELECT loan, sum(amount) FROM movement WHERE institution = ? AND day <= ? GROUP BY loan"
        return dict(self._base.execute(query, (institution, as_of.isoformat())))

    def balance(self, institution: str, population: Population, as_of: date) -> int:
        """B: the principal outstanding at the close of the day, in fen."""
        return self._figure(
            f"SELECT coalesce(sum(balance), 0) FROM ({_BALANCES})", institution, population, day=as_of
        )

    def customers(self, institution: str, population: Population, as_of: date) -> int:
        """N: the distinct customers with something outstanding at the close of the day."""
        query = f"SELECT count(DISTINCT customer) FROM ({_BALANCES}) WHERE balance > 0"
        return self._figure(query, institution, population, day=as_of)

    def flow(self, institution: str, population: Population, after: date, until: date) -> int:
        """F: what was disbursed in (after, until], by the class of the day of disbursement, in fen."""
        query = f"SELECT coalesce(sum(amount), 0) FROM ({_WINDOW}) WHERE kind IN {FLOW_KINDS}"
        return self._figure(query, institution, population, after=after, until=until)

    def flow_customers(self, institution: str, population: Population, after: date, until: date) -> int:
        """NF: the distinct customers with a disbursement in (after, until]."""
        query = f"SELECT count(DISTINCT customer) FROM ({_WINDOW}) WHERE kind IN {FLOW_KINDS}"
        return self._figure(query, institution, population, after=after, until=until)

    def bridge(self, institution: str, population: Population, after: date, until: date) -> dict[str, int]:
        """How the balance went from one day to the other, signed, by kind; a line of 0 is left out."""
        query = f"SELECT kind, sum(amount) FROM ({_WINDOW}) GROUP BY kind HAVING sum(amount) <> 0"
        keys = {"institution": institution, "population": population}
        window = {"after": after.isoformat(), "until": until.isoformat()}
        return dict(self._base.execute(query, keys | window))

    def all_balances(self, as_of: date) -> dict[tuple[str, str], tuple[int, int]]:
        """B and N of every institution and population at once."""
        query = """
              WITH held AS (SELECT institution, loan, sum(amount) AS balance
                              FROM movement WHERE day <= :day GROUP BY institution, loan)
            SELECT institution, population, sum(balance), count(DISTINCT CASE WHEN balance > 0 THEN customer END)
              FROM held JOIN member USING (institution, loan)
             WHERE inside AND since <= :day AND :day < until
             GROUP BY institution, population
        """
        rows = self._base.execute(query, {"day": as_of.isoformat()})
        return {(row[0], row[1]): (row[2], row[3]) for row in rows}

    def all_bridges(self, after: date, until: date) -> dict[tuple[str, str], dict[str, int]]:
        """The bridges of every institution and population at once."""
        query = """
            SELECT institution, population, kind, sum(amount) FROM posted WHERE day > ? AND day <= ?
             GROUP BY institution, population, kind HAVING sum(amount) <> 0
        """
        found: dict[tuple[str, str], dict[str, int]] = {}
        for institution, population, kind, amount in self._base.execute(
            query, (after.isoformat(), until.isoformat())
        ):
            found.setdefault((institution, population), {})[kind] = amount
        return found

    def _figure(self, query: str, institution: str, population: Population, **days: date) -> int:
        keys = {"institution": institution, "population": population}
        row = self._base.execute(
            query, keys | {name: day.isoformat() for name, day in days.items()}
        ).fetchone()
        return int(row[0])
