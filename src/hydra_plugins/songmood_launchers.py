"""`hydra/launcher=local` and `=slurm`: here, because Hydra takes launchers from this package alone."""

from collections.abc import Sequence
from typing import Any

from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class SongmoodLauncher(Launcher):
    """What both are told.

    Args:
        **settings: of their file in `conf/hydra/launcher`.
    """

    def __init__(self, **settings: Any) -> None:
        self.settings = settings

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Called by Hydra."""
        self.loader, self.config = hydra_context.config_loader, config


class LocalLauncher(SongmoodLauncher):
    """A process for each job, some at a time, each with GPUs and cores of its own."""

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run all jobs to their ends."""
        from songmood.runs.sweeps.local import launch

        return launch(self.config, self.loader, job_overrides, initial_job_idx, **self.settings)


class SlurmLauncher(SongmoodLauncher):
    """An array of Slurm jobs."""

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Submit all jobs and see them to their ends."""
        from songmood.runs.sweeps.slurm import launch

        return launch(self.config, self.loader, job_overrides, initial_job_idx, self.settings)
