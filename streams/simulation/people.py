"""Who borrows in the county: synthetic customers, some of them known at two banks."""

from random import Random

from streams.simulation.book import Book
from streams.simulation.days import iso
from streams.simulation.loans import Customer
from streams.simulation.plan import DIVISION, organisation_code
from streams.simulation.terms import Data

_KINDS = {
    "rural_commercial": (("micro", "small", "individual", "owner"), (25, 8, 45, 22)),
    "village_bank": (("micro", "small", "individual", "owner"), (25, 5, 48, 22)),
    "micro_lender": (("farmer", "other"), (55, 45)),
}
_ORDINARY = (("micro", "small", "individual", "owner"), (40, 14, 22, 24))
_INDUSTRIES = ("C", "F", "F", "F", "G", "H", "A", "E", "O")
_KNOWN_ELSEWHERE = 0.117


class People:
    """The county's borrowers; organisations have check-valid codes, persons keyed references."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._organisations = 20_000
        self._known: list[tuple[str, str, bool]] = []

    def customer(self, book: Book) -> Customer:
        """Somebody who does not borrow in this book yet."""
        rng = self._rng
        branch = f"{book.institution.short}{rng.randrange(1, book.parameters.branches + 1):02d}"
        banks = book.inclusive and book.institution.kind != "micro_lender"
        if banks and self._known and rng.random() < _KNOWN_ELSEWHERE:
            ref, kind, agri = rng.choice(self._known)
            if ref not in book.refs:
                book.refs.add(ref)
                return Customer(ref, kind, branch, agri)
        if not book.inclusive and book.institution.kind == "rural_commercial":
            kind = "farmer"
        else:
            kinds, weights = _KINDS.get(book.institution.kind, _ORDINARY)
            kind = rng.choices(kinds, weights)[0]
        agri = kind == "farmer" or rng.random() < 0.45
        if kind in ("small", "micro"):
            self._organisations += rng.randrange(1, 40)
            ref = organisation_code("91", self._organisations)
        else:
            ref = f"p1:{rng.getrandbits(128):032x}"
        book.refs.add(ref)
        if banks:
            self._known.append((ref, kind, agri))
        return Customer(ref, kind, branch, agri)

    def introduce(self, book: Book, customer: Customer, day: int, amount: int) -> None:
        """A part of the customers comes with a profile, a part of the enterprises with a line."""
        enterprise = customer.kind in ("small", "micro")
        if self._rng.random() < (0.3 if enterprise else 0.05):
            self._profile(book, customer, day)
        if enterprise and self._rng.random() < 0.35:
            book.tell_line(day, customer, min(10_000, -(-amount * 14 // 1000) * 100))

    def _profile(self, book: Book, customer: Customer, day: int) -> None:
        """客户画像 of a new customer."""
        data: Data = {
            "business_date": iso(day),
            "institution_id": book.institution.usc,
            "branch_no": customer.branch,
            "division_code": DIVISION,
            "customer_ref": customer.ref,
            "customer_kind": customer.kind,
            "valid_from": iso(day),
            "industry": self._rng.choice(_INDUSTRIES),
            "agri": customer.agri,
        }
        if customer.kind in ("small", "micro"):
            data["enterprise_size"] = customer.kind
        book.tell(day, "customer.profile_changed", f"customer/{customer.ref}", data)
