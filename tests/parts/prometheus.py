"""A real Prometheus that scrapes a worker often, and answers queries."""

from __future__ import annotations

import json
import shutil
import signal
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streams.broker import LOOPBACK, free_port
from tests.parts import Absent
from tests.parts.process import Server


def program(name: str) -> Path:
    """Find `prometheus`, `promtool` or `amtool`, or raise `Absent`."""
    found = shutil.which(name)
    if found is None:
        raise Absent(name)
    return Path(found)


@dataclass(frozen=True, slots=True)
class Sample:
    """One answer to a query: the labels and the value."""

    labels: dict[str, str]
    value: float


class Prometheus:
    """A server that scrapes one worker as the job `puhui`, and what `others` say."""

    def __init__(
        self, folder: Path, target: str, *, rules: Sequence[Path] = (), interval: str = "200ms",
        alertmanagers: Sequence[str] = (), others: Sequence[Mapping[str, Any]] = (),
    ) -> None:  # fmt: skip
        self._program = program("prometheus")
        self.folder = folder
        self.port = free_port()
        self.server = Server(folder / "server.log")
        self._config = {
            "global": {
                "scrape_interval": interval,
                "scrape_timeout": interval,
                "evaluation_interval": interval,
            },
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": list(alertmanagers)}]}]},
            "rule_files": [str(rule.resolve()) for rule in rules],
            "scrape_configs": [{"job_name": "puhui", "static_configs": [{"targets": [target]}]}, *others],
        }
        folder.mkdir(parents=True, exist_ok=True)

    def start(self) -> None:
        """Start the server and return when it is ready to answer."""
        config = self.folder / "prometheus.yml"
        config.write_text(json.dumps(self._config))  # JSON is YAML as well
        options = [f"--config.file={config}", f"--storage.tsdb.path={self.folder / 'data'}"]
        options += [f"--web.listen-address={LOOPBACK}:{self.port}", "--log.level=warn"]
        options += [
            "--rules.alert.resend-delay=1s"
        ]  # an Alertmanager is found only some seconds after the start
        self.server.launch([str(self._program), *options], self._ready)

    def stop(self) -> None:
        """Stop the server."""
        self.server.signal(signal.SIGTERM)

    def query(self, expression: str) -> list[Sample]:
        """Evaluate an expression now."""
        data = self.get("/api/v1/query?" + urllib.parse.urlencode({"query": expression}))
        return [Sample(row["metric"], float(row["value"][1])) for row in data["result"]]

    def wait_for(self, expression: str, patience: float = 15.0) -> list[Sample]:
        """Evaluate an expression again and again until it has an answer."""
        deadline = time.monotonic() + patience
        while not (answer := self.query(expression)):
            if time.monotonic() > deadline:
                raise TimeoutError(f"no answer to {expression} in {patience:g} s")
            time.sleep(0.1)
        return answer

    def get(self, path: str) -> Any:
        """Return the data of one call of the HTTP interface."""
        with urllib.request.urlopen(f"http://{LOOPBACK}:{self.port}{path}", timeout=10) as reply:
            return json.load(reply)["data"]

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{LOOPBACK}:{self.port}/-/ready", timeout=2):
                return True
        except (urllib.error.URLError, OSError):
            return False
