"""What was refused 退回 and what waits 挂起, by bank: the rule, why, what to do, where it lies, how many."""

from collections import Counter
from dataclasses import dataclass
from typing import Final

import msgspec

from aggregates.store.transaction import ParkedRow
from console.question import Question
from projections.views import Figures, View
from puhui.contract.rules import RULES, Case, Disposition
from puhui.policy.periods import moment_at

PLACES: Final = 20
"""The latest places named of one bank and rule."""
WAITING: Final = 100
"""The events that wait listed of one bank."""
_HOUR: Final = 3_600_000_000
_UNKNOWN: Final = "来源不明"


@dataclass(frozen=True, slots=True)
class Reason:
    """One way in which the rule is broken, and what its sender can do."""

    why: str
    what_to_do: str


@dataclass(frozen=True, slots=True)
class Refused:
    """All refusals of one bank by one rule."""

    rule: str
    count: int
    reasons: tuple[Reason, ...]
    places: tuple[tuple[str, str, str], ...]
    """Instant, place and field of the latest ones."""


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
    """Events accepted up to the instant."""


def refusals(figures: Figures, question: Question) -> Refusals:
    """Counts up to the hour of the instant asked for; what waits is what waits now."""
    instant = figures.latest_instant() if question.known_at is None else question.known_at
    counts: dict[str, Counter[str]] = {}
    taken = 0
    for book, result, rule, hour, events in figures.counted():
        if question.known_at is not None and hour * _HOUR > question.known_at:
            continue
        taken += events * (result == "accepted")
        if result == "refused":
            counts.setdefault(book, Counter())[rule] += events
    waiting: dict[str, list[ParkedRow]] = {}
    for row in figures.store.parked():
        if row.since <= instant:
            waiting.setdefault(row.book, []).append(row)
    known = figures.institutions(View(0))
    books = [
        Book(
            book, known[book].name if book in known else _UNKNOWN, counts.get(book, Counter()).total(),
            _refused(figures, book, counts.get(book, Counter()), instant), len(waiting.get(book, ())),
            tuple(map(_parked, waiting.get(book, ())[:WAITING])),
        )
        for book in sorted(counts.keys() | waiting.keys())
    ]  # fmt: skip
    return Refusals(f"{moment_at(instant):%Y-%m-%d %H:%M}", tuple(books), taken)


def _refused(figures: Figures, book: str, counts: Counter[str], instant: int) -> tuple[Refused, ...]:
    rows = [row for row in figures.store.refused(book) if row.at <= instant]
    return tuple(
        Refused(
            rule, count, tuple(_reasons(rule)),
            tuple((_minute(r.at), place(r.place), r.field) for r in rows if r.rule == rule)[:PLACES],
        )
        for rule, count in sorted(counts.items())
    )  # fmt: skip


def _reasons(number: str) -> list[Reason]:
    """The cases of a rule that end in a refusal: those that refuse, and those whose wait may end in vain."""
    rule = RULES.get(number)
    cases = rule.cases if rule else ()
    ending = [c for c in cases if c.disposition in (Disposition.REJECT, Disposition.PARK)]
    return [_reason(case, {}) for case in ending]


def _reason(case: Case, values: dict[str, str]) -> Reason:
    """The case with its values; what the store did not keep is left open."""
    texts = (case.reason, case.what_to_do)
    why, todo = (text.render("zh", {**dict.fromkeys(text.placeholders, "…"), **values}) for text in texts)
    return Reason(why, todo)


def _parked(row: ParkedRow) -> Parked:
    name, values, *_ = msgspec.json.decode(row.values)
    rule = RULES.get(row.rule)
    reason = _reason(rule.case(name), values) if rule else Reason("", "")
    return Parked(row.rule, reason, _minute(row.since), _minute(row.until), place(row.place))


def _minute(instant: int) -> str:
    return f"{moment_at(instant):%Y-%m-%d %H:%M}"


def place(text: str) -> str:
    """Where the event lies in the log: topic, partition, offset."""
    topic, partition, offset = (*text.split("/"), "", "")[:3]
    return f"{topic} 分区{partition} 第{offset}条" if offset else text
