"""What the system itself says on Kafka: CloudEvents in structured mode, byte-identical on every attempt."""

from typing import Any, Final

import msgspec

from aggregates.store.transaction import Outgoing

SYSTEM: Final = "urn:puhui:system"
encode_json: Final = msgspec.json.Encoder(order="deterministic").encode


def told(
    topic: str, kind: str, identity: str, key: str | None, *, time: str, subject: str, data: Any
) -> Outgoing:
    """The message of one id and type (`kind`), for a topic, under a key; `time` in ISO 8601."""
    body = {
        "specversion": "1.0",
        "id": identity,
        "type": kind,
        "source": SYSTEM,
        "time": time,
        "subject": subject,
        "partitionkey": key,
        "data": data,
    }
    return Outgoing(topic, identity, key, encode_json(body), b"")
