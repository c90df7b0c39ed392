"""报送数 / 系统数 / 差额: what ties the system's figures to what the banks report of themselves."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from aggregates.codes import date_of
from console.cells import Cell, Column, cell
from projections.figure import Figure, Reason, Unit, null
from projections.official import Official
from projections.quality import Gap, gaps
from projections.views import Figures

AMOUNTS: Final = (
    Column("报送数", "万元", "wan"),
    Column("系统数", "万元", "wan"),
    Column("差额", "元", "yuan"),
)
COUNTS: Final = (Column("报送户数", "户"), Column("系统户数", "户"), Column("户数差", "户", "more"))
TIE_COLUMNS: Final = (*AMOUNTS, *COUNTS)


@dataclass(frozen=True, slots=True)
class TieOut:
    """One bank's row: its cells and the verdict."""

    id: str
    name: str
    cells: tuple[Cell, ...]
    verdict: str
    known: str


def tie_outs(figures: Figures, banks: Sequence[Official]) -> Iterator[TieOut]:
    """无还本续贷 of every bank under its own view, on the last day of the table."""
    for found in banks:
        who, view = found.institution, found.view
        own = {g.measure: g for g in gaps(figures, who, view) if g.key == "NPR" and g.as_of == view.as_of}
        cells = [
            *_cells(AMOUNTS, own.get("balance"), "fen", found),
            *_cells(COUNTS, own.get("customers"), "households", found),
        ]
        why = "按总数报送，无逐笔数可核对" if figures.level(who, view) == "A" else ""
        yield TieOut(
            who, figures.name(who, view), tuple(cells), why or _verdict(own), date_of(view.as_of).isoformat()
        )  # fmt: skip


def _cells(columns: tuple[Column, ...], gap: Gap | None, unit: Unit, found: Official) -> list[Cell]:
    if gap is None:
        figures = [null(unit, Reason.NOT_PROVIDED)] * 3
    else:
        figures = [
            Figure(gap.reported, unit),
            Figure(gap.system, unit),
            Figure(gap.gap, unit, gap.reason),
        ]
    return [cell(column, figure, found.view) for column, figure in zip(columns, figures, strict=True)]


def _verdict(own: dict[str, Gap]) -> str:
    if not own:
        return "未报送"
    if any(gap.ties is None for gap in own.values()):
        return Reason.UNIT_SUSPECTED.text
    return "相符" if all(gap.ties for gap in own.values()) else "不符"
