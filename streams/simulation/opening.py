"""期初存量: the loans that were alive on 2021-12-31."""

from streams.simulation.amounts import divide, sizes
from streams.simulation.badloans import NPL, BadLoans
from streams.simulation.book import Book
from streams.simulation.days import OPENING, QUARTERS, add_months, iso, workday_before
from streams.simulation.loans import Customer, Loan
from streams.simulation.people import People
from streams.simulation.terms import KINDS, fen, terms

_DUE = (28, 22, 18, 32)
_FARMERS_DUE = (33, 25, 16, 26)
_RENEWED = {6_000: 1_060, 2_100: 320}
"""The size of a renewal at the opening where the stories' loans are so much, in thousands of yuan; else it is 380."""


def open_book(book: Book, bad: BadLoans, people: People) -> None:
    """Tell every loan alive on the opening day; together they are the plan's opening figures."""
    own = book.parameters
    planned = {"CS": 6_000, "GN": 3_000, "CZ": 2_100}.get(book.institution.short, 0) if book.inclusive else 0
    if sum(loan.balance for loan in _stories(book, people)) != planned:
        raise ValueError("the stories' loans are not as planned")
    npr = (own.npr[0] if own.npr else 0) - planned
    npl = round(own.ph[1] * own.npl / 100)
    renewed = max(1, round(npr / _RENEWED.get(planned, 380))) if npr else 0
    broken = max(1, round(npl / min(400, own.ph[1] / own.households[0])))
    others = own.households[0] - renewed - broken - book.households
    _renewals(book, people, npr, renewed)
    _bad_loans(book, people, npl, broken, bad)
    _ordinary(book, people, own.ph[1] - npr - planned - npl, others)


def _renewals(book: Book, people: People, amount: int, customers: int) -> None:
    """无还本续贷, one a customer."""
    largest = 800 if book.institution.short == "CZ" else 2_400
    for part in divide(amount, sizes(book.rng, customers, 0.5), largest=largest):
        loan = _loan(book, people.customer(book), part, _due(book), book.parameters.credit[0])
        loan.kind, loan.depth = "npr", book.rng.choice((1, 1, 1, 2, 2, 3))
        _tell(book, loan)


def _bad_loans(book: Book, people: People, amount: int, customers: int, bad: BadLoans) -> None:
    """不良贷款, overdue for months by then."""
    for part in divide(amount, sizes(book.rng, customers, 0.5)):
        since = OPENING - book.rng.randrange(95, 500)
        loan = _loan(book, people.customer(book), part, since - 1, 0.05)
        loan.npl = True
        bad.take(loan, since, OPENING)
        _tell(book, loan)


def _ordinary(book: Book, people: People, amount: int, customers: int) -> None:
    """All other loans: some customers have two, some loans are paid back in instalments."""
    own, rng = book.parameters, book.rng
    for whole in divide(amount, sizes(rng, customers), largest=book.largest):
        customer = people.customer(book)
        people.introduce(book, customer, OPENING, whole)
        lacking = own.credit[0] * own.ph[1] - book.credit
        wish = min(1.0, max(0.0, lacking / max(1, own.ph[1] - book.balance)))
        two = rng.random() < 0.07 and whole >= 40 and book.inclusive
        due = _due(book)
        for part in (whole // 20 * 10, whole - whole // 20 * 10) if two else (whole,):
            loan = _loan(book, customer, part, due, wish)
            if not two and book.inclusive and rng.random() < 0.27:
                _in_instalments(book, loan)
            _tell(book, loan)


def _stories(book: Book, people: People) -> list[Loan]:
    """Loans whose fate the stories fix."""
    if not book.inclusive:
        return []
    planned = {
        "CS": ((6_000, "2022-05-20"),),
        "GN": ((3_000, "2022-12-15"),),
        "CZ": ((900, "2022-06-15"), (400, "2022-11-09"), (400, "2022-11-10"), (400, "2022-11-11")),
    }.get(book.institution.short, ())
    found = []
    for amount, due in planned:
        day = next(day for day in range(OPENING, OPENING + 366) if iso(day) == due)
        loan = _loan(book, people.customer(book), amount, day, 0.0)
        loan.kind, loan.depth, loan.held = "npr", 1, True
        _tell(book, loan)
        found.append(loan)
    book.stories = found
    return found


def _due(book: Book) -> int:
    quarter = QUARTERS[book.rng.choices(range(4), _DUE if book.inclusive else _FARMERS_DUE)[0]]
    return book.rng.choice(quarter.workdays)


def _loan(book: Book, customer: Customer, amount: int, due: int, credit: float) -> Loan:
    rng = book.rng
    security = "mortgage" if rng.random() < book.parameters.mortgage else "guarantee"
    if rng.random() < credit:
        security = "credit"
    return book.new_loan(customer, amount, workday_before(due - 364), due, security)


LARGEST = 10_000
"""In thousands of yuan: where no line is told, the principal stands for it, and 普惠 ends at 10,000,000 yuan."""


def _in_instalments(book: Book, loan: Loan) -> None:
    """Turn a loan into one of two or three years, partly paid back."""
    rng = book.rng
    loan.every = rng.choice((1, 3, 3))
    months = rng.choice((24, 36))
    done = rng.randrange(1, months - 4)
    loan.start = workday_before(add_months(OPENING, -done) - rng.randrange(25))
    loan.due = workday_before(add_months(loan.start, months))
    left = max(1, (months - done) // loan.every)
    loan.instalment = max(1, loan.balance // left)
    paid = loan.instalment * (done // loan.every)
    loan.principal = max(loan.balance, min(loan.balance + paid, LARGEST))
    loan.next = add_months(loan.start, loan.every)
    while loan.next <= OPENING:
        loan.next = add_months(loan.next, loan.every)


def _tell(book: Book, loan: Loan) -> None:
    amount = loan.balance
    book.move(OPENING, loan, amount)
    data = terms(book, loan)
    data["outstanding_fen"] = fen(amount)
    data["as_of"] = iso(OPENING)
    data["current_due_on"] = iso(loan.due)
    data["issuance_kind"] = KINDS[loan.kind]
    data["class"] = "normal"
    if loan.kind == "npr":
        data["chain_depth"] = loan.depth
    if loan.npl:
        past = OPENING - loan.since
        data["class"] = NPL[(past >= 200) + (past >= 330)]
        data["overdue_since"] = iso(loan.since)
        data["overdue_principal_fen"] = fen(amount)
    book.tell_loan(OPENING, "loan.opening_balance", loan, data)
