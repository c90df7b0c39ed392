"""Whole lives of loans, drawn by hypothesis as raw events, and the orders in which they may arrive.

`histories()` draws a history that is valid in the order of its business dates; `arrivals(history)` draws an
order of arrival in batches, with repeats. `KINDS` names every situation that the histories must contain.
"""

from tests.histories.arrivals import Arrival, arrivals
from tests.histories.lives import KINDS, History, histories

__all__ = ["KINDS", "Arrival", "History", "arrivals", "histories"]
