"""A worker on SQLite whose disk gets full: `python -m tests.full_disk BROKER FOLDER UNTIL AFTER RESULT`.

A program of its own, because it is run where the folder is a small file system (`tests.parts.disk`).
"""

import pickle
import sys
from datetime import date
from pathlib import Path

from tests.flow import flow
from tests.installation import Installation
from tests.killing import Run
from tests.parts.disk import fill, make_room


def main(broker: str, folder: str, until: str, after: str, result: str) -> None:
    """Run it, and leave what it came to in a file."""
    disk = Path(folder)

    def fault(run: Run) -> None:
        fill(disk)
        run.wait_for_word("cannot be written: ", "full")
        make_room(disk)

    installation = Installation(Path(result).parent / "inside", broker, f"sqlite:{disk / 'puhui.db'}")
    records = flow(installation.partitions, date.fromisoformat(until))
    Path(result).write_bytes(pickle.dumps(Run(installation, records).disturbed(fault, int(after))))


if __name__ == "__main__":
    main(*sys.argv[1:])
