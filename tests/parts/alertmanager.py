"""A real Alertmanager that tells a webhook of the test what it would tell people."""

import json
import signal
import subprocess
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from streams.broker import LOOPBACK, free_port
from tests.parts import Absent
from tests.parts.process import Server
from tests.parts.prometheus import program


class _Webhook(ThreadingHTTPServer):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.status = 200
        super().__init__((LOOPBACK, 0), _Keep)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Keep(BaseHTTPRequestHandler):
    server: _Webhook

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.messages.append(json.loads(body))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        """The test looks at the messages."""


class Alertmanager:
    """A server with one receiver, which hears of every alert at once."""

    def __init__(self, folder: Path, amtool: Path) -> None:
        self._program = _alertmanager()
        self._amtool = amtool
        self.folder = folder
        self.port = free_port()
        self.url = f"http://{LOOPBACK}:{self.port}"
        folder.mkdir(parents=True)
        self.server = Server(folder / "server.log")
        self._webhook = _Webhook()
        url = f"http://{LOOPBACK}:{self._webhook.server_address[1]}/"
        times = {"group_wait": "0s", "group_interval": "200ms", "repeat_interval": "1h"}
        config = {
            "route": {"receiver": "test", "group_by": ["..."], **times},
            "receivers": [{"name": "test", "webhook_configs": [{"url": url, "send_resolved": True}]}],
        }
        (folder / "alertmanager.yml").write_text(json.dumps(config))  # JSON is YAML as well

    @property
    def messages(self) -> list[dict[str, Any]]:
        """What people were told, in order."""
        return self._webhook.messages

    def answer(self, status: int) -> None:
        """What the channel says to whoever tells it something from now on: 200, or why it does not take it."""
        self._webhook.status = status

    def told(self) -> list[tuple[str, str]]:
        """Of whom people were told, and what; an alert of no institution goes by its name."""
        labels = [message["commonLabels"] for message in self.messages]
        who = [known.get("institution", known.get("alertname", "")) for known in labels]
        return [(one, message["status"]) for one, message in zip(who, self.messages, strict=True)]

    def start(self) -> None:
        """Start the server and return when it is ready; it remembers what it has told, and no alert."""
        options = [
            f"--config.file={self.folder / 'alertmanager.yml'}",
            f"--storage.path={self.folder / 'data'}",
        ]
        options += [f"--web.listen-address={LOOPBACK}:{self.port}", "--cluster.listen-address="]
        self.server.launch([str(self._program), *options], self._ready)

    def stop(self) -> None:
        """Stop the server in good order."""
        self.server.signal(signal.SIGTERM)

    def alerts(self) -> list[dict[str, Any]]:
        """What `amtool alert` shows: the firing ones."""
        command = [str(self._amtool), "alert", f"--alertmanager.url={self.url}", "--output=json"]
        shown = subprocess.run(command, capture_output=True, check=True, timeout=20)
        found: list[dict[str, Any]] = json.loads(shown.stdout)
        return found

    def tell(self, labels: dict[str, str]) -> None:
        """Tell it of an alert."""
        body = json.dumps([{"labels": labels}]).encode()
        headers = {"Content-Type": "application/json"}
        asked = urllib.request.Request(f"{self.url}/api/v2/alerts", body, headers)
        urllib.request.urlopen(asked, timeout=10).close()

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=2):
                return True
        except (urllib.error.URLError, OSError):
            return False


def _alertmanager() -> Path:
    try:
        return program("prometheus-alertmanager")  # Debian's name
    except Absent:
        return program("alertmanager")
