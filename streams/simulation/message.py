"""What the simulated county hands over: one record as a bank or an office would have published it."""

from datetime import datetime
from typing import NamedTuple


class Message(NamedTuple):
    """One record: `value` is a CloudEvent in structured mode, JSON, with `type` first."""

    recorded_at: datetime
    """When it would have been published, at +08:00."""
    topic: str
    """`loan-events` or `registry-events`."""
    key: str
    """The 统一社会信用代码 of the institution; on `registry-events` of the one concerned, else the subject."""
    value: bytes
