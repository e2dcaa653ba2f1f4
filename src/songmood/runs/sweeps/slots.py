"""The share-out of a machine: slots, each the environment of one process at a time, and the processes in them."""

import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from songmood.cache.pool import usable_cores
from songmood.errors import ConfigError

log = logging.getLogger(__name__)

CORES = 2  # for a job on a CPU, where nobody says how many jobs there are to be at once
GPUS, THREADS = "CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS"
OUTPUT = "output.log"  # all that a process printed
BEGIN = f"from {__name__} import leave_with_parent; leave_with_parent(); "
GRACE = 20  # seconds to end in order


class Processes:
    """Commands at work, each in a slot; one's death is not the others', and all end together.

    Args:
        slots: environments, each of one process at a time.
    """

    def __init__(self, slots: Sequence[Mapping[str, str]]) -> None:
        self.free: SimpleQueue[Mapping[str, str]] = SimpleQueue()
        for slot in slots:
            self.free.put(slot)
        self.running: set[subprocess.Popen[bytes]] = set()
        self.is_stopping = False

    def run(self, folder: Path, command: Sequence[str]) -> int:
        """Wait for a slot, then for the end of the process and of all that it started.

        Args:
            folder: gets what it prints.
            command: started in a session of its own, so that Ctrl-C reaches it once, from here.

        Returns:
            Its status, negative for a signal; 0 where all are asked to end before it has begun.
        """
        slot = self.free.get()
        try:
            if self.is_stopping:
                return 0
            if slot:
                log.info("%s: started %s", folder.name, " ".join(f"{key}={value}" for key, value in slot.items()))
            return self._run(folder, command, {**os.environ, **slot})
        finally:
            self.free.put(slot)

    def _run(self, folder: Path, command: Sequence[str], environment: Mapping[str, str]) -> int:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / OUTPUT).open("ab") as output:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,  # whose end it takes for ours
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )
        self.running.add(process)
        if self.is_stopping:  # since just now
            process.terminate()
        with process:
            status = process.wait()
            self.running.discard(process)
            _kill_group(process.pid)  # what a dead one left, such as others of a distributed run
        return status

    def stop(self) -> None:
        """Ask all to end in order: each has its last checkpoint to go on from. What takes too long is killed."""
        self.is_stopping = True
        asked = [*self.running]
        for process in asked:
            process.terminate()
        end = time.monotonic() + GRACE
        for process in asked:
            try:
                process.wait(max(0.0, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                _kill_group(process.pid)


def leave_with_parent() -> None:
    """End, with all that was started here, when the process that started this one is no more.

    Its end of standard input closes then. That is at once: who goes on is to find nothing at work in a run's folder,
    and the last epoch's checkpoint is there.
    """

    def wait() -> None:
        os.read(0, 1)
        _kill_group(os.getpid())

    threading.Thread(target=wait, name="leave with parent", daemon=True).start()


def _kill_group(leader: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)


def slots_for(trainer: Mapping[str, Any], at_once: int | None = None) -> list[dict[str, str]]:
    """This machine's slots for jobs of one trainer: its GPUs shared out where it wants some and there are any.

    Args:
        trainer: the configuration's node, of which `accelerator` and `devices` count.
        at_once: jobs at a time; None for one on each GPU, or on every two cores of a CPU.

    Raises:
        ConfigError: a job wants more GPUs than there are.
    """
    gpus = [] if trainer["accelerator"] == "cpu" else visible_gpus()
    return share_out(gpus, usable_cores(), devices_of(trainer["devices"], len(gpus)), at_once)


def share_out(gpus: Sequence[str], cores: int, per_job: int = 1, at_once: int | None = None) -> list[dict[str, str]]:
    """Slots of `per_job` GPUs each and an even share of the cores.

    Args:
        gpus: as `CUDA_VISIBLE_DEVICES` names them; none for a CPU.
        cores: to share out, one at least for each process of a job.
        per_job: processes of a job, with a GPU each where there are GPUs.
        at_once: slots; more than there are GPUs for share GPUs. None for one on each GPU, or on every two cores.

    Raises:
        ConfigError: a job wants more GPUs than there are.

    Example:
        >>> share_out(["0", "1"], cores=8)
        [{'OMP_NUM_THREADS': '4', 'CUDA_VISIBLE_DEVICES': '0'}, {'OMP_NUM_THREADS': '4', 'CUDA_VISIBLE_DEVICES': '1'}]
    """
    if gpus and per_job > len(gpus):
        raise ConfigError(f"trainer.devices={per_job}: only {len(gpus)} GPUs are visible here ({','.join(gpus)})")
    groups = [gpus[first : first + per_job] for first in range(0, len(gpus) - per_job + 1, per_job)]
    number = at_once or len(groups) or max(1, cores // (CORES * per_job))
    threads = {THREADS: str(max(1, cores // (number * per_job)))}
    return [threads | ({GPUS: ",".join(groups[slot % len(groups)])} if groups else {}) for slot in range(number)]


def visible_gpus() -> list[str]:
    """The GPUs that this process may use, as `CUDA_VISIBLE_DEVICES` names them."""
    if GPUS in os.environ:
        return [name.strip() for name in os.environ[GPUS].split(",") if name.strip()]
    import torch

    return [str(number) for number in range(torch.cuda.device_count())]


def devices_of(devices: Any, num_gpus: int) -> int:
    """How many a job asks for: a number, a list of them, or in Lightning's words all (-1) or what is there (auto)."""
    if isinstance(devices, list):
        return len(devices)
    if devices in (-1, "-1"):
        return max(1, num_gpus)
    return 1 if devices == "auto" else int(devices)
