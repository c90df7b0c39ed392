"""What the institution reports each month, and the wrong figures among it that must raise an alert."""

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import accumulate
from typing import Final

from tests.benchmarks.stories import Sums
from tests.benchmarks.wire import FIRST_DAY, Teller, iso

SENT_AFTER: Final = 22
"""Days after the end of a month: by then what comes late has come, so a right figure ties out."""
_COOPERATIVES_FROM: Final = (date(2025, 1, 1) - FIRST_DAY).days
_GAP: Final = 12_340_000


def month_ends(days: int) -> Iterator[int]:
    """The last business day of each month that ends before the last day."""
    day = FIRST_DAY
    while True:
        following = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
        end = (following - FIRST_DAY).days - 1
        if end >= days:
            return
        yield end
        day = following


def position(key: str, day: int, ten_thousands: str) -> str:
    """The data of one reported balance in 万元."""
    return f'"as_of":"{iso(day)}","key":"{key}","value":"{ten_thousands}","unit":"万元","kind":"tie_out"'


def ten_thousands(fen: int) -> str:
    """Fen in 万元 with two decimals."""
    return f"{fen // 1_000_000}.{fen % 1_000_000 // 10_000:02d}"


def report(teller: Teller, sums: Sums) -> dict[str, int]:
    """Tell all reports of one institution; how many of them are wrong by kind."""
    planted = {"ReconciliationGap": 0, "UnitSuspected": 0}
    for key, moved in sums.moved.items():
        changes = [moved.get(day, 0) for day in range(teller.days)]
        if key == "PH" and teller.days > _COOPERATIVES_FROM:
            before = sum(fen for day, fen in sums.cooperative.items() if day < _COOPERATIVES_FROM)
            changes[_COOPERATIVES_FROM] += before
            for day, fen in sums.cooperative.items():
                if day >= _COOPERATIVES_FROM:
                    changes[day] += fen
        balances, earlier = list(accumulate(changes)), 0
        for month, day in enumerate(month_ends(teller.days - SENT_AFTER)):
            value = balances[day]
            chance = (teller.number * 7 + month * 5 + len(key)) % 97
            if chance == 3 and earlier:
                value, wrong = earlier * 10_000, "UnitSuspected"
            elif chance in (11, 59):
                value, wrong = value + _GAP, "ReconciliationGap"
            else:
                wrong, earlier = "", value // 10_000 * 10_000
            planted[wrong] = planted.get(wrong, 0) + 1
            data = position(key, day, ten_thousands(value))
            teller.tell(day + SENT_AFTER, "position.reported", data, late=False)
    planted.pop("", None)
    return planted
