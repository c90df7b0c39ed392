"""Orders of arrival: any order, some events twice, in batches of any size."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from tests.events import Event, Message, message
from tests.histories.lives import History


@dataclass(frozen=True)
class Arrival:
    """The records of a history as they arrive, batch by batch."""

    batches: tuple[tuple[Message, ...], ...]
    kinds: frozenset[str]

    @property
    def messages(self) -> tuple[Message, ...]:
        return tuple(record for batch in self.batches for record in batch)


@st.composite
def arrivals(draw: Any, history: History) -> Arrival:
    """The history in any order, but for what must come after a reversal; some events again; in batches."""
    shuffled = draw(st.permutations(history.events))
    order = _after_what_they_need(shuffled, history.needs)
    places = st.integers(0, len(order) - 1)
    again = draw(st.lists(st.tuples(places, places), max_size=6))
    for first, later in again:
        order.insert(max(first, later) + 1, order[min(first, later)])
    cuts = sorted(draw(st.sets(st.integers(1, len(order)), max_size=5)) | {0, len(order)})
    records = [message(event) for event in order]
    batches = tuple(tuple(records[start:end]) for start, end in pairwise(cuts))
    return Arrival(batches, frozenset({"repeated"} if again else ()))


def _after_what_they_need(events: Iterable[Event], needs: Iterable[tuple[str, str]]) -> list[Event]:
    """The same order, in which an event that came too early comes as soon as it may."""
    missing: dict[str, set[str]] = {}
    for later, earlier in needs:
        missing.setdefault(later, set()).add(earlier)
    order: list[Event] = []
    there: set[str] = set()
    waiting: list[Event] = []
    for event in events:
        waiting.append(event)
        ready = True
        while ready:
            ready = False
            for candidate in waiting:
                if missing.get(candidate["id"], set()) <= there:
                    waiting.remove(candidate)
                    order.append(candidate)
                    there.add(candidate["id"])
                    ready = True
                    break
    return order
