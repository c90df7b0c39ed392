"""What a question costs: balances and distinct customers of all banks at twelve quarter ends, as known before."""

import time
from collections.abc import Callable
from contextlib import closing
from datetime import date
from typing import Final

from aggregates.codes import day_number
from aggregates.registry import REGISTRY_BOOK
from aggregates.store import open_store
from projections.ledger import Ledger
from puhui.policy.periods import Quarter, quarters
from tests.benchmarks.rows import Row
from tests.benchmarks.scene import Scene
from tests.benchmarks.wire import FIRST_DAY

_TURNS: Final = 5
_KNOWN: Final = 0.9
"""The share of commits that were known at the instant of the question."""


def figures(scene: Scene) -> dict[str, Row]:
    """Both questions of the store with the whole load, warm: the middle of five answers."""
    with closing(open_store(scene.sqlite, read_only=True)) as store:
        ledger = Ledger(store)
        began = time.perf_counter()
        ledger.follow()
        loaded = time.perf_counter() - began
        books = [name for name in ledger.books if not name.startswith(REGISTRY_BOOK)]
        recorded = sorted(instant for name in books for instant in ledger.books[name].recorded)
        instant = recorded[int(len(recorded) * _KNOWN)]
        versions = {name: ledger.books[name].version_at(instant) for name in books}
        first = Quarter.of(date(FIRST_DAY.year, 1, 1))
        days = [day_number(q.last_day) for q in quarters(first, Quarter(FIRST_DAY.year + 2, 4))]

        def balances() -> object:
            return [ledger.balances(name, "PH", days, version) for name, version in versions.items()]

        def customers() -> object:
            return [ledger.customers(name, "PH", days, version) for name, version in versions.items()]

        rows = sum(len(chunk.day) for name in books for chunk in ledger.books[name].chunks)
        told = f"{len(books)} banks, {len(days)} quarter ends, {rows:,} movements, loaded in {loaded:.1f} s"
        return {
            "figures_balance": Row(_middle(balances), told),
            "figures_customers": Row(_middle(customers), told),
        }


def _middle(ask: Callable[[], object]) -> float:
    ask()
    found = []
    for _ in range(_TURNS):
        began = time.perf_counter()
        ask()
        found.append((time.perf_counter() - began) * 1e3)
    return sorted(found)[_TURNS // 2]
