"""New loans of a quarter: those who paid back borrow again, new customers come, and the plan is met exactly."""

from streams.simulation.amounts import divide, sizes
from streams.simulation.course import Course
from streams.simulation.days import add_months, workday_after, workday_before
from streams.simulation.loans import Customer

_AGAIN = 0.82
_TWO_LOANS = 0.07


def lend(course: Course) -> None:
    """Bring the book to its planned balance and households, the unsecured share close to its plan."""
    book, target, rng = course.book, course.target, course.rng
    again = _borrowing_again(course)
    returning = [entry for entry in again.values() if not entry[0].loans]
    coming = target.households - book.households - len(returning)
    for entry in returning[: max(0, -coming)]:
        del again[entry[0].ref]
    coming = max(0, coming)
    amounts = _amounts(course, [entry[1] for entry in again.values()], coming)
    wishes = [(customer, _soon(course, day), True) for customer, _, day in again.values()]
    wishes += [(course.people.customer(book), _some_day(course), False) for _ in range(coming)]
    lacking = round(target.credit * target.ph) - book.credit
    order = list(range(len(wishes)))
    rng.shuffle(order)
    for n in order:
        (customer, day, known), amount = wishes[n], amounts[n]
        security = "mortgage" if rng.random() < book.parameters.mortgage else "guarantee"
        if amount <= lacking:
            lacking -= amount
            security = "credit"
        if customer.kind in ("small", "micro") or rng.random() > 0.08:
            day = max(workday_before(day), course.quarter.workdays[0])
        if not known:
            course.people.introduce(book, customer, day, amount)
        two = rng.random() < _TWO_LOANS and amount >= 40 and book.inclusive
        for part in (amount // 20 * 10, amount - amount // 20 * 10) if two else (amount,):
            _issue(course, customer, part, day, security, bullet=two)


def _borrowing_again(course: Course) -> dict[str, tuple[Customer, int, int]]:
    """Most of those who paid back in the quarter: how much, and when the last of it."""
    again: dict[str, tuple[Customer, int, int]] = {}
    for customer, principal, day in course.ended:
        if course.rng.random() < _AGAIN and not customer.outside:
            _, paid, latest = again.get(customer.ref, (customer, 0, 0))
            again[customer.ref] = (customer, paid + principal, max(day, latest))
    return again


def _amounts(course: Course, old: list[int], coming: int) -> list[int]:
    """What each borrows: about as much as before, new customers the average, in all what the plan lacks."""
    book, rng = course.book, course.rng
    lacking = course.target.ph - book.balance
    largest = book.largest
    before = [min(amount, 4_000) * rng.uniform(0.92, 1.12) for amount in old]
    average = course.target.ph / course.target.households
    new = [average * size for size in sizes(rng, coming)]
    if new and 0.45 * sum(new) < lacking - sum(before) < 2.2 * sum(new):
        first = round(sum(before) / 10) * 10
        return divide(first, before, largest=largest) + divide(lacking - first, new, largest=largest)
    return divide(lacking, before + new, largest=largest)


def _issue(course: Course, customer: Customer, amount: int, day: int, security: str, bullet: bool) -> None:
    """One new 借据: mostly for a year and repaid at once, else in instalments."""
    book, rng = course.book, course.rng
    chance = rng.random() if book.inclusive else 0.0
    if bullet or chance < 0.75:
        book.issue(day, book.new_loan(customer, amount, day, workday_before(day + 365), security))
        return
    every = 1 if chance < 0.83 else 3
    months = rng.choice((24, 24, 36))
    loan = book.new_loan(customer, amount, day, workday_before(add_months(day, months)), security, every)
    loan.instalment = max(1, amount * every // months)
    loan.next = add_months(day, every)
    book.issue(day, loan)


def _soon(course: Course, day: int) -> int:
    """A working day soon after a loan was paid back, within the quarter."""
    found = workday_after(day + course.rng.choice((0, 0, 1, 1, 2, 4, 7)))
    return found if found <= course.quarter.end else max(day, course.quarter.workdays[-1])


def _some_day(course: Course) -> int:
    """A day of the quarter, the last days of a month more often; 农户 borrow from February to April."""
    rng, quarter = course.rng, course.quarter
    days = quarter.workdays
    if not course.book.inclusive and quarter.number == 1 and rng.random() < 0.7:
        return rng.choice(days[len(days) // 3 :])
    if rng.random() < 0.12:
        end = rng.choice(quarter.month_ends)
        return workday_before(end - rng.randrange(3))
    if rng.random() < 0.05:
        return rng.randrange(quarter.start, quarter.end + 1)
    return rng.choice(days)
