"""Memory for batches that is used again: filled by whoever reads, lent out as tensors, without a copy in between.

The kernel must find, clear and map new memory page by page, and for each batch of a DataLoader's worker in two
processes: that costs more than the copy itself, with workers several times as much. A slot is safe to hold on to: it
comes back when the last tensor that looks into it is gone, and who asks while none is free is told so.
"""

import shutil
import weakref
from collections import deque
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from songmood.errors import ConfigError

NO_SLOT = -1
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  # where Linux keeps it; containers often have 64 MB


class Slots:
    """A fixed number of equal pieces of memory.

    Args:
        count: of slots.
        shape: of a slot, the first axis for windows.
        is_shared: with the worker processes.

    Raises:
        ConfigError: where the system has less shared memory than that; writing to it would kill the process.
    """

    def __init__(self, count: int, shape: tuple[int, ...], *, is_shared: bool) -> None:
        self.memory = torch.from_numpy(
            np.empty((count, *shape), np.float16)
        )  # NumPy asks for huge pages, torch does not
        if is_shared:
            _check_room(self.memory.nbytes)
            self.memory.share_memory_()  # type: ignore[no-untyped-call]
        self._free = deque(range(count))
        self._filling: set[int] = set()

    def take(self) -> int:
        """A slot to fill, or `NO_SLOT`."""
        if not self._free:
            return NO_SLOT
        slot = self._free.pop()  # the one last used, of which the most is still in the processor's cache
        self._filling.add(slot)
        return slot

    def lend(self, slot: int, size: int) -> Tensor:
        """The first `size` windows of a slot that was filled; it is free again once nothing refers to them."""
        self._filling.remove(slot)
        array = self.memory.numpy()[slot, :size]
        weakref.finalize(array, self._free.append, slot).atexit = False
        return torch.from_numpy(array)  # keeps `array` alive for as long as any view of its memory

    def reclaim(self) -> None:
        """Take back what was to be filled for a reader that has left; no worker may be at it any more."""
        self._free.extend(self._filling)
        self._filling.clear()


def _check_room(needed: int) -> None:
    if SHARED_MEMORY.is_dir() and shutil.disk_usage(SHARED_MEMORY).free < needed:
        free = shutil.disk_usage(SHARED_MEMORY).free
        raise ConfigError(
            f"data.num_workers: workers need {needed / 1e6:.0f} MB of shared memory and {SHARED_MEMORY} has "
            f"{free / 1e6:.0f} MB free; take data.num_workers=0, or smaller batches, or a larger {SHARED_MEMORY}"
        )
