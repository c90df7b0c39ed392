"""Reported positions as known at a version: what a look at every report says, in a tenth of the memory of these."""

import gc
import tracemalloc
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from aggregates.store.transaction import ReportedRow
from projections.reported import ANY, BASES, Positions

TIES = frozenset(("tie_out",))
KINDS = (BASES, ANY, TIES)
ROWS = st.lists(
    st.tuples(
        st.sampled_from(["PH", "FS"]), st.integers(0, 2), st.sampled_from(sorted(ANY)), st.integers(1, 2),
        st.booleans(), st.booleans(),
    ),
    max_size=14,
)  # fmt: skip
"""Key, day, kind, amount of each report, whether its unit is suspected, and whether a new version begins with it."""
MANY = 20_000
BYTES = 100
"""What a report may weigh among many: as a row it takes 620."""


def row(
    nth: int, version: int, key: str, day: int, kind: str, amount: int, *, suspect: bool = False
) -> ReportedRow:
    """A report of a balance."""
    return ReportedRow(
        "bank", version, 10 * version, key, "balance", kind, day, amount, 50, suspect, 100 + nth, b"", nth
    )


def rows_of(told: list[tuple[str, int, str, int, bool, bool]]) -> list[ReportedRow]:
    """The rows that these make, in order of arrival."""
    version, rows = 1, []
    for nth, (key, day, kind, amount, suspect, begins) in enumerate(told):
        version += begins
        rows.append(row(nth, version, key, day, kind, amount, suspect=suspect))
    return rows


def usable(rows: list[ReportedRow]) -> list[ReportedRow]:
    """Those of one day that stand: unsuspected, or confirmed by the same amount before."""
    return [r for at, r in enumerate(rows) if not r.suspect or any(e.amount == r.amount for e in rows[:at])]


def event(found: object) -> int | None:
    """Which report was found."""
    return getattr(found, "event", None)


@given(ROWS, st.integers(0, 14), st.integers(0, 15))
def test_what_is_known_of_reports_is_what_a_look_at_each_says(
    told: list[tuple[str, int, str, int, bool, bool]], first: int, version: int
) -> None:
    rows = rows_of(told)
    positions = Positions(r for r in rows if r.version <= first)
    positions.add(
        reversed([r for r in rows if r.version > first])
    )  # the order in which they are given is none
    known = [r for r in rows if r.version <= version]
    for key, day, kinds in product(["PH", "FS", "NPR"], range(-1, 4), KINDS):
        of_key = [r for r in known if r.key == key]
        of_day = [r for r in of_key if r.as_of == day and r.kind in kinds]
        stands = usable(of_day)[-1:]
        asked = (key, "balance", day, version, kinds)
        assert event(positions.at(*asked)) == event(stands[0] if stands else None)
        assert event(positions.last_of(*asked)) == event(of_day[-1] if of_day else None)
        assert event(positions.suspected(*asked)) == event(of_day[-1] if of_day and not stands else None)
        rivals = [r for r in of_key if r.as_of < day and not r.suspect]
        beside = max(rivals, key=lambda r: (r.as_of, r.nth)) if rivals else None
        assert event(positions.before(key, "balance", day, version)) == event(beside)
        assert positions.at(key, "customers", day, version, kinds) is None
        those = [r.event for r in of_key if r.as_of == day]
        assert [r.event for r in positions.of_day(key, "balance", day, version)] == those


@given(ROWS, st.integers(0, 15), st.integers(0, 15))
def test_the_days_and_versions_of_reports_are_those_of_the_rows(
    told: list[tuple[str, int, str, int, bool, bool]], version: int, after: int
) -> None:
    rows = rows_of(told)
    positions = Positions(rows)
    known = [r for r in rows if r.version <= version]
    for key, kinds in product(["PH", "FS"], KINDS):
        days = {r.as_of for r in known if r.key == key and r.kind in kinds}
        stand = [day for day in sorted(days) if positions.at(key, "balance", day, version, kinds) is not None]
        assert positions.days(key, "balance", version, kinds) == stand
        assert positions.reported(key, "balance", version, kinds) == sorted(days)
    assert positions.subjects == sorted({(r.key, r.measure) for r in rows})
    assert positions.last == (rows[-1].version if rows else 0)
    assert positions.last_day(version) == max((r.as_of for r in known), default=None)
    fresh = [r for r in known if r.version > after]
    for days_asked in (None, range(1, 2)):
        wanted = [r for r in fresh if days_asked is None or r.as_of in days_asked]
        assert [
            (r.key, r.measure, r.kind, r.as_of, r.amount, r.quantum, r.version, r.recorded_at, r.event)
            for r in positions.rows(version, after, days_asked)
        ] == [
            (r.key, r.measure, r.kind, r.as_of, r.amount, r.quantum, r.version, r.recorded_at, r.event) for r in wanted
        ]  # fmt: skip


def test_a_report_of_many_weighs_tens_of_bytes() -> None:
    tracemalloc.start()
    try:
        positions = Positions(
            row(n, n // 100, "PH", n % 3_000, "total", n * 10**9, suspect=n % 7 == 0)
            for n in range(1 << 8, MANY)
        )
        gc.collect()
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < BYTES * MANY
    assert positions.rows(MANY)[-1].amount == (MANY - 1) * 10**9
