"""What an institution reported 余额报送, as deciding about a further report asks for it: little of each, however many."""

from array import array
from bisect import bisect_left
from collections.abc import Iterable

from aggregates.facts import PositionReported
from aggregates.pairs import Pairs


class ReportedPositions:
    """The reports of one book: the content of each in some 20 bytes, and of each key and measure one amount a day.

    What is asked for costs a search, not a look at all of them.
    """

    def __init__(self, facts: Iterable[PositionReported] = ()) -> None:
        """`facts` in their order of arrival, at least those of one day."""
        self._contents = Pairs()
        self._amounts: dict[tuple[str, str], _Amounts] = {}
        for fact in facts:
            self.add(fact)

    def add(self, fact: PositionReported) -> None:
        """A report is taken in; nothing is held against one whose unit is suspected (V49)."""
        self._contents.add(fact.event, fact.content)
        if not fact.suspect:
            self._amounts.setdefault((fact.key, fact.measure), _Amounts()).put(fact.as_of, fact.amount)

    def content(self, event: int) -> int | None:
        """The checksum of the content of an event that was taken in; None where it was not."""
        return next(iter(self._contents.seconds(event)), None)

    def of(self, key: str, measure: str, day: int) -> int | None:
        """What was reported last for that very day, that is not suspected; None where nothing was."""
        amounts = self._amounts.get((key, measure))
        return amounts.of(day) if amounts else None

    def before(self, key: str, measure: str, day: int) -> int:
        """What was reported for the last earlier day, that is not suspected; 0 where nothing was.

        Of several reports for one day the last stands: the corrected one, not the mistake.
        """
        amounts = self._amounts.get((key, measure))
        return amounts.before(day) if amounts else 0


class _Amounts:
    """An amount a day, by day."""

    def __init__(self) -> None:
        self._days, self._amounts = array("i"), array("q")

    def put(self, day: int, amount: int) -> None:
        at = bisect_left(self._days, day)
        if at < len(self._days) and self._days[at] == day:
            self._amounts[at] = amount
        else:
            self._days.insert(at, day)
            self._amounts.insert(at, amount)

    def of(self, day: int) -> int | None:
        at = bisect_left(self._days, day)
        return self._amounts[at] if at < len(self._days) and self._days[at] == day else None

    def before(self, day: int) -> int:
        at = bisect_left(self._days, day)
        return self._amounts[at - 1] if at else 0
