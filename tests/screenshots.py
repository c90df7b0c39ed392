"""Pictures of the console for the documentation: `python -m tests.screenshots [FOLDER]` (needs Chromium).

Plays the simulated county into a store, serves it, and takes every page wide (1280), narrow (390) and as printed
into `build/screenshots`. The played store is kept in the folder for temporary files as long as the code that played
it stays the same. Fails where a page is wider than its window.
"""

import argparse
import asyncio
import base64
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import blake2b
from itertools import groupby, islice
from pathlib import Path
from typing import Any, Final

from aiohttp import ClientSession, ClientWebSocketResponse, web

from aggregates.partitioning import partition_of
from console.site import site
from projections.judging import Judge
from streams.arrival import Source
from streams.simulation import Message, county
from tests.worker import PARTITIONS, DirectWorker, FakeRecord, direct_worker

ROOT: Final = Path(__file__).parent.parent
LIVE_DAYS: Final = 20
VILLAGE: Final = "91141099000001097T"
"""槐乡村镇银行, whose squeeze of 2024Q3 is story D01."""
_VIEW: Final = "as_of=2024-09-30&known_at=2024-10-20T00:00:00%2B08:00"
PAGES: Final = {
    "overview": "/",
    "overview-2023": "/?as_of=2023-12-31&known_at=2024-01-20T00:00:00%2B08:00",
    "overview-view": f"/?{_VIEW}",
    "renewal": "/renewal",
    "renewal-2024Q3": "/renewal?as_of=2024-09-30",
    "renewal-restated": "/renewal?as_of=2024-06-30",
    "alerts": "/alerts",
    "alert": f"/alerts/NprSwing/{VILLAGE}/2024Q3",
    "refused": "/refused",
    "error": "/?as_of=2024-02-30",
}
WIDTHS: Final = {"wide": 1280, "narrow": 390, "print": 1032}
"""Pixels; `print` is A4 across, without its margins."""


def played() -> Path:
    """The store of the simulated county up to the middle of January 2025, with its alerts."""
    digest = blake2b(digest_size=8)
    for folder in ("aggregates", "projections", "puhui", "streams"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            digest.update(path.read_bytes())
    kept = Path(tempfile.gettempdir()) / f"puhui-screenshots-{digest.hexdigest()}"
    if not (kept / "played").exists():
        shutil.rmtree(kept, ignore_errors=True)
        kept.mkdir()
        _play(kept / "county.db")
        (kept / "played").touch()
    return kept / "county.db"


def _play(path: Path) -> None:
    worker, whole = direct_worker(path, environment="demo"), county(1)
    _take(worker, whole.history())
    for day in islice(whole.live(), LIVE_DAYS):
        _take(worker, day)
    worker.intake.flush_all()
    judge = Judge(worker.store, by_record_clock=True)
    judge.tick(judge.figures.latest_instant())
    judge.after(list(judge.figures.ledger.books))
    worker.store.close()


def _take(worker: DirectWorker, messages: Iterable[Message]) -> None:
    """Take messages in, a day at a time, each with the timestamp at which it was recorded."""
    for _, group in groupby(messages, key=lambda message: message.recorded_at.date()):
        batches: dict[tuple[str, int], list[FakeRecord]] = {}
        for message in group:
            place = (message.topic, partition_of(message.key, PARTITIONS))
            offset = worker.offsets.get(place, 0)
            worker.offsets[place] = offset + 1
            stamp = int(message.recorded_at.timestamp() * 1000)
            batches.setdefault(place, []).append(
                FakeRecord(offset, stamp, message.key.encode(), message.value)
            )
        # `registry-events` before `loan-events`: a bank is registered before it reports.
        for (topic, partition), records in sorted(batches.items(), reverse=True):
            source = Source(f"test/{topic}/{partition}", topic, partition, PARTITIONS)
            for _ in worker.intake.take(source, records, records[0].offset, records[-1].offset + 1):
                pass
        worker.intake.expire(max(records[-1].timestamp for records in batches.values()) * 1000)


@contextmanager
def chromium(folder: Path) -> Iterator[str]:
    """A headless Chromium; the address of its remote control."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        sys.exit("chromium is not installed")
    options = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
        "--no-proxy-server",
        "--lang=zh-CN",
    ]
    options += ["--remote-debugging-port=0", f"--user-data-dir={folder}", "about:blank"]
    process = subprocess.Popen([program, *options], stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        for line in process.stderr:
            if "listening on ws://" in line:
                yield line.partition("ws://")[2].partition("/")[0]
                break
    finally:
        process.terminate()
        process.wait(10)


class Browser:
    """One page of the browser, told what to do over its websocket."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self._socket, self._last = socket, 0

    async def tell(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command and its answer."""
        self._last += 1
        await self._socket.send_json({"id": self._last, "method": method, "params": parameters})
        return await self._until(lambda said: said.get("id") == self._last)

    async def _until(self, wanted: Any) -> dict[str, Any]:
        while True:
            said: dict[str, Any] = await self._socket.receive_json(timeout=30)
            if wanted(said):
                return said

    async def open(self, address: str, width: int, medium: str) -> None:
        """Load a page in a window of this width, for a screen or for print."""
        await self.tell("Page.enable")
        await self.tell("Emulation.setEmulatedMedia", media=medium)
        await self.tell(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        await self.tell("Page.navigate", url=address)
        await self._until(lambda said: said.get("method") == "Page.loadEventFired")

    async def too_wide(self) -> int:
        """By how many pixels the page is wider than its window."""
        answer = await self.tell(
            "Runtime.evaluate", expression="document.documentElement.scrollWidth - innerWidth"
        )
        return int(answer["result"]["result"]["value"])

    async def picture(self) -> bytes:
        """The whole page, as PNG."""
        answer = await self.tell("Page.captureScreenshot", captureBeyondViewport=True)
        return base64.b64decode(answer["result"]["data"])


async def take(store: Path, into: Path, control: str) -> list[str]:
    """Take all pictures; the pages that are wider than their window."""
    runner = web.AppRunner(site(f"sqlite:{store}", "demo"))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    wrong = []
    async with ClientSession() as session:
        async with session.put(f"http://{control}/json/new?about:blank") as answer:
            address = (await answer.json())["webSocketDebuggerUrl"]
        async with session.ws_connect(address, max_msg_size=0) as socket:
            browser = Browser(socket)
            for name, path in PAGES.items():
                for kind, width in WIDTHS.items():
                    await browser.open(
                        f"http://{host}:{port}{path}", width, "print" if kind == "print" else "screen"
                    )
                    if await browser.too_wide() > 0:
                        wrong.append(f"{name}, {kind}")
                    (into / f"{name}-{kind}.png").write_bytes(await browser.picture())
    await runner.cleanup()
    return wrong


def main() -> int:
    """Play, serve, look."""
    parser = argparse.ArgumentParser(prog="python -m tests.screenshots", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=ROOT / "build" / "screenshots")
    into: Path = parser.parse_args().folder
    into.mkdir(parents=True, exist_ok=True)
    store = played()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, chromium(Path(folder)) as control:
        wrong = asyncio.run(take(store, into, control))
    for name in wrong:
        print(f"wider than its window: {name}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
