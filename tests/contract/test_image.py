"""The image has the program and nothing else, and can tell whether what runs in it is healthy."""

from __future__ import annotations

import http.server
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import pytest

from tests.parts.compose import COMPOSE, DOCKER, ROOT, run

pytestmark = pytest.mark.skipif(not COMPOSE.exists(), reason="the containers are not beside the tests")


@pytest.mark.slow
def test_the_image_has_what_the_lock_lists_and_nothing_else(image: Path) -> None:
    listed = re.findall(
        r"^([\w.-]+)==([^ ;]+)(?: ; (.*?))? \\$", (ROOT / "requirements.lock").read_text("utf-8"), re.M
    )
    asked = "import importlib.metadata as m; print(*sorted(f'{d.name}=={d.version}'.lower() for d in m.distributions()))"
    there = {
        re.sub("[-_.]+", "-", name.partition("==")[0])
        for name in run(image / "bin" / "python", "-c", asked).split()
    }
    assert there - {"puhui"} <= {name for name, _, _ in listed}
    assert {name for name, _, marker in listed if not marker} <= there


@pytest.mark.slow
def test_the_image_runs_without_the_source_tree(image: Path, tmp_path: Path) -> None:
    run(image / "bin" / "puhui", "dashboards", "--out", tmp_path / "dashboards")
    assert list((tmp_path / "dashboards").glob("*.json"))


@pytest.fixture
def guarded() -> Iterator[tuple[str, list[str]]]:
    """A server that answers 200 to the token `open sesame` only; what was shown to it."""
    shown: list[str] = []

    class Guarded(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            shown.append(self.headers.get("Authorization", ""))
            good = shown[-1] == "Bearer open-sesame-open-sesame"
            self.send_response(HTTPStatus.OK if good else HTTPStatus.UNAUTHORIZED)
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Guarded) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/-/healthy", shown
        server.shutdown()


@pytest.mark.parametrize(("token", "status"), [("open-sesame-open-sesame", 0), ("something else", 1)])
def test_a_container_is_healthy_where_its_answer_to_the_token_is_good(
    guarded: tuple[str, list[str]], tmp_path: Path, token: str, status: int
) -> None:
    (tmp_path / "token").write_text(f"{token}\n")
    asked = subprocess.run(
        [sys.executable, DOCKER / "healthy.py", guarded[0]], env={"PUHUI_HTTP_TOKEN_FILE": str(tmp_path / "token")},
        capture_output=True, check=False,
    )  # fmt: skip
    assert (asked.returncode, guarded[1]) == (status, [f"Bearer {token}"])
