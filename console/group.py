"""Banks of one kind, taken together as the county's figures take all of them."""

from typing import Final

from projections.views import Figures, View

KINDS: Final = {
    "large_state": "国有大型银行",
    "joint_stock": "股份制银行",
    "policy": "政策性银行",
    "city_commercial": "城市商业银行",
    "rural_commercial": "农村商业银行",
    "village_bank": "村镇银行",
}
"""Kinds of banks in the order of the tables, as people call them."""


class OfKind(Figures):
    """The same figures, where the county is the banks of one kind: distinct households and all.

    Shares the columns and what is remembered with the figures it is made from; lives for one page.
    """

    def __init__(self, figures: Figures, kind: str) -> None:
        self.__dict__.update(figures.__dict__)
        self._kind = kind

    def banks(self, view: View) -> tuple[str, ...]:
        """The banks that were of this kind on the view's day."""
        known = self.institutions(view)
        return tuple(bank for bank in super().banks(view) if known[bank].on(view.as_of).kind == self._kind)
