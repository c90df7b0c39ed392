"""The measure of everything: an empty Faust agent that counts events one at a time, in a process of its own.

Run as `python -m tests.benchmarks.agent BOOTSTRAP EVENTS`; prints events, seconds and seconds of CPU, first event to last.
"""

import json
import os
import shutil
import sys
import tempfile
import time
import uuid

import faust


def main(bootstrap: str, limit: int) -> None:
    """Count so many events, and end."""
    folder = tempfile.mkdtemp(prefix="puhui-agent-")
    app = faust.App(
        f"agent-{uuid.uuid4().hex}",
        broker=f"kafka://{bootstrap}",
        consumer_auto_offset_reset="earliest",
        broker_rebalance_timeout=4,
        broker_session_timeout=10,
        broker_heartbeat_interval=2,
        key_serializer="raw",
        value_serializer="raw",
        datadir=folder,
        store="memory://",
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
    )
    topic = app.topic("loan-events", key_serializer="raw", value_serializer="raw")

    @app.agent(topic)
    async def count(stream: faust.StreamT[bytes]) -> None:
        seen, began, cpu = 0, 0.0, 0.0
        async for _ in stream:
            if seen == 0:
                began, cpu = time.perf_counter(), time.process_time()
            seen += 1
            if seen == limit:
                answer = json.dumps([seen, time.perf_counter() - began, time.process_time() - cpu])
                os.write(1, f"\n{answer}\n".encode())  # Faust makes log lines of what is printed
                shutil.rmtree(folder, ignore_errors=True)
                os._exit(0)

    sys.argv = ["agent", "--quiet", "worker", "--loglevel", "error", "--without-web"]
    app.main()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
