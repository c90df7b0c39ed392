"""A simulated county: plausible, invented, not official; what the demo and the end-to-end tests play."""

from streams.simulation.county import County, county
from streams.simulation.message import Message

__all__ = ["County", "Message", "county"]
