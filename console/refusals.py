"""What was refused 退回 and what waits 挂起, by bank: the rule, why, what to do, where it lies, how many."""

from collections import Counter
from dataclasses import dataclass
from typing import Final

import msgspec

from aggregates.store.transaction import ParkedRow, RefusedRow
from console.question import Question
from projections.views import Figures, View
from puhui.contract.rules import RULES, Case
from puhui.policy.periods import HOUR, moment_at

PLACES: Final = 20
"""The latest refusals listed of one bank and rule."""
WAITING: Final = 100
"""The events that wait listed of one bank."""
_UNKNOWN: Final = "来源不明"


@dataclass(frozen=True, slots=True)
class Reason:
    """One way in which the rule is broken, and what its sender can do."""

    why: str
    what_to_do: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """One refused event: the reason that was given, when, where it lies, and the field."""

    reason: Reason
    at: str
    place: str
    field: str


@dataclass(frozen=True, slots=True)
class Refused:
    """All refusals of one bank by one rule: how many, and the latest ones."""

    rule: str
    count: int
    latest: tuple[Refusal, ...]


@dataclass(frozen=True, slots=True)
class Parked:
    """One event that waits."""

    rule: str
    reason: Reason
    since: str
    until: str
    place: str


@dataclass(frozen=True, slots=True)
class Book:
    """One bank, or those whose sender is not known."""

    id: str
    name: str
    refused_count: int
    refused: tuple[Refused, ...]
    parked_count: int
    parked: tuple[Parked, ...]


@dataclass(frozen=True, slots=True)
class Refusals:
    """The whole page."""

    known: str
    books: tuple[Book, ...]
    taken: int
    """Events accepted up to then."""
    counted: str
    """Up to when events are counted: the last full hour, as the store counts by the hour; empty for `now`."""


def refusals(figures: Figures, question: Question) -> Refusals:
    """Counts and refusals up to the last hour that was over at the instant asked for, for `now` up to now.

    What waits is what waits now and had come by the instant; banks have the names that were known then.
    """
    asked = question.known_at
    waits = figures.store.parked()
    instant = _newest(figures, waits) if asked is None else asked
    hours = (instant + 1) // HOUR  # the last instant of an hour holds all of it
    until, last = (instant + 1, 1 << 62) if asked is None else (hours * HOUR, hours - 1)
    taken, counts = _counted(figures, last)
    waiting: dict[str, list[ParkedRow]] = {}
    for row in waits:
        if row.since <= instant:
            waiting.setdefault(row.book, []).append(row)
    known = figures.institutions(View(0, instant))
    books = [
        Book(
            book, known[book].name if book in known else _UNKNOWN, counts.get(book, Counter()).total(),
            _refused(figures, book, counts.get(book, Counter()), until), len(waiting.get(book, ())),
            tuple(map(_parked, waiting.get(book, ())[:WAITING])),
        )
        for book in sorted(counts.keys() | waiting.keys())
    ]  # fmt: skip
    return Refusals(
        _minute(instant) if instant else "—", tuple(books), taken, "" if asked is None else _minute(until)
    )


def _newest(figures: Figures, waits: list[ParkedRow]) -> int:
    """The latest instant of which there is news: what is refused or waits is in no book."""
    refused = (row.at for row in figures.store.refused(limit=1))
    return max((figures.latest_instant(), *refused, *(row.since for row in waits)))


def _counted(figures: Figures, last: int) -> tuple[int, dict[str, Counter[str]]]:
    """Up to that hour: how many events were accepted, and of each book how many were refused by rule."""
    taken, counts = 0, dict[str, Counter[str]]()
    for book, result, rule, events in figures.counted(last=last):
        taken += events * (result == "accepted")
        if result == "refused":
            counts.setdefault(book, Counter())[rule] += events
    return taken, counts


def _refused(figures: Figures, book: str, counts: Counter[str], until: int) -> tuple[Refused, ...]:
    rows = [row for row in figures.store.refused(book) if row.at < until]
    return tuple(
        Refused(rule, count, tuple(_refusal(row) for row in rows if row.rule == rule)[:PLACES])
        for rule, count in sorted(counts.items())
    )


def _refusal(row: RefusedRow) -> Refusal:
    return Refusal(_given(row.rule, row.said), _minute(row.at), place(row.place), row.field)


def _given(number: str, said: str) -> Reason:
    """The reason that an answer gave, or will give; where the store did not keep it, nothing is made up."""
    rule = RULES.get(number)
    if rule is None or not said:
        return Reason("原因见退回消息", "")
    name, values, *_ = msgspec.json.decode(said)
    return _reason(rule.case(name), values)


def _reason(case: Case, values: dict[str, str]) -> Reason:
    """The case with its values."""
    return Reason(case.reason.render("zh", values), case.what_to_do.render("zh", values))


def _parked(row: ParkedRow) -> Parked:
    return Parked(
        row.rule, _given(row.rule, row.values), _minute(row.since), _minute(row.until), place(row.place)
    )


def _minute(instant: int) -> str:
    return f"{moment_at(instant):%Y-%m-%d %H:%M}"


def place(text: str) -> str:
    """Where the event lies in the log: topic, partition, offset."""
    topic, partition, offset = (*text.split("/"), "", "")[:3]
    return f"{topic} 分区{partition} 第{offset}条" if offset else text
