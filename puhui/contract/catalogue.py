"""The catalogue of event types: which may come on which topic, and who may send them."""

from typing import Final, get_args

from puhui.contract.customers import CustomerEvent
from puhui.contract.lending import LendingEvent
from puhui.contract.registry import OfficeEvent, PositionReported

LoanTopicEvent = LendingEvent | CustomerEvent | PositionReported
"""What an institution sends, on `loan-events`."""
RegistryTopicEvent = OfficeEvent
"""What an office sends, on `registry-events`."""
Event = LoanTopicEvent | RegistryTopicEvent

LOAN_EVENTS: Final = "loan-events"
REGISTRY_EVENTS: Final = "registry-events"
REJECTED_EVENTS: Final = "rejected-events"
ALERTS: Final = "alerts"
INTEGRITY: Final = "integrity"
"""The heads of the chains of commits, of each book on the days on which it has changed."""


def type_name(event_class: type) -> str:
    """The full type of CloudEvents that one event class stands for."""
    return str(event_class.__struct_config__.tag)  # type: ignore[attr-defined]  # msgspec's own attribute


TYPES: Final[dict[str, type]] = {
    type_name(c): c for c in get_args(LoanTopicEvent) + get_args(RegistryTopicEvent)
}
LOAN_TOPIC_TYPES: Final[frozenset[str]] = frozenset(type_name(c) for c in get_args(LoanTopicEvent))
REGISTRY_TOPIC_TYPES: Final[frozenset[str]] = frozenset(type_name(c) for c in get_args(RegistryTopicEvent))
