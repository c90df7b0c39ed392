"""What one table says, the next one knows: every type of event is decided, every fact of a row changes rows."""

from typing import get_args

from aggregates.decide import DECIDERS
from aggregates.evolve import HANDLERS
from aggregates.facts import AnyFact, CustomerFact, LoanFact
from puhui.contract.catalogue import LoanTopicEvent


def test_every_type_of_event_of_a_bank_has_its_decider() -> None:
    assert set(DECIDERS) == set(get_args(LoanTopicEvent))


def test_every_fact_of_a_loan_or_a_customer_has_its_handler() -> None:
    assert set(HANDLERS) == {fact for fact in get_args(AnyFact) if issubclass(fact, (LoanFact, CustomerFact))}
