"""A sweep's jobs as a Slurm array: submitted once, found again by any later process, waited for.

A job that is preempted or out of time comes into the queue again under its number, and goes on in its folder from the
checkpoint of its last epoch: the same bits as of a job that nobody disturbed.
"""

import logging
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.utils import JobReturn, configure_log
from omegaconf import DictConfig

from songmood.errors import ConfigError
from songmood.runs.command import job_command
from songmood.runs.configuration import plain
from songmood.runs.sweeps.job import FAILED
from songmood.runs.sweeps.local import composed, is_for_a_job, is_kept_here, returned
from songmood.runs.sweeps.slots import devices_of
from songmood.runs.sweeps.slurm_job import BEGIN, SlurmJob

log = logging.getLogger(__name__)

SUBMITTED = "slurm.tsv"  # in the sweep's folder: the Slurm job of each job's folder
LOGS = ".submitit"
OF_ANY_CLUSTER = ("timeout_min", "cpus_per_task", "gpus_per_node", "mem_gb")  # the others are sbatch's alone
SECONDS = 5.0  # between two looks at the queue


def launch(
    config: DictConfig,
    loader: ConfigLoader,
    job_overrides: Sequence[Sequence[str]],
    first_number: int,
    settings: Mapping[str, Any],
) -> list[JobReturn]:
    """Submit what is neither finished nor in the queue, and wait for the end of all.

    Args:
        config: the sweep's.
        loader: composes a job's.
        job_overrides: of each job.
        first_number: of the jobs.
        settings: of `conf/hydra/launcher/slurm.yaml`.

    Raises:
        ConfigError: submitit is not installed, or Slurm does not answer.
        KeyboardInterrupt: on Ctrl-C; the jobs go on.
    """
    configure_log(config.hydra.hydra_logging, config.hydra.verbose)
    sweep = Path(str(config.hydra.sweep.dir))
    jobs = [composed(config, loader, overrides, number) for number, overrides in enumerate(job_overrides, first_number)]
    left = {_folder(job): job for job in jobs if not is_kept_here(job)}
    waited = {folder: slurm_id for folder, slurm_id in _queued(sweep).items() if folder in left}
    if waited:
        log.info("%d jobs are in the queue already", len(waited))
    new = {folder: job for folder, job in left.items() if folder not in waited}
    if new:
        waited |= _submit(sweep, list(new.values()), settings)
    try:
        _wait(waited)
    except KeyboardInterrupt:
        log.info("the jobs go on; `songmood sweep resume %s` finds them again, scancel ends them", sweep)
        raise
    for folder, slurm_id in waited.items():
        if not (folder / "metrics.json").is_file() and not (folder / FAILED).is_file():
            reason = f"its Slurm job {slurm_id} ended without results; see {sweep / LOGS / slurm_id}"
            (folder / FAILED).write_text(reason + "\n", encoding="utf-8")
    return [returned(job) for job in jobs]


def _submit(sweep: Path, jobs: Sequence[DictConfig], settings: Mapping[str, Any]) -> dict[Path, str]:
    """An array of jobs, which all want as much as the first."""
    try:
        import submitit
    except ImportError:
        raise ConfigError("hydra/launcher=slurm needs submitit: pip install 'songmood[slurm]'") from None
    given = {key: value for key, value in settings.items() if value is not None}
    if given["signal_delay_s"] >= 60 * given["timeout_min"]:  # Slurm would signal a job as it starts, again and again
        said = f"hydra.launcher.signal_delay_s={given['signal_delay_s']} is all of timeout_min={given['timeout_min']}"
        raise ConfigError(f"{said}: at least an epoch must fit in before it")
    timeouts, more = given.pop("max_num_timeout"), given.pop("additional_parameters")
    trainer = plain(jobs[0].trainer)
    devices = devices_of(trainer["devices"], 0)
    if trainer["accelerator"] in ("gpu", "cuda"):
        given.setdefault("gpus_per_node", devices)
    executor = submitit.AutoExecutor(sweep / LOGS / "%j", cluster="slurm", slurm_max_num_timeout=timeouts)
    executor.update_parameters(
        name=sweep.name,
        nodes=trainer.get("num_nodes") or 1,
        tasks_per_node=devices,
        slurm_additional_parameters={"requeue": True, **more},
        slurm_srun_args=["--kill-on-bad-exit=1"],  # a process of a distributed run would wait for a dead one
        **{key if key in OF_ANY_CLUSTER else f"slurm_{key}": value for key, value in given.items()},
    )
    submitted = {}
    tasks = [SlurmJob(_command(job), _folder(job) / FAILED) for job in jobs]
    for job, task in zip(jobs, tasks, strict=True):
        _folder(job).mkdir(parents=True, exist_ok=True)
        task.failed.unlink(missing_ok=True)
    with executor.batch():
        sent = [executor.submit(task) for task in tasks]
    with (sweep / SUBMITTED).open("a", encoding="utf-8") as file:
        for job, slurm in zip(jobs, sent, strict=True):
            submitted[_folder(job)] = slurm.job_id
            file.write(f"{slurm.job_id}\t{_folder(job)}\n")
    log.info("submitted %s", ", ".join(submitted.values()))
    return submitted


def _command(job: DictConfig) -> list[str]:
    return job_command(job.hydra, f"hydra.job.num={job.hydra.job.num}", passes=is_for_a_job, first=BEGIN)


def _folder(job: DictConfig) -> Path:
    return Path(job.hydra.runtime.output_dir)


def _queued(sweep: Path) -> dict[Path, str]:
    """The Slurm jobs of the sweep's folders that are waiting or at work."""
    submitted = sweep / SUBMITTED
    if not submitted.is_file():
        return {}
    lines = [line.split("\t") for line in submitted.read_text(encoding="utf-8").splitlines()]
    known = _in_queue(slurm_id for slurm_id, _ in lines)
    return {Path(folder): slurm_id for slurm_id, folder in lines if slurm_id in known}


def _in_queue(wanted: Iterable[str]) -> set[str]:
    """Which of these Slurm jobs the queue holds.

    Raises:
        ConfigError: Slurm does not answer.
    """
    try:
        asked = subprocess.run(
            ["squeue", "--me", "--noheader", "--array", "--format=%i"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        said = getattr(error, "stderr", None) or str(error)
        raise ConfigError(f"squeue: {' '.join(said.split())}; is this a node of a Slurm cluster?") from error
    return set(asked.stdout.split()) & set(wanted)


def _wait(jobs: Mapping[Path, str]) -> None:
    """Until none is in the queue; a controller that does not answer for a while is asked again."""
    left = set(jobs.values())
    while left:
        time.sleep(SECONDS)
        try:
            now = _in_queue(left)
        except ConfigError as error:
            log.warning(str(error))
            continue
        for folder, slurm_id in jobs.items():
            if slurm_id in left - now:
                log.info("%s: the Slurm job %s has ended", folder.name, slurm_id)
        left = now
