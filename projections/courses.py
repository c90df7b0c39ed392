"""Courses 走势 of balances: at the close of every day, for a book and a population as known at a version.

Whoever judges or shows asks for each version anew: a course goes on from the last one that was asked for, so that it
costs what has been committed since, not what was ever committed.
"""

from typing import Final, NamedTuple

import numpy as np

from projections.ledger import Ledger
from projections.sums import Ints

DAYS_KEPT: Final = 1_000_000
"""Days of all courses that are kept, at 8 bytes each: a course is as long as the dates that its bank has told are apart."""


class Course(NamedTuple):
    """The sum at the close of the first day on which anything moved, and of every later one up to the last."""

    first: int
    sums: Ints

    def at(self, day: int) -> int:
        """The sum at the close of a day."""
        if day < self.first or not len(self.sums):
            return 0
        return int(self.sums[min(day - self.first, len(self.sums) - 1)])


NOTHING: Final = Course(0, np.zeros(0, dtype=np.int64))
"""The course in which nothing has moved yet."""


class Courses:
    """The courses of one ledger's books; those that were asked for last are kept."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._kept: dict[tuple[str, str, str, int], Course] = {}
        self._last: dict[tuple[str, str, str], int] = {}
        self._days = 0

    def of(self, book: str, population: str, version: int, column: str = "amount") -> Course:
        """B(population, t) in fen for every day t, as known at a version; of `loans`: the number of 借据 with a balance."""
        columns = self._ledger.books.get(book)
        key = (book, population, column, min(version, columns.last) if columns else 0)
        found = self._kept.get(key)
        if found is None:
            found = self._going_on(key)
            self._keep(key, found)
        return found

    def _going_on(self, key: tuple[str, str, str, int]) -> Course:
        book, population, column, version = key
        last = self._last.get(key[:3], 0)
        before = self._kept.get((*key[:3], last), NOTHING) if last <= version else NOTHING
        after = last if before is not NOTHING else 0
        return joined(before, Course(*self._ledger.daily(book, population, version, column, after)))

    def _keep(self, key: tuple[str, str, str, int], course: Course) -> None:
        self._days += len(course.sums)
        if self._days > DAYS_KEPT:
            self._kept, self._last, self._days = {}, {}, len(course.sums)
        self._kept[key] = course
        self._last[key[:3]] = max(key[3], self._last.get(key[:3], 0))


def joined(one: Course, other: Course) -> Course:
    """The sum of two courses, day by day."""
    if not len(other.sums) or not len(one.sums):
        return one if len(one.sums) else other
    first = min(one.first, other.first)
    last = max(one.first + len(one.sums), other.first + len(other.sums))
    sums = np.zeros(last - first, dtype=np.int64)
    for course in (one, other):
        begin, end = course.first - first, course.first - first + len(course.sums)
        sums[begin:end] += course.sums
        sums[end:] += course.sums[-1]
    return Course(first, sums)
