"""The program `puhui`: an interrupt ends it without a word, from its first moment on; all else is imported after that."""

import sys
from collections.abc import Sequence

INTERRUPTED = 130
"""The exit status that shells give to a program which Ctrl-C has ended."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status."""
    try:
        from puhui.command_line import run

        return run(arguments)
    except KeyboardInterrupt:
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
