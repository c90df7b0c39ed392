"""The table of indicators 指标: number, names, unit, clauses, dimensions, cadence, and the function of a view."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from projections import growth, quality, renewal, structure
from projections.figure import COUNTY, Figure, Unit
from projections.views import Figures, View

Cadence = Literal["hourly", "daily", "monthly", "quarterly", "yearly"]
Compute = Callable[[Figures, str, View], Figure]


@dataclass(frozen=True, slots=True)
class Indicator:
    """One row of the catalogue; `compute` is a pure function of a view, for one institution or `county`."""

    number: str
    name: str
    title: str
    unit: Unit
    clauses: tuple[str, ...]
    dimensions: tuple[str, ...]
    cadence: Cadence
    compute: Compute

    def of(self, figures: Figures, institution: str, view: View) -> Figure:
        """The figure of an institution, or of the county."""
        return self.compute(figures, institution, view)


_BANK: Final = ("institution", "institution_kind")
_ONE: Final = ("institution",)
_LOCAL: Final = ("institution", "is_local_legal_person")
_ROW = Indicator
_TABLE: Final = (
    _ROW("I10", "inclusive_loan_balance", "普惠型小微企业贷款余额", "fen", (), _BANK, "daily", structure.inclusive_balance),
    _ROW("I11", "unsecured_loan_share", "信用贷款占比", "ratio", ("C1.2", "C16.7"), _BANK, "monthly", structure.unsecured_share),
    _ROW("I12", "unsecured_borrower_count", "获得信用贷款户数", "households", ("C1.3",), _BANK, "monthly", structure.unsecured_borrowers),
    _ROW("I16", "medium_long_term_share", "中长期贷款占比", "ratio", ("C11.5",), _BANK, "quarterly", structure.long_share),
    _ROW("I21", "npr_balance", "无还本续贷余额", "fen", ("C3.8",), _LOCAL, "daily", renewal.balance),
    _ROW("I22", "npr_balance_qoq", "无还本续贷余额环比", "ratio", ("C3.8",), _LOCAL, "quarterly", renewal.quarterly_change),
    _ROW("I23", "npr_balance_bridge", "无还本续贷余额变动分解", "fen", ("C3.8",), _ONE, "quarterly", renewal.bridge_figure),
    _ROW("I24", "npr_issued", "无还本续贷累放", "fen", ("C11.5",), _ONE, "monthly", renewal.granted),
    _ROW("I26", "renewal_balance_share", "续贷转贷占比（余额）", "ratio", ("C3.1",), _ONE, "quarterly", structure.renewed_share),
    _ROW("I34", "inclusive_loan_growth", "普惠型小微贷款增速", "ratio", (), _BANK, "monthly", growth.inclusive_growth),
    _ROW("I35", "large_bank_inclusive_growth", "国有大型银行年增速", "ratio", ("C4.3",), _BANK, "monthly", growth.large_bank_growth),
    _ROW("I36", "two_increase_growth_gap", "两增—增速差", "pp", ("C4.4",), _LOCAL, "monthly", growth.two_increase_growth),
    _ROW("I37", "two_increase_household_gap", "两增—户数差", "households", ("C4.4",), _LOCAL, "monthly", growth.two_increase_households),
    _ROW("I38", "sme_growth_gap", "小微增速差（全口径）", "pp", ("P8.1a",), _ONE, "quarterly", growth.full_scope_growth),
    _ROW("I39", "sme_household_gap", "小微户数差", "households", ("P8.1b",), _ONE, "quarterly", growth.full_scope_households),
    _ROW("I101", "reporting_lag", "报送时滞", "days", (), _ONE, "hourly", quality.reporting_lag),
    _ROW("I103", "reconciliation_gap", "对账差", "fen", (), ("institution", "indicator"), "monthly", quality.reconciliation),
    _ROW("I104", "rejected_events", "拒收率", "ratio", (), ("institution", "rule"), "hourly", quality.rejected),
)  # fmt: skip

INDICATORS: Final[Mapping[str, Indicator]] = {row.number: row for row in _TABLE}
"""By number, in the order of the catalogue."""


def find(name: str) -> Indicator:
    """An indicator by number (I21), English name or 中文名; a KeyError names what is not known."""
    for row in _TABLE:
        if name in (row.number, row.name, row.title) or name.upper() == row.number:
            return row
    raise KeyError(name)


__all__ = ["COUNTY", "INDICATORS", "Indicator", "find"]
