"""A command that SIGINT ends, however the tests were started."""

import sys
from collections.abc import Sequence

RESTORE = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"


def interruptible(command: Sequence[str]) -> list[str]:
    """`command` with SIGINT as a terminal has it: a shell in the background makes its children ignore it."""
    return [sys.executable, "-c", RESTORE, *command]
