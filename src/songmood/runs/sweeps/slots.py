"""The share-out of a machine: slots, each the environment of one job at a time."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from songmood.cache.pool import usable_cores
from songmood.errors import ConfigError

CORES = 2  # for a job on a CPU, where nobody says how many jobs there are to be at once
GPUS, THREADS = "CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS"


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
