"""What a worker process sets up for itself."""

import subprocess
import sys

import pytest

HOLES = """
import ctypes
import re
import sys
from streams.running import LARGE, keep_large_blocks_apart

if not hasattr(ctypes.CDLL(None), "mallopt"):
    sys.exit(3)
ctypes.CDLL(None).mallopt(-3, 32 << 20)
if "apart" in sys.argv:
    keep_large_blocks_apart()

def used():
    return int(re.search(r"VmRSS:\\s+(\\d+)", open("/proc/self/status").read())[1]) // 1024

large, little, blocks, small = b"x" * (2 * LARGE), b"x" * 4096, [], []
before = used()
for _ in range(200):
    blocks.append(bytearray(large))
    small.append(bytearray(little))
blocks.clear()
print(used() - before)
"""


def left(*how: str) -> int:
    """Megabytes that are left of a hundred when large blocks are let go that had small ones between them."""
    done = subprocess.run([sys.executable, "-c", HOLES, *how], capture_output=True, text=True, check=False)
    if done.returncode == 3:
        pytest.skip("the C library is not glibc")
    return int(done.stdout)


def test_large_blocks_that_are_let_go_leave_no_holes_in_the_heap() -> None:
    assert left() > 50, "as the heap is by itself"
    assert left("apart") < 10
