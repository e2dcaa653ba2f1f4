"""`hydra/launcher=local`: here, because Hydra takes launchers from this package alone; what it does is songmood's."""

from collections.abc import Sequence

from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class LocalLauncher(Launcher):
    """A process for each job, some at a time, each with GPUs and cores of its own.

    Args:
        at_once: how many; None for one on each GPU, or on every two cores of a CPU.
    """

    def __init__(self, at_once: int | None = None) -> None:
        self.at_once = at_once

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Called by Hydra."""
        self.loader, self.config = hydra_context.config_loader, config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run all jobs to their ends."""
        from songmood.runs.sweeps.local import launch

        return launch(self.config, self.loader, job_overrides, initial_job_idx, self.at_once)
