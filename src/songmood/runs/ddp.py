"""Distributed runs under Hydra: each process runs this job alone, and the next job of a sweep starts clean.

Lightning starts the other processes with the command line of the first. In a sweep that is the whole sweep, so each
process would run all of it (Lightning-AI/pytorch-lightning#18175). Here a process gets the one job's overrides.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from hydra.core.hydra_config import HydraConfig
from lightning_fabric.utilities.rank_zero import rank_zero_only
from pytorch_lightning.strategies.launchers import subprocess_script

LAUNCH_VARIABLES = ("LOCAL_RANK", "NODE_RANK", "MASTER_ADDR", "MASTER_PORT", "WORLD_SIZE")


def start_processes_with_one_job() -> None:
    """Make Lightning start its further processes with this job's overrides and folder."""
    setattr(subprocess_script, "_hydra_subprocess_cmd", _command_of_this_job)  # noqa: B010 - private, by name


def _command_of_this_job(local_rank: int) -> tuple[Sequence[str], str]:
    hydra = HydraConfig.get()
    command = [sys.executable, str(Path(sys.argv[0]).resolve()), "--config-name", str(hydra.job.config_name)]
    for source in hydra.runtime.config_sources:
        if source.provider == "command-line":  # given by --config-dir
            command += ["--config-dir", source.path]
    command += list(hydra.overrides.task)
    command += [override for override in hydra.overrides.hydra if override.startswith("hydra.searchpath=")]
    command += [f"hydra.run.dir='{hydra.runtime.output_dir}'", "hydra.output_subdir=null", "hydra.mode=RUN"]
    command += [f"hydra.job.name={hydra.job.name}_process_{local_rank}"]
    return command, hydra.runtime.cwd


def leave_processes() -> None:
    """Forget the process group: Lightning leaves its variables set, and the next job would believe it was launched."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
        for name in LAUNCH_VARIABLES:
            os.environ.pop(name, None)
    setattr(rank_zero_only, "rank", 0)  # noqa: B010 - a function that Lightning hangs the rank on
