"""Jobs as processes of this machine: each with its share of it, one's death is not the others', all end together."""

import logging
import os
import signal
import subprocess
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue

from hydra.core.config_loader import ConfigLoader
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobStatus, configure_log
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from songmood.runs.command import job_command, reason
from songmood.runs.configuration import as_written, plain
from songmood.runs.sweeps.job import FAILED, is_kept, objective
from songmood.runs.sweeps.slots import slots_for
from songmood.runs.sweeps.standing import is_complete

log = logging.getLogger(__name__)

OUTPUT = "output.log"  # all that a job printed
OF_THE_SWEEP = ("hydra/launcher", "hydra.launcher", "hydra/sweeper", "hydra.sweeper", "hydra.mode", "hydra.run")
BEGIN = f"from {__name__} import leave_with_parent; leave_with_parent(); "


class Processes:
    """Commands at work, each in a slot of the machine.

    Args:
        slots: environments, each of one process at a time.
    """

    def __init__(self, slots: Sequence[dict[str, str]]) -> None:
        self.free: SimpleQueue[dict[str, str]] = SimpleQueue()
        for slot in slots:
            self.free.put(slot)
        self.running: dict[Path, subprocess.Popen[bytes]] = {}
        self.is_stopping = False

    def run(self, folder: Path, command: Sequence[str]) -> None:
        """Wait for a slot, then for the process's end; where it did not end by itself, `failed.txt` says how.

        Args:
            folder: gets what it prints.
            command: started in a session of its own, so that Ctrl-C reaches it once, from here.
        """
        slot = self.free.get()
        try:
            if self.is_stopping:
                return
            log.info("%s: started %s", folder.name, " ".join(f"{key}={value}" for key, value in slot.items()))
            status = self._wait(folder, command, {**os.environ, **slot})
        finally:
            self.free.put(slot)
        if self.is_stopping:
            return
        failed = folder / FAILED
        if said := reason(status):
            failed.write_text(f"{said}; see {folder / OUTPUT}\n", encoding="utf-8")
        log.info("%s: %s", folder.name, failed.read_text(encoding="utf-8").strip() if failed.exists() else "finished")

    def _wait(self, folder: Path, command: Sequence[str], environment: dict[str, str]) -> int:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / OUTPUT).open("ab") as output:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )
        self.running[folder] = process
        if self.is_stopping:  # since just now
            process.terminate()
        with process:
            status = process.wait()
            del self.running[folder]
            with suppress(ProcessLookupError):  # what a dead job left, such as other processes of a distributed run
                os.killpg(process.pid, signal.SIGKILL)
        return status

    def stop(self) -> None:
        """Ask all to end in order: each has its last checkpoint to go on from."""
        self.is_stopping = True
        for process in [*self.running.values()]:
            process.terminate()


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
    with ThreadPoolExecutor(len(slots)) as pool:
        try:
            for number, overrides in enumerate(job_overrides, first_number):
                jobs.append(job := composed(config, loader, overrides, number))
                if not is_kept_here(job):
                    more = f"hydra.job.num={number}"
                    command = job_command(job.hydra, more, passes=is_for_a_job, first=BEGIN)
                    pool.submit(processes.run, Path(job.hydra.runtime.output_dir), command)
            pool.shutdown()
        except KeyboardInterrupt:
            log.info("stopping %d jobs; start the sweep again to go on", len(processes.running))
            processes.stop()
            raise
    return [returned(job) for job in jobs]


def leave_with_parent() -> None:
    """End in order when the process that started this one is no more: its end of standard input closes then."""

    def wait() -> None:
        os.read(0, 1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="leave with parent", daemon=True).start()


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
