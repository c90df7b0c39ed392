"""Deciding 判定 in a worker: what an event means for its book now, once it may have to wait for an office."""

from typing import Any, Final, cast

import msgspec

from aggregates.book import Book
from aggregates.decide import decide, extension_as_told
from aggregates.facts import AnyFact
from aggregates.outcomes import Known, Outcome, Parked
from aggregates.store.transaction import ParkedRow
from streams.arrival import Arrived
from streams.holding import HoldBack

_OLD_DUE: Final = "data.old_due_on"
"""What an extension has waited for in vain (V17): where it is held back then, the field that its row names."""


class Decider:
    """Decides events, and changes nothing."""

    def __init__(self, hold_back: HoldBack) -> None:
        self._hold_back = hold_back

    def decide(self, book: Book, arrived: Arrived, known: Known) -> Outcome:
        """What the event means for its book now: to wait, where it is held back."""
        outcome = decide(cast(Any, arrived.event), arrived.hashes, book, known)
        return (self._hold_back.held(book, outcome, known) or outcome) if type(outcome) is tuple else outcome

    def decide_again(self, book: Book, row: ParkedRow, arrived: Arrived, known: Known) -> Outcome:
        """What a parked event means now: an extension does not wait for its old due date a second time."""
        outcome = self.decide(book, arrived, known)
        if isinstance(outcome, Parked) and outcome.rule == "V17" and row.rule == "V07":
            *_, field = msgspec.json.decode(row.values)
            return self.decide_as_told(book, arrived, known) if field == _OLD_DUE else outcome
        return outcome

    def decide_as_told(self, book: Book, arrived: Arrived, known: Known) -> tuple[AnyFact, ...] | Parked:
        """What an extension means that has waited for its old due date in vain: it is taken at its word, or held back."""
        facts = extension_as_told(arrived.event, arrived.hashes)
        held = self._hold_back.held(book, facts, known)
        return facts if held is None else msgspec.structs.replace(held, field=_OLD_DUE)
