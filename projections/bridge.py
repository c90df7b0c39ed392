"""Bridges 余额变动分解: how a balance went from one day to another, line by line (I23)."""

from dataclasses import dataclass
from typing import Final

from aggregates.loan import Kind
from projections.figure import Reason
from projections.scope import Values, total, values
from projections.views import Figures, View


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its name, what it is called, and its signed amount in fen."""

    name: str
    title: str
    amount: int


@dataclass(frozen=True, slots=True)
class Bridge:
    """期初 → 期末 of one population in (after, until], in fen; without lines where loans are not sent singly."""

    population: str
    after: int
    until: int
    opening: int | None
    closing: int | None
    lines: tuple[Line, ...] = ()
    again: int = 0
    """其中续了又续, of 被续贷结清, signed."""
    reason: Reason | None = None
    missing: tuple[str, ...] = ()

    @property
    def residual(self) -> int | None:
        """What the lines do not explain: 0, or a programming error."""
        if self.reason or self.opening is None or self.closing is None:
            return None
        return self.closing - self.opening - sum(line.amount for line in self.lines)

    @property
    def set_apart(self) -> int:
        """口径变动: what is taken out before a change is judged, in fen."""
        return sum(line.amount for line in self.lines if line.name in SET_APART)


SET_APART: Final = frozenset(("opening", "reclassified", "marked", "merged", "exchanged"))
"""期初接入, 口径调整, 转标, 机构合并, 汇率: printed as 口径变动 beside the judged change (8.1)."""

_LINES: Final[tuple[tuple[str, str, tuple[Kind, ...], bool], ...]] = (
    ("opening", "期初接入", (Kind.OPENING,), True),
    ("issued", "新发放", (Kind.ISSUED,), False),
    ("renewed_in", "续贷转入", (Kind.RENEWED_IN,), True),
    ("increase", "增额", (Kind.INCREASE,), True),
    ("drawn", "分期发放", (Kind.DRAWN,), True),
    ("capitalised", "利息转本金", (Kind.CAPITALISED,), True),
    ("settled_by_renewal", "被续贷结清", (Kind.SETTLED_BY_RENEWAL, Kind.SETTLED_AGAIN), True),
    ("repaid", "还款", (Kind.REPAID,), True),
    ("foreclosed", "以物抵债", (Kind.FORECLOSED,), True),
    ("written_off", "核销", (Kind.WRITTEN_OFF,), True),
    ("transferred_npl", "不良转让", (Kind.TRANSFERRED_NPL,), True),
    ("transferred_performing", "正常资产转让", (Kind.TRANSFERRED_PERFORMING,), True),
    ("transferred_in", "资产受让", (Kind.TRANSFERRED_IN,), False),
    ("reclassified", "口径调整", (Kind.RECLASSIFIED,), True),
    ("marked", "转标", (Kind.MARKED,), True),
    ("exchanged", "汇率", (Kind.EXCHANGED,), False),
)
"""Name, title, kinds, and whether the line stands when it is 0. 移交 and 机构合并 come with their events."""

TITLES: Final = {name: title for name, title, _, _ in _LINES}
"""What each line is called."""


def bridge(
    figures: Figures, institution: str, view: View, after: int, population: str = "NPR", until: int | None = None
) -> Bridge:  # fmt: skip
    """The bridge in (after, until] (until: the view's day); both ends and all lines are of the one view.

    For the county the lines of the banks that send loans singly at both ends, added; the others are missing.
    """
    end = view.as_of if until is None else until

    def per_bank(bank: str) -> Values:
        why = figures.singly(bank, population, after, end, view)
        if why:
            return why
        ends = values(*(figures.balance(bank, population, day, view) for day in (after, end)))
        moved = figures.ledger.bridge(bank, population, after, end, figures.version(bank, view))
        return ends if isinstance(ends, Reason) else (*ends, *(moved.get(kind, 0) for kind in Kind))

    sums = total(figures, institution, view, per_bank)
    if sums.values is None:
        return _ends_only(figures, institution, view, after, population, end, sums.reason)
    moved = dict(zip(Kind, sums.values[2:], strict=True))
    lines = tuple(
        Line(name, title, amount)
        for name, title, kinds, always in _LINES
        if (amount := sum(moved[kind] for kind in kinds)) or always
    )
    return Bridge(
        population, after, end, sums.values[0], sums.values[1], lines, moved[Kind.SETTLED_AGAIN], None, sums.missing
    )  # fmt: skip


def _ends_only(
    figures: Figures, institution: str, view: View, after: int, population: str, end: int, why: Reason | None
) -> Bridge:  # fmt: skip
    """At level A both ends are reported, what lies between is 未提供."""
    opening, closing = (figures.balance(institution, population, day, view) for day in (after, end))
    ends = [None if end.value is None else int(end.value) for end in (opening, closing)]
    return Bridge(population, after, end, ends[0], ends[1], reason=why or Reason.NO_DATA)
