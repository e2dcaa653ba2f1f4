"""A job of a sweep as Slurm runs it: a command that is begun anew wherever Slurm puts the job into the queue again."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from songmood.runs.command import reason
from songmood.runs.configuration import INTERRUPTED

if TYPE_CHECKING:
    from submitit.helpers import DelayedSubmission

BEGIN = "import signal; signal.signal(signal.SIGUSR2, signal.SIG_IGN); "  # it is submitit's, which requeues the job


@dataclass(frozen=True)
class SlurmJob:
    """What submitit carries to a node and calls there, once in each process of the job.

    Attributes:
        command: of the job's process; it goes on from the last checkpoint in its folder.
        failed: the file that says why it failed, where it could not say so itself.
    """

    command: list[str]
    failed: Path

    def __call__(self) -> None:
        """Run the job; its status is the Slurm job's."""
        from submitit.core.utils import UncompletedJobError

        threads = os.environ.get("SLURM_CPUS_PER_TASK", "1")
        try:
            status = subprocess.run(
                self.command, check=False, env={"OMP_NUM_THREADS": threads, **os.environ}
            ).returncode
        except UncompletedJobError as error:  # of submitit's signal, where it does not requeue
            self._say_why(f"{str(error).rstrip('.')} (hydra.launcher.max_num_timeout)")
            raise
        if status not in (0, INTERRUPTED):  # asked to end by Slurm, it comes into the queue again
            self._say_why(reason(status))
        if status:
            raise SystemExit(status)

    def checkpoint(self) -> "DelayedSubmission":
        """On submitit's signal, before the time is over: the same again, for an epoch's end has kept all there is."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)

    def _say_why(self, reason: str) -> None:
        self.failed.write_text(f"{reason}, in the Slurm job {os.environ.get('SLURM_JOB_ID')}\n", encoding="utf-8")
