"""Build raw events as institutions and offices would publish them: plain dicts, and their bytes on Kafka."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

Event = dict[str, Any]
"""One CloudEvent, as decoded JSON."""

OFFICE: Final = "urn:puhui:gov:finance-office"

_REGISTRY_TYPES: Final = ("institution.", "policy.", "reporting.", "period.", "restatement.", "calendar.")


@dataclass(frozen=True)
class Message:
    """One event as it lies on Kafka."""

    topic: str
    key: bytes
    value: bytes

    @property
    def event(self) -> Event:
        decoded: Event = json.loads(self.value)
        return decoded


def message(event: Mapping[str, Any]) -> Message:
    """The record that carries this event: its topic, its key (the institution) and its bytes."""
    kind = event["type"].removeprefix("cn.puhui.")
    topic = "registry-events" if kind.startswith(_REGISTRY_TYPES) else "loan-events"
    value = json.dumps(event, ensure_ascii=False).encode()
    return Message(topic, event["data"]["institution_id"].encode(), value)


def yuan(amount: int | str) -> int:
    """Fen, from yuan: `yuan("10000000.01")` is 1000000001."""
    whole, _, cents = str(amount).replace("_", "").replace(",", "").partition(".")
    return int(whole) * 100 + int(cents.ljust(2, "0"))


@dataclass
class Sender:
    """One institution's reporting: it numbers its events and knows their fixed fields."""

    institution: str
    environment: str = "test"
    _sent: int = field(default=0)

    def event(self, kind: str, day: str, /, **data: Any) -> Event:
        """An event of the given kind with the given business date; fields given as None are left out."""
        self._sent += 1
        content = {
            "business_date": day,
            "institution_id": self.institution,
            "division_code": "141024",
            **data,
        }
        return {
            "specversion": "1.0",
            "id": f"{self.institution}-{self._sent:05d}",
            "source": f"urn:puhui:inst:{self.institution}",
            "type": f"cn.puhui.{kind}.v1",
            "time": f"{day}T10:00:00+08:00",
            "partitionkey": self.institution,
            "environment": self.environment,
            "data": {name: value for name, value in content.items() if value is not None},
        }

    def registered(self, day: str = "2021-12-31", kind: str = "rural_commercial", **more: Any) -> Event:
        """The office registers this institution."""
        terms = {"name": "某农商银行", "kind": kind, "known_from": day, "valid_from": "2010-01-01"}
        return self.event("institution.registered", day, **(terms | more)) | {"source": OFFICE}

    def profile(self, customer: str, kind: str, *, since: str, day: str | None = None, **more: Any) -> Event:
        """The bank says what kind of customer this is, from which day."""
        size = kind if kind in ("large", "medium", "small", "micro") else None
        terms = {
            "customer_ref": customer,
            "customer_kind": kind,
            "enterprise_size": size,
            "valid_from": since,
        }
        return self.event("customer.profile_changed", day or since, **(terms | more))

    def line(
        self,
        customer: str,
        total: int,
        *,
        since: str,
        day: str | None = None,
        what: str = "changed",
        **more: Any,
    ) -> Event:
        """The customer's total line 单户授信总额 after this event, valid from the day `since`."""
        terms = {"line_no": f"L-{customer[-6:]}", "customer_ref": customer, "total_line_fen": total}
        return self.event(f"credit_line.{what}", day or since, **(terms | {"valid_from": since} | more))

    def opening(self, loan: str, customer: str, day: str, outstanding: int, /, **more: Any) -> Event:
        """期初存量: the loan was alive when the institution joined."""
        terms = _terms(loan, customer, more.pop("disbursed_on", "2021-03-01"), outstanding)
        return self.event(
            "loan.opening_balance", day, **(terms | {"outstanding_fen": outstanding, "as_of": day} | more)
        )

    def issued(self, loan: str, customer: str, day: str, principal: int, /, **more: Any) -> Event:
        """发放."""
        return self.event("loan.issued", day, **(_terms(loan, customer, day, principal) | more))

    def renewed(
        self,
        loan: str,
        customer: str,
        day: str,
        settles: Mapping[str, int],
        /,
        *,
        mode: str = "no_principal",
        increase: int = 0,
        **more: Any,
    ) -> Event:
        """续贷 in one event: `settles` says by how much each old 借据 falls."""
        terms = _terms(loan, customer, day, sum(settles.values()) + increase)
        terms |= {"mode": mode, "settles": _parts(settles, day), "increase_fen": increase}
        return self.event("loan.renewed", day, **(terms | more))

    def renewed_in_two_legs(
        self,
        loan: str,
        customer: str,
        day: str,
        settles: Mapping[str, int],
        /,
        *,
        mode: str = "no_principal",
        increase: int = 0,
        second_leg: Mapping[str, str] | str = "settled",
        **more: Any,
    ) -> list[Event]:
        """续贷 as core systems book it (放新 + 结旧): one issue, then one second leg for each old 借据."""
        terms = _terms(loan, customer, day, sum(settles.values()) + increase)
        terms |= {
            "issuance_kind": ISSUANCE_KIND[mode],
            "previous": _parts(settles, day),
            "increase_fen": increase,
        }
        legs = [self.event("loan.issued", day, **(terms | more))]
        for old, part in settles.items():
            leg = second_leg if isinstance(second_leg, str) else second_leg[old]
            if leg == "settled":
                legs.append(self.settled(old, day, manner="renewal", new_loan_no=loan))
            else:
                legs.append(self.repaid(old, day, part, kind="by_renewal", new_loan_no=loan))
        return legs

    def drawn(self, loan: str, day: str, amount: int, /, *, kind: str = "draw", **more: Any) -> Event:
        """分期发放, or 利息转本金 with kind `capitalised`."""
        return self.event("loan.drawn", day, loan_no=loan, amount_fen=amount, drawn_on=day, kind=kind, **more)

    def repaid(self, loan: str, day: str, principal: int, /, **more: Any) -> Event:
        """还款."""
        return self.event("loan.repaid", day, loan_no=loan, principal_fen=principal, **more)

    def settled(self, loan: str, day: str, /, *, manner: str = "repaid", **more: Any) -> Event:
        """结清."""
        return self.event("loan.settled", day, loan_no=loan, settled_on=day, manner=manner, **more)

    def extended(self, loan: str, day: str, old_due: str, new_due: str, /, **more: Any) -> Event:
        """展期; with `marked_renewal=True` the bank counts it as 无还本续贷."""
        dates = {"old_due_on": old_due, "new_due_on": new_due, "agreed_on": day}
        return self.event("loan.extended", day, loan_no=loan, **(dates | more))

    def written_off(self, loan: str, day: str, principal: int, /, **more: Any) -> Event:
        """核销."""
        return self.event("loan.written_off", day, loan_no=loan, principal_fen=principal, **more)

    def reclassified(
        self,
        loans: Sequence[str],
        day: str,
        old: str,
        new: str,
        /,
        *,
        mode: str,
        effective_on: str,
        **more: Any,
    ) -> Event:
        """口径调整 of the issuance kind, by error or by policy."""
        terms: dict[str, Any] = {
            "loan_no": list(loans),
            "field": "issuance_kind",
            "old": old,
            "new": new,
            "mode": mode,
        }
        terms |= {"effective_on": effective_on, "notice": "金规〔2024〕13号" if mode == "policy" else None}
        return self.event("loan.reclassified", day, **(terms | more))

    def reversed(self, event: Event, /, *, day: str | None = None, part: int | None = None) -> Event:
        """冲正 of an earlier event of this sender, whole, or `part` of its amount."""
        return self.event(
            "loan.reversed",
            day or event["data"]["business_date"],
            loan_no=event["data"]["loan_no"],
            reverses_event_id=event["id"],
            full=part is None,
            amount_fen=part,
            reason="记账差错",
        )

    def corrected(self, event: Event, name: str, new: int | str, /, *, day: str) -> Event:
        """更正 of one field of an earlier event of this sender."""
        data = event["data"]
        terms = {"loan_no": data["loan_no"], "corrects_event_id": event["id"], "field": name}
        return self.event("loan.corrected", day, **terms, old=data[name], new=new)


ISSUANCE_KIND: Final = {
    "no_principal": "no_principal_renewal",
    "partial": "partial_renewal",
    "refinance": "refinance",
    "bridge": "bridge",
}
"""What a renewal's mode stands for."""


def _terms(loan: str, customer: str, day: str, principal: int) -> dict[str, Any]:
    start = date.fromisoformat(day)
    return {
        "loan_no": loan,
        "customer_ref": customer,
        "customer_kind": "small",
        "principal_fen": principal,
        "disbursed_on": day,
        "original_due_on": f"{start.year + 3}-{start.month:02d}-{min(start.day, 28):02d}",
        "main_security": "credit",
    }


def _parts(settles: Mapping[str, int], day: str) -> list[dict[str, Any]]:
    return [
        {"old_loan_no": old, "settled_principal_fen": part, "old_class": "normal", "old_settled_on": day}
        for old, part in settles.items()
    ]
