"""The real `puhui demo` in processes of its own: from nothing to the box, and a stop that leaves nothing behind."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from puhui.columns import width
from puhui.contract.catalogue import LOAN_EVENTS, REGISTRY_EVENTS
from streams.publishing import place

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

DEMO = (sys.executable, "-m", "puhui.cli", "demo")
OPEN = (
    "橙 已确认  国中支行  2023年  国有大型银行普惠增速未达目标",
    "橙 已确认  槐乡村镇银行  2024年3季度  无还本续贷余额异常波动",
    "蓝 暂定  槐乡村镇银行  2024年  两增（户数）未完成",
)


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """A machine on which nothing is set up; ports that others may have are not asked for."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("PUHUI_")}
    return {
        **plain,
        "TMPDIR": str(tmp_path),
        "COLUMNS": "100",
        "PUHUI_HTTP_PORT": "0",
        "PUHUI_METRICS_PORT": "0",
    }


def started(folder: Path) -> Iterator[psutil.Process]:
    """The processes whose store lies in this folder."""
    for process in psutil.process_iter(["environ"]):
        if str(folder) in (process.info["environ"] or {}).get("PUHUI_STORE", ""):
            yield process


def test_the_demo_comes_to_its_box_and_stops_by_itself(tmp_path: Path, environ: dict[str, str]) -> None:
    done = subprocess.run(
        [*DEMO, "--exit"], cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=550, check=False
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert {width(line) for line in lines} == {100}
    said = [line.strip("│╭╮╰╯├┤─ ") for line in lines]
    assert said[1] == "普惠 puhui　示例县　演示数据 · 日终批量(模拟)"
    assert said[2].startswith("知识日期 2025-01-01")
    (taken,) = [line for line in said if line.startswith("已接入事件")]
    assert int(re.findall(r"[\d,]+", taken)[0].replace(",", "")) > 200_000
    (page,) = [line for line in said if line.startswith("页面")]
    assert re.search(r"http://127\.0\.0\.1:\d+/$", page)
    assert [line for line in said if re.match("[红橙黄蓝] ", line)] == list(OPEN)
    assert "— 口径变动（记录）·暂定  汾源农商行  2024年4季度  无还本续贷余额异常波动" in said
    assert "数值 下降42.0%　基数 4,490.00万元　阈值 |环比| ≥ 30% 且 |Δ| ≥ 500 万元（本系统设定）" in said
    assert any(line.startswith("条款 C3.8「按季度监测银行机构无还本续贷余额情况") for line in said)
    assert "100%" in done.stderr
    assert not list(started(tmp_path))
    assert not list(tmp_path.glob("puhui-demo-*"))


def test_ctrl_c_stops_everything_at_once(tmp_path: Path, environ: dict[str, str]) -> None:
    demo = subprocess.Popen(
        DEMO, cwd=tmp_path, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert demo.stderr is not None
    next(line for line in demo.stderr if "10%" in line)
    assert list(started(tmp_path))
    began = time.monotonic()
    demo.send_signal(signal.SIGINT)
    _, errors = demo.communicate(timeout=60)
    assert demo.returncode == 0, errors
    assert time.monotonic() - began < 30
    assert not list(started(tmp_path))
    assert not list(tmp_path.glob("puhui-demo-*"))


def test_a_folder_that_is_not_empty_is_left_alone(tmp_path: Path, environ: dict[str, str]) -> None:
    (tmp_path / "file").touch()
    command = [*DEMO, "--exit", "--folder", str(tmp_path)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "is not empty" in done.stderr


def test_simulate_writes_what_publish_reads(tmp_path: Path, environ: dict[str, str]) -> None:
    out = tmp_path / "county.jsonl"
    command = [
        sys.executable,
        "-m",
        "puhui.cli",
        "simulate",
        "--seed",
        "2",
        "--environment",
        "test",
        "--out",
        str(out),
    ]
    subprocess.run(command, env=environ, check=True, timeout=120)
    lines = out.read_bytes().splitlines()
    assert len(lines) > 200_000
    assert {place(line)[0] for line in lines} == {LOAN_EVENTS, REGISTRY_EVENTS}
    assert json.loads(lines[-1])["environment"] == "test"
