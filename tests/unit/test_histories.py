"""The drawn histories are what they claim: valid, decodable, and rich in every situation that is named."""

from collections import Counter
from datetime import date
from itertools import pairwise

from hypothesis import HealthCheck, Phase, settings
from hypothesis import given as forall
from hypothesis import strategies as st

from puhui.contract.codec import Malformed, decode
from tests.events import message
from tests.histories import KINDS, Arrival, History, arrivals, histories
from tests.oracle import POPULATIONS, Oracle

QUARTERS = [date(2021, 12, 31), date(2022, 6, 30), date(2022, 12, 31), date(2023, 6, 30), date(2023, 12, 31)]
arrived = histories().flatmap(lambda history: st.tuples(st.just(history), arrivals(history)))


def test_every_named_situation_occurs_in_a_twentieth_of_the_histories() -> None:
    seen: Counter[str] = Counter()
    drawn = 0

    @settings(
        max_examples=500,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @forall(both=arrived)
    def count(both: tuple[History, Arrival]) -> None:
        nonlocal drawn
        drawn += 1
        seen.update(both[0].kinds | both[1].kinds)

    count()
    assert drawn == 500
    assert set(seen) == KINDS | {"repeated"}
    assert {kind: number for kind, number in seen.items() if number < drawn / 20} == {}


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@forall(history=histories())
def test_a_history_has_three_loans_of_two_customers_in_order_of_business_dates(history: History) -> None:
    days = [event["data"]["business_date"] for event in history.events]
    assert days == sorted(days)
    assert min(days) >= "2021-12-31"
    assert max(days) <= "2023-12-31"
    issued = [event["data"] for event in history.events if "principal_fen" in event["data"]]
    assert len({(data["institution_id"], data["loan_no"]) for data in issued}) >= 3
    assert len({data["customer_ref"] for data in issued if "customer_ref" in data}) >= 2
    assert len({event["id"] for event in history.events}) == len(history.events)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@forall(history=histories())
def test_every_event_of_a_history_is_understood_by_the_contract(history: History) -> None:
    for event in history.events:
        record = message(event)
        assert not isinstance(decode(record.topic, record.value), Malformed)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@forall(both=arrived)
def test_an_arrival_brings_every_event_and_keeps_what_must_follow_a_reversal(
    both: tuple[History, Arrival],
) -> None:
    history, arrival = both
    ids = [record.event["id"] for record in arrival.messages]
    assert set(ids) == {event["id"] for event in history.events}
    assert all(ids.index(earlier) < ids.index(later) for later, earlier in history.needs)
    assert all(record.key.decode() == record.event["data"]["institution_id"] for record in arrival.messages)


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@forall(both=arrived)
def test_the_oracle_does_not_see_the_order_of_arrival(both: tuple[History, Arrival]) -> None:
    history, arrival = both
    told, heard = Oracle(history.events), Oracle(record.event for record in arrival.messages)
    for institution in told.institutions():
        for population in POPULATIONS:
            for after, until in pairwise(QUARTERS):
                window = institution, population, after, until
                assert told.bridge(*window) == heard.bridge(*window)
                assert told.balance(institution, population, until) == heard.balance(
                    institution, population, until
                )
                assert told.customers(institution, population, until) == heard.customers(
                    institution, population, until
                )
