"""Columns that are long enough lie in a file without a name: a process has them in memory only while it reads them.

The file is the process's own and ends with it, however it ends.
"""

import mmap
import os
import resource
import tempfile
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

FOLDER: Final = os.environ.get("TMPDIR", "/var/tmp")
"""Where large temporary files belong; /tmp often lies in memory."""
_ALIGNED: Final = 8
FILES: Final = 0.5
"""The share of a process's open files that may be such ones: the others are for connections."""
MOST: Final = 1 << 16
"""Open files that are asked for: in these lie billions of movements."""


def spilled(columns: Sequence[NDArray[Any]]) -> Sequence[NDArray[Any]]:
    """The same columns, read-only and out of a file; as they are where no file can be written."""
    try:
        memory, places = _written(columns)
    except OSError:
        return columns
    return [
        np.frombuffer(memory, column.dtype, len(column), place)
        for column, place in zip(columns, places, strict=True)
    ]


def put_away(columns: Sequence[NDArray[Any]]) -> None:
    """The pages of columns out of a file are this process's no more; whoever reads them again gets them back."""
    held = columns[0].base
    if isinstance(held, memoryview) and isinstance(held.obj, mmap.mmap):
        held.obj.madvise(mmap.MADV_DONTNEED)


def _written(columns: Sequence[NDArray[Any]]) -> tuple[mmap.mmap, list[int]]:
    """A file of these columns, and where each of them begins."""
    places: list[int] = []
    with tempfile.TemporaryFile(dir=FOLDER) as file:
        if file.fileno() > FILES * _allowed():  # the lowest free number is taken
            raise OSError("too many files are open")
        for column in columns:
            places.append(file.seek(-file.tell() % _ALIGNED, os.SEEK_CUR))
            file.write(column.data)
        file.flush()
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), places


def _allowed() -> int:
    """How many files this process may have open: it takes what the machine grants to one that asks, within reason."""
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST if most == resource.RLIM_INFINITY else min(most, MOST)
    if now != resource.RLIM_INFINITY and now < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
    return wanted
