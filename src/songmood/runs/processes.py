"""What a run asks of its process: threads, quiet libraries, and further processes that run this one job.

Lightning starts the other processes of a distributed run with the command line of the first. In a sweep that is the
whole sweep, so each process would run all of it (Lightning-AI/pytorch-lightning#18175); from a notebook it is the
notebook. Here a process gets the one job's overrides.
"""

import logging
import multiprocessing
import os
import warnings
from collections.abc import Sequence

import pytorch_lightning as pl
import torch
from hydra.core.hydra_config import HydraConfig
from lightning_fabric.utilities.rank_zero import rank_zero_only
from pytorch_lightning.strategies.launchers import subprocess_script

from songmood.runs.command import job_command, reason

DEFAULT_THREADS = torch.get_num_threads()  # one per core that this process may use, or what OMP_NUM_THREADS says
LAUNCH_VARIABLES = ("LOCAL_RANK", "NODE_RANK", "MASTER_ADDR", "MASTER_PORT", "WORLD_SIZE")
UNWANTED = (  # warnings
    r".*isinstance\(treespec, LeafSpec\).*",  # Lightning's, with torch 2.13
    "The `srun` command is available on your system",  # where Slurm is installed and the run is none of its jobs
    ".*does not have many workers.*",  # the dataset gathers whole batches: more workers would not help
    ".*The number of training batches.*is smaller than the logging interval.*",
)
SAYS_NOTHING = ("litlogger", "💡", "tpu available", "gpu available: false", "stopped: `max_epochs")


def prepare_process(threads: int | None) -> None:
    """Settle threads, what libraries may print and how further processes start."""
    _quiet_libraries()
    setattr(subprocess_script, "_hydra_subprocess_cmd", _command_of_this_job)  # noqa: B010 - private, by name
    # A parallel sweep's job names a way to start processes that those it starts do not know (pytorch#44687).
    if multiprocessing.get_start_method(allow_none=True) not in (None, *multiprocessing.get_all_start_methods()):
        multiprocessing.set_start_method("spawn", force=True)
    torch.set_num_threads(threads or DEFAULT_THREADS)


def killed_process(trainer: pl.Trainer) -> str | None:
    """Which process that this one has started was killed, and how: what is raised here then is of its silence only."""
    for rank, process in enumerate(getattr(trainer.strategy.launcher, "procs", ()), start=1):
        if (process.poll() or 0) < 0:
            return f"process {rank} of this run was {reason(process.returncode)}"
    return None


def leave_processes() -> None:
    """Forget the process group: Lightning leaves its variables set, and the next job would believe it was launched."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
        for name in LAUNCH_VARIABLES:
            os.environ.pop(name, None)
    setattr(rank_zero_only, "rank", 0)  # noqa: B010 - a function that Lightning hangs the rank on


def _command_of_this_job(local_rank: int) -> tuple[Sequence[str], str]:
    hydra = HydraConfig.get()
    more = ("hydra.output_subdir=null", f"hydra.job.name={hydra.job.name}_process_{local_rank}")
    return job_command(
        hydra, *more, passes=lambda override: override.startswith("hydra.searchpath=")
    ), hydra.runtime.cwd


def _is_about_this_run(record: logging.LogRecord) -> bool:
    """Not what Lightning logs for each Trainer: advertisements, absent hardware."""
    message = record.getMessage().lower()
    return not any(phrase in message for phrase in SAYS_NOTHING)


def _quiet_libraries() -> None:
    for name in ("pytorch_lightning.utilities.rank_zero", "lightning_fabric.utilities.rank_zero"):
        logging.getLogger(name).addFilter(_is_about_this_run)  # once, however often it is added
    for message in UNWANTED:
        warnings.filterwarnings("ignore", message=message)
