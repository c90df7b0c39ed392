"""HTTP from elsewhere: whoever shows no token, asks wrongly or at length gets a 4xx, and nobody ever a 500."""

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

import pytest
from aiohttp.test_utils import TestServer

from aggregates.store import open_store
from console.site import site
from puhui.admission import check_listening, is_loopback, may_ask
from puhui.settings import Settings, WrongSetting
from streams.exposing import Exposing
from streams.listening import Server
from tests.unit.test_progress import FakeEngine

TOKEN = "0123456789abcdef"
RIGHT = f"Authorization: Bearer {TOKEN}"
WRONG = (
    "", "Authorization:", "Authorization: Bearer", "Authorization: Bearer ", f"Authorization: {TOKEN}",
    f"Authorization: Basic {TOKEN}", f"Authorization: Bearer {TOKEN}x", f"Authorization: Bearer {TOKEN[:-1]}",
    f"Authorization: Bearer {TOKEN.upper()}", "Authorization: Bearer \xff\xfe", f"Authorization: Bearer {'x' * 7000}",
    f"Authorization: Bearer wrong\r\n{RIGHT}", f"X-Authorization: Bearer {TOKEN}", f"Cookie: token={TOKEN}",
)  # fmt: skip
METHODS = ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "get", "G\0T")
ODD = (
    "\0", "\x7f", "%00", "%ff", "%ed%a0%80", "../../etc/passwd", "'; drop table loan; --", "x" * 300, "9999-12-31",
    "0001-01-01", "-1", "2026-06-30T25:00", "1e999", "{{7*7}}", "<script>",
)  # fmt: skip
SAID = {"/nothing": 404, "/alerts/R/S/P": 404, "/-/ready": 503}
"""What who shows the token is told where it is not 200: a worker that has not begun is not ready."""
PARAMETERS = ("as_of", "known_at", "institution", "indicator", "rule", "state", "bridge", "parts", "nothing")


async def status(port: int, request: str) -> int:
    """The status of the answer to these bytes; 0 where the connection is closed without one."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request.encode("latin-1"))
        line = await asyncio.wait_for(reader.readline(), 10)
    except ConnectionError:
        return 0
    finally:
        writer.close()
    return int(line.split()[1]) if line else 0


def request(path: str, *headers: str, method: str = "GET", version: str = "HTTP/1.1") -> str:
    lines = [f"{method} {path} {version}", "Host: localhost", "Connection: close", *filter(None, headers)]
    return "\r\n".join(lines) + "\r\n\r\n"


def hostile(path: str) -> Iterator[str]:
    """Requests for one path that nobody may get an answer to, though all but the first ones show the token."""
    for wrong in WRONG:
        yield request(path, wrong)
        yield request(path, wrong, method="HEAD")
    for method in METHODS:
        yield request(path, RIGHT, method=method)
        yield request(path, method=method)
    yield request(path + "/" + "x" * 70_000, RIGHT)
    yield request(path + "?as_of=" + "x" * 70_000, RIGHT)
    yield request(path, RIGHT, "X: " + "x" * 70_000)
    yield request(path, RIGHT, *(f"X-{number}: {'x' * 60}" for number in range(2_000)))
    yield request(path, RIGHT, "Content-Length: many", method="POST")
    yield request(path, RIGHT, "Content-Length: 99999999999999999999", method="POST")
    yield request(path, RIGHT, version="HTTP/9.9")
    yield request(path, RIGHT, version="SMTP/1.0")


@pytest.fixture
def store(tmp_path: Path) -> str:
    url = f"sqlite:{tmp_path / 'puhui.db'}"
    open_store(url).close()
    return url


@asynccontextmanager
async def console(store: str) -> AsyncIterator[tuple[int, list[str]]]:
    """The console's port, and all its paths."""
    app = site(store, "test", TOKEN)
    paths = [
        resource.canonical.format(rule="R", subject="S", period="P") for resource in app.router.resources()
    ]
    async with TestServer(app) as server:
        assert server.port is not None
        yield server.port, paths


@asynccontextmanager
async def worker() -> AsyncIterator[tuple[int, list[str]]]:
    """The port of a worker's figures, and all its paths."""
    exposing = Exposing(Settings.read({}), FakeEngine())  # type: ignore[arg-type]  # as far as it is asked
    with Server(("127.0.0.1", 0), exposing._answer, TOKEN) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server.server_address[1], ["/", *exposing.answers, "/nothing"]
        await asyncio.to_thread(server.shutdown)


@pytest.mark.parametrize("who", ["console", "worker"])
def test_no_route_answers_a_wrong_token_method_or_size_and_none_fails(who: str, store: str) -> None:
    async def ask() -> None:
        async with console(store) if who == "console" else worker() as (port, paths):
            for path in [*paths, "/nowhere", "//", "/..", "/%ff", "*", "http://[/"]:
                for wrong in hostile(path):
                    assert await status(port, wrong) in range(400, 500), wrong[:200]
            for garbage in (
                "\0\r\n\r\n",
                "GET\r\n\r\n",
                "\x16\x03\x01\x02\0\x01\r\n\r\n",
                ":" * 70_000 + "\r\n\r\n",
            ):
                assert await status(port, garbage) in (0, *range(400, 500)), garbage[:20]
            for path in paths:
                found = await status(port, request(path, RIGHT))
                assert found == SAID.get(path, 200), path

    asyncio.run(ask())


def test_no_parameter_makes_a_page_fail(store: str) -> None:
    async def ask() -> None:
        async with console(store) as (port, paths):
            for path in paths:
                for odd in ODD:
                    for asked in [f"{path}?{name}={quote(odd, '%')}" for name in PARAMETERS]:
                        assert await status(port, request(asked, RIGHT)) in range(200, 500), asked
            for odd in ODD:
                asked = f"/alerts/{quote(odd, '%')}/{quote(odd, '%')}/{quote(odd, '%')}"
                assert await status(port, request(asked, RIGHT)) in range(400, 500), asked

    asyncio.run(ask())


def test_only_loopback_needs_no_token() -> None:
    for host in ("127.0.0.1", "127.1.2.3", "::1", "localhost"):
        assert is_loopback(host)
        check_listening(host, "")
    for host in ("0.0.0.0", "::", "192.0.2.1", "no.such.host.invalid", "x" * 300):
        assert not is_loopback(host)
        check_listening(host, TOKEN)
        with pytest.raises(WrongSetting, match="PUHUI_HTTP_TOKEN"):
            check_listening(host, "")


def test_without_a_token_everybody_may_ask_and_with_one_its_case_counts() -> None:
    assert may_ask(None, "")
    assert may_ask(f"bearer {TOKEN}", TOKEN)
    assert not may_ask(f"Bearer {TOKEN.upper()}", TOKEN)


@pytest.mark.parametrize("command", ["serve", "worker", "worker --once", "demo"])
def test_nothing_listens_elsewhere_without_a_token(
    command: str,
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "puhui.cli", *command.split()],
        env=os.environ | {"PUHUI_HTTP_HOST": "0.0.0.0"}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    (said,) = done.stderr.splitlines()
    assert "PUHUI_HTTP_TOKEN" in said
