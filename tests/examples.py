"""The worked examples of the specification (7.10) as raw events, for the oracle and for the program alike.

Each function returns the events in their order of arrival; the first one registers the institution. Amounts
are those of the example in yuan; where it gives a total only, it is cut into loans here. Years as printed.
"""

from typing import Final

from tests.events import Event, Sender, yuan
from tests.references import social_credit_code

BANK: Final = social_credit_code(1)
"""The institution of every example."""
SHOP: Final = social_credit_code(11)
"""The customer, where an example has one."""
NPR: Final = "no_principal_renewal"


def balance_and_bridge(*, squeezed: bool = False) -> list[Event]:
    """I21–I23: from 50,000,000 on 2026-03-31 to 50,500,000, or in a squeezed quarter to 32,500,000."""
    bank = Sender(BANK)
    events = [bank.registered()]
    parts = {"A": 12, "B": 18, "C": 16, "D": 4}
    for number, (loan, amount) in enumerate(parts.items()):
        customer = social_credit_code(11 + number)
        events.append(bank.opening(loan, customer, "2026-03-31", yuan(amount * 1_000_000), issuance_kind=NPR))
    if squeezed:
        events += [
            bank.renewed("A2", SHOP, "2026-04-20", {"A": yuan(2_000_000)}),
            bank.repaid("B", "2026-05-11", yuan(16_500_000)),
        ]
    else:
        events += [
            bank.opening("N", social_credit_code(15), "2026-03-31", yuan(8_000_000)),
            bank.renewed("A2", SHOP, "2026-04-20", {"A": yuan(12_000_000)}),
            bank.renewed("N2", social_credit_code(15), "2026-05-04", {"N": yuan(8_000_000)}),
            bank.repaid("B", "2026-05-11", yuan(6_500_000)),
        ]
    return [*events, bank.written_off("D", "2026-06-25", yuan(1_000_000))]


def partial_renewal(*, mode: str = "partial") -> list[Event]:
    """借据 A of 10,000,000: 6,000,000 renewed on 2024-06-18, the rest repaid on 06-20."""
    bank = Sender(BANK)
    return [
        bank.registered(),
        bank.issued("A", SHOP, "2023-06-20", yuan(10_000_000), original_due_on="2024-06-20"),
        bank.renewed("B", SHOP, "2024-06-18", {"A": yuan(6_000_000)}, mode=mode),
        bank.repaid("A", "2024-06-20", yuan(4_000_000)),
    ]


def two_into_one_with_increase(*, two_legs: bool = False) -> list[Event]:
    """A 3,000,000 (renewed before) and B 2,000,000 become C 6,000,000 on 2024-03-12, 1,000,000 of it new."""
    bank = Sender(BANK)
    settles = {"A": yuan(3_000_000), "B": yuan(2_000_000)}
    events = [
        bank.registered(),
        bank.opening("A", SHOP, "2023-12-31", yuan(3_000_000), issuance_kind=NPR, chain_depth=1),
        bank.opening("B", SHOP, "2023-12-31", yuan(2_000_000), chain_depth=0),
    ]
    if two_legs:
        return events + bank.renewed_in_two_legs("C", SHOP, "2024-03-12", settles, increase=yuan(1_000_000))
    return [*events, bank.renewed("C", SHOP, "2024-03-12", settles, increase=yuan(1_000_000))]


def renewed_again() -> list[Event]:
    """续了又续: A 5,000,000 becomes B on 2024-01-15 and C on 03-18."""
    bank = Sender(BANK)
    return [
        bank.registered(),
        bank.opening("A", SHOP, "2023-12-31", yuan(5_000_000), issuance_kind=NPR, chain_depth=2),
        bank.renewed("B", SHOP, "2024-01-15", {"A": yuan(5_000_000)}),
        bank.renewed("C", SHOP, "2024-03-18", {"B": yuan(5_000_000)}),
    ]


def line_crossing() -> list[Event]:
    """Loans of 3,000,000 and 4,000,000; the line is 9,000,000, then 10,000,000.00, then 10,000,000.01."""
    bank = Sender(BANK)
    return [
        bank.registered(),
        bank.profile(SHOP, "small", since="2023-12-01"),
        bank.line(SHOP, yuan(9_000_000), since="2023-12-01", what="granted"),
        bank.issued("A", SHOP, "2023-12-10", yuan(3_000_000)),
        bank.issued("B", SHOP, "2023-12-11", yuan(4_000_000)),
        bank.line(SHOP, yuan("10000000.00"), since="2024-02-01"),
        bank.line(SHOP, yuan("10000000.01"), since="2024-03-01"),
    ]


def late_line_crossing(*, with_disbursement: bool = False) -> list[Event]:
    """The last event tells on 2024-07-08 of a line of 12,000,000 from 04-15, with repayments in between."""
    bank = Sender(BANK)
    events = [
        bank.registered(),
        bank.profile(SHOP, "small", since="2023-12-01"),
        bank.line(SHOP, yuan(9_000_000), since="2023-12-01", what="granted"),
        bank.opening("A", SHOP, "2023-12-31", yuan(3_000_000)),
        bank.opening("B", SHOP, "2023-12-31", yuan(4_000_000)),
        bank.repaid("A", "2024-05-10", yuan(1_000_000)),
        bank.repaid("B", "2024-06-20", yuan(500_000)),
    ]
    if with_disbursement:
        events.append(bank.issued("E", SHOP, "2024-04-10", yuan(700_000)))
        events.append(bank.issued("F", SHOP, "2024-06-01", yuan(800_000)))
    return [*events, bank.line(SHOP, yuan(12_000_000), since="2024-04-15", day="2024-07-08")]


def relabelled(*, mode: str = "policy") -> list[Event]:
    """借新还旧 relabelled on 2024-11-01: 160,000,000 that day, 155,000,000 on 09-30; I21 there 290,500,000."""
    bank = Sender(BANK)
    customers = [social_credit_code(11 + n) for n in range(4)]
    return [
        bank.registered(),
        bank.opening("N", customers[0], "2023-12-31", yuan(290_500_000), issuance_kind=NPR),
        bank.opening("O", customers[1], "2023-12-31", yuan(36_500_000)),
        bank.opening("P", customers[2], "2023-12-31", yuan(155_000_000)),
        bank.renewed("R1", customers[2], "2024-02-05", {"P": yuan(155_000_000)}, mode="refinance"),
        bank.drawn("R1", "2024-10-21", yuan(5_000_000)),
        bank.repaid("N", "2024-10-30", yuan(19_000_000)),
        bank.renewed("N2", customers[0], "2024-11-20", {"N": yuan(61_500_000)}),
        bank.renewed("O2", customers[1], "2024-12-10", {"O": yuan(36_500_000)}),
        bank.reclassified(
            ["R1"],
            "2024-11-01",
            "refinance",
            NPR,
            mode=mode,
            effective_on="2024-11-01" if mode == "policy" else "2024-02-05",
        ),
    ]


def reversal_across_a_quarter_end() -> list[Event]:
    """I21 of 32,000,000 on 2024-03-31; a repayment of 06-25, and last its reversal, known on 08-02."""
    bank = Sender(BANK)
    repaid = bank.repaid("A", "2024-06-25", yuan(2_000_000))
    return [
        bank.registered(),
        bank.opening("A", SHOP, "2023-12-31", yuan(12_000_000), issuance_kind=NPR),
        bank.opening("B", social_credit_code(12), "2023-12-31", yuan(20_000_000), issuance_kind=NPR),
        repaid,
        bank.reversed(repaid),
    ]
