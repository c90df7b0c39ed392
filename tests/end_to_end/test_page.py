"""`puhui serve` as people start it: a process of its own beside a worker that goes on writing."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

from tests.events import Event, Sender, message, yuan
from tests.references import social_credit_code
from tests.worker import DirectWorker, direct_worker

BANK = social_credit_code(1)
_open = build_opener(ProxyHandler({})).open


@contextmanager
def serve(store: Path, **environ: str) -> Iterator[str]:
    """The command, on a free port; the address that it prints."""
    process = subprocess.Popen(
        [sys.executable, "-m", "puhui.cli", "serve", "--port", "0"],
        env=os.environ | {"PUHUI_STORE": f"sqlite:{store}", "PUHUI_ENVIRONMENT": "demo"} | environ,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()


def read(address: str) -> str:
    with _open(address, timeout=20) as answer:
        text: str = answer.read().decode()
    return text


def send(worker: DirectWorker, day: str, *events: Event) -> None:
    found = [message(event) for event in events]
    at = int(datetime.fromisoformat(f"{day}T09:00:00+08:00").timestamp() * 1000)
    worker.send([(m.topic, m.key.decode(), m.value) for m in found], at=at)


def balance(page: str) -> str:
    """普惠余额 of the one bank."""
    found = re.search(r'某农商银行.*?data-label="普惠余额（亿元）">([^<]+)<', page, re.S)
    return found.group(1) if found else ""


def test_the_page_follows_a_worker_and_keeps_what_was_known_before(tmp_path: Path) -> None:
    store, bank = tmp_path / "puhui.db", Sender(BANK)
    worker = direct_worker(store)
    send(worker, "2024-01-02", bank.registered())
    send(worker, "2024-01-03", bank.opening("A", social_credit_code(11), "2024-01-02", yuan(8_000_000)))
    with serve(store) as address:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", address), "on this machine alone"
        assert read(f"{address}/healthz") == "ok\n"
        first = read(f"{address}/?as_of=2024-01-05")
        assert balance(first) == "0.08"
        assert "日终批量(模拟)" in first
        send(worker, "2024-01-06", bank.issued("B", social_credit_code(12), "2024-01-05", yuan(7_000_000)))
        assert balance(read(f"{address}/?as_of=2024-01-05")) == "0.15"
        assert balance(read(f"{address}/?as_of=2024-01-05&known_at=2024-01-05")) == "0.08"


def test_a_page_that_started_before_the_store_was_there_finds_it_later(tmp_path: Path) -> None:
    store, bank = tmp_path / "puhui.db", Sender(BANK)
    with serve(store, PUHUI_ENVIRONMENT="production") as address:
        worker = direct_worker(store)
        send(worker, "2024-01-02", bank.registered())
        deadline = time.monotonic() + 20
        while "某农商银行" not in (page := read(f"{address}/?as_of=2024-01-05")):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert "演示数据" not in page


def test_without_a_port_nothing_is_served() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "puhui.cli", "serve"], env=os.environ | {"PUHUI_HTTP_PORT": "0"},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, "PUHUI_HTTP_PORT" in done.stderr) == (2, True)
