"""The one generator of hostile messages: sound ones of several banks' lives, most of them damaged in some way.

Seeded dice make the same messages again. Thousands a second, in structured and in binary mode, signed and unsigned.
"""

import copy
import json
from collections import deque
from collections.abc import Iterator
from random import Random
from typing import Any, Final, NamedTuple

from aggregates.partitioning import partition_of
from puhui.contract.catalogue import LOAN_EVENTS, LOAN_TOPIC_TYPES, REGISTRY_EVENTS, TYPES
from puhui.contract.examples import example
from puhui.contract.schemas import topic_of
from puhui.contract.signing import SIGNATURE, Key
from puhui.keys import Secrets
from tests.desk import BANK, OTHER_BANK, PERSON
from tests.events import Event, Sender
from tests.hostile.damage import CHANGES, DAMAGES, Headers, disturbed
from tests.references import social_credit_code

SIGNS: Final = OTHER_BANK
"""The bank that must sign; `BANK` need not."""
STRANGER: Final = social_credit_code(3)
"""A bank that no office registers, unless damage turns another's registration into its own."""
SECRETS: Final[Secrets] = {f"urn:puhui:inst:{SIGNS}": {"old": b"old" * 16, "new": b"new" * 16}}
_KEYS: Final = (
    Key("new", b"new" * 16),
    Key("old", b"old" * 16),
    Key("new", b"old" * 16),
    Key("odd", b"odd" * 16),
)
_GOOD_KEYS: Final = 2
_EXAMPLES: Final = {name: example(name) for name in TYPES}
_BANKS_TYPES: Final = tuple(name for name in TYPES if name in LOAN_TOPIC_TYPES)
_OFFICES_TYPES: Final = tuple(name for name in TYPES if name not in LOAN_TOPIC_TYPES)
_CUSTOMERS: Final = (PERSON, *(social_credit_code(number) for number in range(11, 2_011)))
_AT_A_TIME: Final = 9
"""So many customers are spoken of in an era."""
_ERA: Final = 2_000
"""After so many messages the banks speak of other loans and other customers."""


