"""What is still to come: a view beyond the data is answered without it, and whoever asked is told how far they come."""

from projections.views import Figures, View
from puhui.policy.periods import date_at, moment_at


def data_end(figures: Figures, view: View) -> int | None:
    """The instant (µs) up to which data have come, where the view's day or instant lies beyond; None where neither does."""
    latest = figures.latest_instant()
    known = latest if view.known_at is None else min(view.known_at, latest)
    beyond = view.day > date_at(known) or (view.known_at or 0) > latest
    return known if latest and beyond else None


def to_come(figures: Figures, view: View) -> str:
    """The same as a sentence for people; empty where there is nothing to be said."""
    known = data_end(figures, view)
    return "" if known is None else f"数据只到 {moment_at(known):%Y-%m-%d %H:%M}，此后的业务尚未计入。"
