"""`hydra/launcher=local`: the jobs of a sweep as processes of this machine, each with its share of it."""

import logging
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from hydra.core.config_loader import ConfigLoader
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobStatus, configure_log
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from songmood.runs.command import job_command, reason
from songmood.runs.configuration import as_written, plain
from songmood.runs.sweeps.job import FAILED, is_kept, objective
from songmood.runs.sweeps.slots import BEGIN, OUTPUT, Processes, slots_for
from songmood.runs.sweeps.standing import is_complete

log = logging.getLogger(__name__)

OF_THE_SWEEP = ("hydra/launcher", "hydra.launcher", "hydra/sweeper", "hydra.sweeper", "hydra.mode", "hydra.run")


def launch(
    config: DictConfig,
    loader: ConfigLoader,
    job_overrides: Sequence[Sequence[str]],
    first_number: int,
    at_once: int | None = None,
) -> list[JobReturn]:
    """Run jobs of a sweep, those that are finished already left out.

    Args:
        config: the sweep's.
        loader: composes a job's.
        job_overrides: of each job.
        first_number: of the jobs.
        at_once: how many; None for one on each GPU, or on every two cores of a CPU.

    Raises:
        ConfigError: a job wants more GPUs than there are.
        KeyboardInterrupt: on Ctrl-C, when all jobs have ended.
    """
    configure_log(config.hydra.hydra_logging, config.hydra.verbose)
    log.info("%d jobs, in %s", len(job_overrides), config.hydra.sweep.dir)
    first = composed(config, loader, job_overrides[0], first_number)  # the others want as much of the machine
    slots = slots_for(plain(first.trainer), at_once)
    processes, jobs = Processes(slots), []
    running: list[Future[None]] = []
    with ThreadPoolExecutor(len(slots)) as pool:
        try:
            for number, overrides in enumerate(job_overrides, first_number):
                jobs.append(job := composed(config, loader, overrides, number))
                if not is_kept_here(job):
                    more = f"hydra.job.num={number}"
                    command = job_command(job.hydra, more, passes=is_for_a_job, first=BEGIN)
                    running.append(pool.submit(carry_out, processes, Path(job.hydra.runtime.output_dir), command))
            for each in running:
                each.result()
        except KeyboardInterrupt:
            log.info("stopping %d jobs; start the sweep again to go on", len(processes.running))
            processes.stop()
            raise
    return [returned(job) for job in jobs]


def carry_out(processes: Processes, folder: Path, command: Sequence[str]) -> None:
    """Run a job; where it did not end by itself, its `failed.txt` says how."""
    status = processes.run(folder, command)
    if processes.is_stopping:
        return
    failed = folder / FAILED
    if status:
        failed.write_text(f"{reason(status)}; see {folder / OUTPUT}\n", encoding="utf-8")
    log.info("%s: %s", folder.name, failed.read_text(encoding="utf-8").strip() if failed.exists() else "finished")


def composed(config: DictConfig, loader: ConfigLoader, overrides: Sequence[str], number: int) -> DictConfig:
    """A job's configuration, its folder among it."""
    job = loader.load_sweep_config(config, list(overrides))
    outer = HydraConfig.instance().cfg
    with open_dict(job):
        job.hydra.job.id = job.hydra.job.num = number
    HydraConfig.instance().set_config(job)
    with read_write(job.hydra.runtime), open_dict(job.hydra.runtime):
        job.hydra.runtime.output_dir = str(Path(str(job.hydra.sweep.dir), str(job.hydra.sweep.subdir)).absolute())
    HydraConfig.instance().cfg = outer
    return job


def is_kept_here(job: DictConfig) -> bool:
    """Whether nothing is left to do, told here because that is sooner than a process is started."""
    folder = Path(job.hydra.runtime.output_dir)
    own = OmegaConf.masked_copy(job, [str(key) for key in job if key != "hydra"])
    if job.hydra.job.config_name != "train" or not is_kept(own, folder):
        return False
    log.info("%s: finished before", folder.name)
    return True


def is_for_a_job(override: str) -> bool:
    """Whether one of Hydra's own overrides is a job's business too."""
    return not override.lstrip("+~").startswith(OF_THE_SWEEP)


def returned(job: DictConfig) -> JobReturn:
    """What Hydra is told of a job that has ended."""
    folder = Path(job.hydra.runtime.output_dir)
    done = JobReturn(as_written(job.hydra.overrides.task), job, job.hydra, str(folder), job.hydra.job.name)
    done.status, done.return_value = JobStatus.COMPLETED, objective(folder) if is_complete(folder) else float("nan")
    return done