class Wire(NamedTuple):
    """One record as it goes to Kafka."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: Headers


class Hostile:
    """Makes messages, one after the other; `harm` is the share of those that are damaged.

    `offices` is the share of examples that an office publishes, which are kept in memory for good.
    """

    def __init__(
        self, dice: Random, *, partitions: int, environment: str = "test", harm: float = 0.7, offices: float = 0.3
    ) -> None:  # fmt: skip
        self._dice = dice
        self._partitions = partitions
        self._environment = environment
        self._harm = harm
        self._offices = offices
        self._senders = [Sender(bank, environment) for bank in (BANK, SIGNS, STRANGER)]
        self._told: deque[Event] = deque(maxlen=60)
        self.made = 0

    def first(self) -> list[Wire]:
        """What comes before everything else: the office registers two banks."""
        events = [sender.registered() for sender in self._senders[:2]]
        return [self._wire(event, json.dumps(event).encode(), []) for event in events]

    def messages(self, count: int) -> Iterator[Wire]:
        """So many messages."""
        return (self.message() for _ in range(count))

    def message(self) -> Wire:
        """The next message."""
        self.made += 1
        dice = self._dice
        event = self._event()
        if dice.random() >= self._harm:
            return self._sent(event, signed=True)
        event = copy.deepcopy(event)
        for _ in range(dice.choice((0, 1, 1, 1, 2, 3))):
            dice.choice(CHANGES)(dice, event)
        return self._sent(event, signed=dice.random() < 0.7)

    # what is said

    def _event(self) -> Event:
        """One that a bank or an office could publish; sometimes one of the last, or a last one's id."""
        dice, told = self._dice, self._told
        if told and dice.random() < 0.05:
            return dice.choice(told)
        event = self._example() if dice.random() < 0.25 else self._story()
        if told and dice.random() < 0.05:
            event["id"] = dice.choice(told)["id"]
        told.append(event)
        return event

    def _sender(self) -> Sender:
        return self._dice.choices(self._senders, (6, 3, 1))[0]

    def _loan(self) -> str:
        return f"L{self.made // _ERA}-{self._dice.randrange(60)}"

    def _customer(self) -> str:
        place = self.made // _ERA * _AT_A_TIME + self._dice.randrange(_AT_A_TIME)
        return _CUSTOMERS[place % len(_CUSTOMERS)]

    def _day(self) -> str:
        return f"2024-{self._dice.randint(1, 6):02d}-{self._dice.randint(1, 28):02d}"

    def _example(self) -> Event:
        """An example of any type, told by one of the banks of one of its loans, or by an office."""
        types = _OFFICES_TYPES if self._dice.random() < self._offices else _BANKS_TYPES
        bank, name = self._sender().institution, self._dice.choice(types)
        made = _EXAMPLES[name]
        data = made["data"] | {"institution_id": bank}
        if "loan_no" in data:
            data["loan_no"] = [self._loan()] if isinstance(data["loan_no"], list) else self._loan()
        source = f"urn:puhui:inst:{bank}" if topic_of(name) == LOAN_EVENTS else made["source"]
        if "customer_ref" in data:
            data["customer_ref"] = self._customer()
        identity = {"id": f"e{self.made}", "source": source, "environment": self._environment}
        return made | identity | {"data": data}

    def _story(self) -> Event:
        """An event of a loan's life."""
        dice, bank, loan, day = self._dice, self._sender(), self._loan(), self._day()
        customer, amount = self._customer(), int(10 ** dice.uniform(2, 9))
        told = [e for e in self._told if e["source"].endswith(bank.institution) and "loan_no" in e["data"]]
        match dice.randrange(22):
            case 0 | 1 | 2 | 3 | 4:
                return bank.issued(loan, customer, day, amount * 100)
            case 5:
                return bank.opening(loan, customer, day, amount * 100)
            case 6 | 7 | 8 | 9:
                return bank.repaid(loan, day, amount)
            case 10:
                return bank.drawn(loan, day, amount, kind=dice.choice(("draw", "capitalised")))
            case 11:
                return bank.renewed(loan, customer, day, {self._loan(): amount}, mode=dice.choice(_MODES))
            case 12:
                return dice.choice(bank.renewed_in_two_legs(loan, customer, day, {self._loan(): amount}))
            case 13:
                return bank.settled(loan, day, manner=dice.choice(("repaid", "renewal", "other")))
            case 14:
                return bank.extended(loan, day, day, "2027-06-01", marked_renewal=dice.random() < 0.5)
            case 15:
                return bank.written_off(loan, day, amount)
            case 16:
                kinds = {"mode": dice.choice(("error", "policy")), "effective_on": day}
                return bank.reclassified([loan, self._loan()], day, "new", "refinance", **kinds)
            case 17:
                return bank.line(customer, amount * 10, since=day)
            case 18:
                return bank.profile(customer, dice.choice(("small", "large", "individual")), since=day)
            case 19:
                return bank.event("position.reported", day, as_of=day, key="PH", value=f"{amount}", unit="元")
            case _ if told:
                return self._changed(bank, dice.choice(told), day)
            case _:
                return bank.issued(loan, customer, day, amount)

    def _changed(self, bank: Sender, before: Event, day: str) -> Event:
        """A reversal or correction of something said before."""
        field = self._dice.choice(("business_date", "principal_fen"))
        if field in before["data"] and self._dice.random() < 0.5:
            new: Any = day if field == "business_date" else int(10 ** self._dice.uniform(2, 12))
            return bank.corrected(before, field, new, day=day)
        return bank.reversed(before, part=self._dice.choice((None, None, 100)))

    # how it is said

    def _sent(self, event: Event, *, signed: bool) -> Wire:
        """The record: in one of the modes, with its bytes and headers damaged or not, rightly signed or not."""
        dice, harmed = self._dice, not signed
        ascii_only = dice.random() < 0.5
        if dice.random() < 0.3:
            value, headers = self._binary(event, ascii_only)
        else:
            value, headers = _json(event, ascii_only), []
        if harmed and value and dice.random() < 0.5:
            value = dice.choice(DAMAGES)(dice, value)
        if harmed and dice.random() < 0.3:
            headers = disturbed(dice, headers)
        key = dice.choice(_KEYS[:_GOOD_KEYS] if signed else _KEYS)
        if signed or dice.random() < 0.5:
            headers = [*headers, (SIGNATURE, key.signature(value, headers))]
        if harmed and value and dice.random() < 0.05:
            value = dice.choice(DAMAGES)(dice, value)
        return self._wire(event, value, headers)

    def _binary(self, event: Event, ascii_only: bool) -> tuple[bytes, Headers]:
        attributes = ((name, value) for name, value in event.items() if name != "data")
        headers: Headers = [
            (f"ce_{name}", str(value).encode("utf-8", "replace")) for name, value in attributes
        ]
        return _json(event.get("data"), ascii_only), [("content-type", b"application/json"), *headers]

    def _wire(self, event: Event, value: bytes | None, headers: Headers) -> Wire:
        """The place: mostly the one of the bank's key, and now and then another topic, partition, key, or nothing."""
        dice = self._dice
        home = _home(event)
        topic = LOAN_EVENTS if f"{event.get('type')}" in LOAN_TOPIC_TYPES else REGISTRY_EVENTS
        odd = dice.random() if self.made else 1.0
        if odd < 0.02:
            topic = REGISTRY_EVENTS if topic == LOAN_EVENTS else LOAN_EVENTS
        partition = dice.randrange(self._partitions) if odd < 0.06 else partition_of(home, self._partitions)
        key = dice.choice((None, b"", b"\xff", b"k" * 300, STRANGER.encode())) if odd < 0.1 else home.encode()
        return Wire(topic, partition, key, None if 0.1 < odd < 0.103 else value, headers)


_MODES: Final = ("no_principal", "partial", "refinance", "bridge")


def _home(event: Event) -> str:
    data = event.get("data")
    home = data.get("institution_id") if isinstance(data, dict) else None
    return home if isinstance(home, str) and home.isascii() else BANK


def _json(content: object, ascii_only: bool) -> bytes:
    return json.dumps(content, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
