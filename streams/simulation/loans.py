"""A loan 借据, a borrower and a fact told of them, as the simulated banks keep them."""

from typing import NamedTuple

from streams.simulation.terms import Data


class Fact(NamedTuple):
    """One event of a bank, not yet published."""

    day: int
    """The business date."""
    id: str
    type: str
    subject: str
    data: Data
    touches: tuple[str, ...] = ()
    """The loans whose history it is a part of."""
    recorded: int = 0
    """When it is published, in microseconds, where a story fixes it; else 0."""


class Customer:
    """A borrower at one bank."""

    __slots__ = ("agri", "balance", "branch", "kind", "line", "loans", "npr", "outside", "ref")

    def __init__(self, ref: str, kind: str, branch: str, agri: bool) -> None:
        self.ref, self.kind, self.branch, self.agri = ref, kind, branch, agri
        self.balance = self.loans = self.npr = self.line = 0
        self.outside = False
        """The total line is above the limit of 普惠."""


class Loan:
    """One 借据."""

    __slots__ = ("balance", "customer", "depth", "due", "every", "held", "instalment", "kind",
                 "last", "next", "no", "npl", "principal", "refinanced", "security", "since", "start")  # fmt: skip

    def __init__(
        self, no: str, customer: Customer, principal: int, start: int, due: int, security: str
    ) -> None:
        self.no, self.customer, self.principal, self.balance = no, customer, principal, principal
        self.start, self.due, self.security = start, due, security
        self.kind = "new"
        self.depth = self.every = self.instalment = self.last = self.next = self.since = 0
        self.held = self.npl = self.refinanced = False
        """`held`: a story or the collection of bad loans decides about it, not the ordinary course.
        `refinanced`: it was 借新还旧 and is relabelled."""
