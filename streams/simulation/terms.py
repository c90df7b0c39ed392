"""The terms of a loan 借据, as the events tell them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from streams.simulation.days import iso

if TYPE_CHECKING:
    from streams.simulation.book import Book
    from streams.simulation.loans import Loan

Data = dict[str, object]
"""The data of one event, as JSON will have them."""

KINDS = {"new": "new", "npr": "no_principal_renewal", "part": "partial_renewal", "refi": "refinance"}
"""Our short names of issuance kinds."""
_METHODS = {0: "bullet", 1: "monthly", 3: "quarterly"}
_RATE_ABOVE = {2020: 0.75, 2021: 0.6, 2022: 0.45, 2023: 0.2, 2024: 0.0, 2025: -0.1}
"""Rates fall from year to year."""


class Renewal(NamedTuple):
    """How a renewal is done."""

    mode: str
    signed: int
    increase: int = 0
    legs: str = "one"
    """`one`, or two legs: `first first` or `second first`."""


def fen(thousands: int) -> int:
    """Thousands of yuan as fen."""
    return thousands * 100_000


def terms(book: Book, loan: Loan) -> Data:
    """What every event of a new 借据 tells of it."""
    customer = loan.customer
    months = max(1, round((loan.due - loan.start) / 30.4375))
    year = min(2025, max(2020, int(iso(loan.start)[:4])))
    rate = book.parameters.rate + _RATE_ABOVE[year] + book.rng.randrange(-20, 21) / 100
    data: Data = {
        "customer_ref": customer.ref,
        "customer_kind": customer.kind,
        "principal_fen": fen(loan.principal),
        "disbursed_on": iso(loan.start),
        "original_due_on": iso(loan.due),
        "main_security": loan.security,
        "term_months": months,
        "rate_pct": f"{rate:.2f}",
        "rate_base": "LPR",
        "repayment_method": _METHODS[loan.every],
    }
    if customer.kind in ("small", "micro"):
        data["enterprise_size"] = customer.kind
    if loan.every:
        data["instalments"] = -(-months // loan.every)
    if loan.security != "credit":
        data["security"] = [{"kind": loan.security}]
    if book.inclusive:
        data["inclusive_declared"] = not customer.outside
    if customer.agri:
        data["agri"] = True
        data["inclusive_agri_declared"] = True
    return data
