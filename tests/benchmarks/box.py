"""From a fresh clone without any environment to the end of the demo."""

import os
import subprocess
import tempfile
import time
from typing import Final

from tests.benchmarks.rows import Row
from tests.benchmarks.scene import Scene
from tests.benchmarks.worker import ROOT

_OURS: Final = ("PUHUI_", "PYTHON", "VIRTUAL_ENV", "MAKE")
"""Beginnings of what this run has set for itself: everything else a new user's shell may have too."""


def demo(scene: Scene) -> dict[str, Row]:
    """Clone what is committed, and run the demo until it stops by itself."""
    return {"demo_box": _demo()}


def _demo() -> Row:
    bare = {k: v for k, v in os.environ.items() if not k.startswith(_OURS)}
    with tempfile.TemporaryDirectory() as folder:
        clone = ["git", "clone", "--quiet", "--no-hardlinks", str(ROOT), folder]
        if subprocess.run(clone, capture_output=True, check=False).returncode:
            return Row(None, "this is no clone of the repository: there is nothing to clone from")
        began = time.perf_counter()
        make = ["make", "demo", "ARGS=--exit"]
        try:
            done = subprocess.run(
                make, cwd=folder, env=bare, capture_output=True, text=True, timeout=300, check=False
            )
        except subprocess.TimeoutExpired:
            return Row(None, "the demo did not end in five minutes", failed=True)
        seconds = time.perf_counter() - began
    if done.returncode:
        told = f"the demo ended with status {done.returncode}: {done.stderr[-200:].strip()}"
        return Row(None, told, failed=True)
    return Row(seconds, "the cache of packages was warm")
