"""The measure of everything: an empty Faust agent that counts events one at a time, in a process of its own.

Run as `python -m tests.benchmarks.agent BOOTSTRAP EVENTS [lean]`; prints events, seconds and seconds of CPU, first event
to last. It is Faust as it comes: a broker, a topic of JSON, an agent. A lean one decodes nothing and does without the
leader's topic, in which there is never anything to read: a fetch that waits for it holds the others up.
"""

import json
import os
import shutil
import sys
import tempfile
import time
import uuid
from typing import Any, Final

import faust

_LEAN: Final[dict[str, Any]] = {
    "key_serializer": "raw",
    "value_serializer": "raw",
    "topic_allow_declare": False,
    "topic_disable_leader": True,
}


def main(bootstrap: str, limit: int, lean: bool) -> None:
    """Count so many events, and end."""
    folder = tempfile.mkdtemp(prefix="puhui-agent-")
    app = faust.App(
        f"agent-{uuid.uuid4().hex}", broker=f"kafka://{bootstrap}", datadir=folder, **(_LEAN if lean else {})
    )
    topic = app.topic("loan-events")

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
    main(sys.argv[1], int(sys.argv[2]), "lean" in sys.argv[3:])
