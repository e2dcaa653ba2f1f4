"""How many processes are worth starting."""

import os


def usable_cores() -> int:
    """Cores that this process may run on: on a cluster often a few of many."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
