"""余额报送: what the banks report as totals, as bases before the opening and to tie out with."""

from itertools import pairwise

from streams.simulation.book import Book
from streams.simulation.days import Quarter, iso, month_end, ordinal, workday_after
from streams.simulation.plan import Institution
from streams.simulation.stories import hour
from streams.simulation.targets import all_loans, base_ph, full_scope, month_all_loans
from streams.simulation.terms import Data

_MONTHLY, _QUARTERLY = 5, 12
"""Days after the end on which the reports of a month and of a quarter are sent."""
_UNKNOWN = {("GN", 2024, 6): 2_000, ("GJ", 2024, 4): -7_000, ("GJ", 2024, 5): -6_000}
"""What a figure lacks when it is reported: a reversal (D08) and a line (D09) become known later."""


def ten_thousands(thousands: int) -> str:
    """Thousands of yuan in 万元 with two decimals."""
    return f"{thousands // 10}.{thousands % 10}0"


class Positions:
    """The reports of one bank."""

    def __init__(self, institution: Institution, book: Book) -> None:
        self._institution, self._own, self._book = institution, institution.parameters, book
        self._ph = self._own.ph[1]
        self._full_customers = 0
        self._bank = institution.kind != "micro_lender"

    def _tell(
        self, as_of: int, key: str, value: str, recorded: int, kind: str, measure: str = "balance"
    ) -> None:
        data: Data = {
            "business_date": iso(as_of),
            "institution_id": self._institution.usc,
            "as_of": iso(as_of),
            "key": key,
            "value": value,
            "unit": "万元" if measure == "balance" else "户",
            "measure": measure,
            "decimals": 2 if measure == "balance" else 0,
            "kind": kind,
        }
        subject = f"position/{self._institution.usc}/{key}/{measure}/{iso(as_of)}"
        self._book.tell(as_of, "position.reported", subject, data, (), recorded)

    def bases(self) -> None:
        """What was before the opening: the quarter ends of 2021 and the end of 2020."""
        recorded = hour(ordinal(2022, 1, 4), 10)
        if not self._bank:
            self._tell(ordinal(2020, 12, 31), "ALL", ten_thousands(self._own.all_loans[0]), recorded, "base")
            return
        last = self._own.households[0]
        for number in range(4):
            as_of = month_end(2021, number * 3) if number else ordinal(2020, 12, 31)
            total = all_loans(self._own, 2021, number) if number else self._own.all_loans[0]
            ratio = base_ph(self._own, number) / self._own.ph[1]
            customers = min(last, round(last * (0.5 + 0.5 * ratio)))
            self._tell(as_of, "PH", ten_thousands(base_ph(self._own, number)), recorded, "base")
            self._tell(as_of, "ALL", ten_thousands(total), recorded, "base")
            self._tell(as_of, "FS", ten_thousands(self._full_scope(2021, number)), recorded, "base")
            self._tell(as_of, "PH", str(customers), recorded, "base", "customers")
            self._tell(as_of, "FS", str(self._customers(customers)), recorded, "base", "customers")

    def _full_scope(self, year: int, number: int) -> int:
        if number:
            return full_scope(self._own, year, number)
        return round(self._own.all_loans[0] * self._own.fs_share / 10) * 10

    def _customers(self, households: int) -> int:
        """全口径 户, which never falls."""
        found = households + 2 + self._own.households[0] // 60
        self._full_customers = max(self._full_customers, found)
        return self._full_customers

    def opening(self) -> None:
        """The reports of 2021-12-31."""
        self._month(2021, 12)
        self._quarter(2021, 4, self._own.ph[1], self._own.households[0], self._own.npr[0])

    def report(self, quarter: Quarter, ph: int, households: int, npr: int) -> None:
        """The reports of a quarter: monthly 各项贷款 and 普惠, at its end everything else."""
        ends = (quarter.start - 1, *quarter.month_ends)
        for number, (before, end) in enumerate(pairwise(ends)):
            self._ph += sum(self._book.ph_moves.pop(day, 0) for day in range(before + 1, end + 1))
            if self._institution.parameters.level == "A":
                self._ph = ph
            self._month(quarter.year, quarter.number * 3 - 2 + number)
        self._quarter(quarter.year, quarter.number, ph, households, npr)

    def _month(self, year: int, month: int) -> None:
        end = month_end(year, month)
        recorded = hour(end + _MONTHLY, 16)
        total = month_all_loans(self._own, year, month)
        wrong = (self._institution.short, year, month) == ("GJ", 2024, 5)
        if wrong:  # D05: 元 in the field of 万元, corrected after two working days
            recorded = hour(workday_after(end + 5), 16)
            self._tell(end, "ALL", f"{total * 1000}.00", recorded, "total")
            self._tell(end, "PH", f"{(self._ph - self._unknown(year, month)) * 1000}.00", recorded, "tie_out")
            recorded = hour(workday_after(workday_after(end + 5) + 2), 10)
        self._tell(end, "ALL", ten_thousands(total), recorded, "total")
        if self._bank:
            if month % 3 == 0:
                recorded = hour(end + _QUARTERLY, 16)
            kind = "total" if self._own.level == "A" else "tie_out"
            known = self._ph - self._unknown(year, month)
            self._tell(end, "PH", ten_thousands(known), recorded, kind)

    def _unknown(self, year: int, month: int) -> int:
        return _UNKNOWN.get((self._institution.short, year, month), 0)

    def _quarter(self, year: int, number: int, ph: int, households: int, npr: int) -> None:
        end = month_end(year, number * 3)
        recorded, total = hour(end + _QUARTERLY, 16), all_loans(self._own, year, number)
        quarters = (year - 2021) * 4 + number
        if self._bank:
            kind = "total" if self._own.level == "A" else "tie_out"
            later = self._unknown(year, number * 3)
            self._tell(end, "PH", str(households), recorded, kind, "customers")
            self._tell(end, "NPR", ten_thousands(npr - later), recorded, kind)
            self._tell(end, "FS", ten_thousands(self._full_scope(year, number)), recorded, "total")
            self._tell(end, "FS", str(self._customers(households)), recorded, "total", "customers")
            if later:  # D08: reported anew on the day of the approval
                again = hour(ordinal(2024, 8, 9), 9)
                self._tell(end, "PH", ten_thousands(ph), again, kind)
                self._tell(end, "NPR", ten_thousands(npr), again, kind)
        bad = max(0.2, self._own.npl - 0.4)
        self._tell(end, "NPL", ten_thousands(round(total * bad / 100)), recorded, "total")
        unsecured = 0.10 + self._own.credit[0] / 4 + 0.0004 * quarters
        self._tell(end, "CREDIT", ten_thousands(round(total * unsecured)), recorded, "total")
