"""The command line that runs one job in a process of its own, and what that one's end means."""

import signal
import sys
from collections.abc import Callable
from typing import Any

from songmood.runs.configuration import INTERRUPTED, as_written, quoted


def job_command(hydra: Any, *more: str, passes: Callable[[str], bool], first: str = "") -> list[str]:
    """A job as it was composed here, into the folder that was chosen for it here.

    Args:
        hydra: the job's `hydra` node.
        *more: further overrides.
        passes: which of Hydra's own overrides it gets too.
        first: a statement for the process to begin with.
    """
    start = f"from songmood.runs.entry import run; run({hydra.job.config_name!r})"
    command = [sys.executable, "-c", f"import sys; sys.path[:] = {sys.path}; {first}{start}"]
    for source in hydra.runtime.config_sources:
        if source.provider == "command-line":  # given by --config-dir
            command += ["--config-dir", source.path]
    own = [override for override in as_written(hydra.overrides.hydra) if passes(override)]
    place = f"hydra.run.dir={quoted(hydra.runtime.output_dir)}"
    return [*command, *as_written(hydra.overrides.task), *own, place, "hydra.mode=RUN", *more]


def reason(status: int) -> str:
    """Why a process ended with a status other than 0."""
    if status == INTERRUPTED:
        return "asked to end by a signal"
    if status > 0:
        return f"ended with status {status}"
    hint = ", often for a lack of memory" if -status == signal.SIGKILL else ""
    return f"killed by {signal.Signals(-status).name}{hint}"
