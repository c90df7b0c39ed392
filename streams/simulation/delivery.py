"""When a bank's facts are published: the day after, some late, some twice, some first wrong and put right."""

from collections import Counter
from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from random import Random
from typing import NamedTuple

from streams.simulation.days import DAY_US, Quarter, month_end, ordinal
from streams.simulation.loans import Fact

_LATE, _TWICE, _REVERSED, _CORRECTED = 0.0145, 0.0052, 0.0055, 0.0022
"""Chances of a fact that may be late, twice, or wrong at first: 1 %, 0.5 % and 0.3 % of all come out."""
_FAR = 10**6
_LEGS = 2
"""Days that lie at most between the two legs of a renewal."""
_SECOND = 1_000_000
_TWICE_SENT = ("GG", ordinal(2023, 11, 30))


class Sent(NamedTuple):
    """One fact on its way: when it is published, and in which environment when not the county's own."""

    recorded: int
    fact: Fact
    environment: str = ""


def deliver(facts: list[Fact], number: int, short: str, quarter: Quarter | None, rng: Random) -> list[Sent]:
    """Give every fact of a quarter its time; facts of one day keep their order.

    A late fact never comes after the next one of the same loan, nor after the reports of its month and quarter; and
    the first leg of a renewal, behind its second one, soon enough for that to wait.
    """
    facts.sort(key=lambda fact: fact.day)
    last = quarter.end if quarter else 0
    told: dict[str, int] = {}
    found: list[Sent] = []
    for fact, gap, moment in zip(facts, _gaps(facts), _moments(facts, number), strict=True):
        if fact.recorded:
            found.append(Sent(fact.recorded, fact))
            continue
        day = fact.day
        chance = rng.random()
        room = min(gap - 1, last - day, _month_end(day) + 3 - day)
        behind = any(told.get(loan) == day for loan in fact.touches)
        told |= dict.fromkeys(fact.touches, day)
        if chance < _LATE and room >= 1 and fact.touches:
            late = rng.randrange(1, min(20, room) + 1)
            moment += (min(late, _LEGS) if behind else late) * DAY_US
        elif chance > 1 - _REVERSED and room > 6 and _plain(fact):
            found += _first_wrong(fact, moment, rng)
            continue
        elif (
            chance > 1 - _REVERSED - _CORRECTED and room > 10 and fact.type in ("loan.issued", "loan.renewed")
        ):
            fact = _wrong_rate(fact, found, moment, rng)
        found.append(Sent(moment, fact))
        found += _once_more(fact, moment, short, rng)
    return found


def _moments(facts: list[Fact], number: int) -> Iterator[int]:
    """When each fact would be published: the morning after its day, one second apart, or closer on a day of many."""
    sizes = Counter(fact.day for fact in facts)
    places: Counter[int] = Counter()
    start = 6 * 3600 * _SECOND + number * 900 * _SECOND
    for fact in facts:
        day = fact.day
        yield (day + 1) * DAY_US + start + places[day] * min(_SECOND, 880 * _SECOND // sizes[day])
        places[day] += not fact.recorded


def _once_more(fact: Fact, moment: int, short: str, rng: Random) -> list[Sent]:
    """The fact a second time, some hours later: of one day of one bank each, of others a few."""
    if (short, fact.day) == _TWICE_SENT:
        return [Sent(moment + 4 * 3600 * _SECOND, fact)]
    if rng.random() < _TWICE:
        return [Sent(moment + rng.randrange(5, 40 * 3600) * _SECOND, fact)]
    return []


@lru_cache(maxsize=2048)
def _month_end(day: int) -> int:
    found = date.fromordinal(day)
    return month_end(found.year, found.month)


def _gaps(facts: list[Fact]) -> list[int]:
    """Days until the next fact of the same loans, for each."""
    next_day: dict[str, int] = {}
    gaps = [_FAR] * len(facts)
    for n in range(len(facts) - 1, -1, -1):
        fact = facts[n]
        for loan in fact.touches:
            gaps[n] = min(gaps[n], next_day.get(loan, _FAR) - fact.day)
            next_day[loan] = fact.day
    return gaps


def _plain(fact: Fact) -> bool:
    return fact.type == "loan.repaid" and fact.data["kind"] == "scheduled" and _principal(fact) > 1_000_000


def _principal(fact: Fact) -> int:
    found = fact.data["principal_fen"]
    return found if isinstance(found, int) else 0


def _first_wrong(fact: Fact, moment: int, rng: Random) -> list[Sent]:
    """A wrong amount, its reversal some days later, then the right fact."""
    later = moment + rng.randrange(1, 4) * DAY_US
    wrong = {
        **fact.data,
        "principal_fen": _principal(fact) // 20_000 * 10_000,
        "repayment_no": f"{fact.data['repayment_no']}X",
    }
    back = {name: fact.data[name] for name in ("business_date", "institution_id", "branch_no", "loan_no")}
    back |= {"reverses_event_id": f"{fact.id}X", "full": True, "reason": "金额有误"}
    return [
        Sent(moment, fact._replace(id=f"{fact.id}X", data=wrong)),
        Sent(later, fact._replace(id=f"{fact.id}Y", type="loan.reversed", data=back)),
        Sent(later + _SECOND, fact),
    ]


def _wrong_rate(fact: Fact, found: list[Sent], moment: int, rng: Random) -> Fact:
    """The rate is told wrong and corrected some days later; the fact as told first."""
    right = str(fact.data["rate_pct"])
    wrong = f"{float(right) + 0.5:.2f}"
    data = {name: fact.data[name] for name in ("business_date", "institution_id", "branch_no", "loan_no")}
    data |= {"corrects_event_id": fact.id, "field": "rate_pct", "old": wrong, "new": right}
    correction = fact._replace(id=f"{fact.id}C", type="loan.corrected", data=data)
    found.append(Sent(moment + rng.randrange(1, 8) * DAY_US, correction))
    return fact._replace(data={**fact.data, "rate_pct": wrong})
