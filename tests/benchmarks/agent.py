"""The measure of everything: an empty Faust agent that counts events one at a time, in a process of its own.

Run as `python -m tests.benchmarks.agent BOOTSTRAP EVENTS`; prints events and seconds, first event to last.
"""

import json
import os
import sys
import time
import uuid

import faust


def main(bootstrap: str, limit: int) -> None:
    """Count so many events, and end."""
    app = faust.App(
        f"agent-{uuid.uuid4().hex}",
        broker=f"kafka://{bootstrap}",
        consumer_auto_offset_reset="earliest",
        broker_rebalance_timeout=4,
        broker_session_timeout=4,
        broker_heartbeat_interval=1,
        key_serializer="raw",
        value_serializer="raw",
        store="memory://",
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
    )
    topic = app.topic("loan-events", key_serializer="raw", value_serializer="raw")

    @app.agent(topic)
    async def count(stream: faust.StreamT[bytes]) -> None:
        seen, began = 0, 0.0
        async for _ in stream:
            if seen == 0:
                began = time.perf_counter()
            seen += 1
            if seen == limit:
                print(json.dumps([seen, time.perf_counter() - began]), flush=True)
                os._exit(0)

    sys.argv = ["agent", "worker", "--loglevel", "info", "--without-web"]
    app.main()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
