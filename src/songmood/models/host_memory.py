"""How the C library hands out memory: kept after use, so that a CPU training step does not fault it in anew."""

import ctypes
import logging
import platform

log = logging.getLogger(__name__)

TRIM_THRESHOLD, TOP_PAD, MMAP_MAX = -1, -2, -4  # mallopt(3) of the GNU C library
NEVER = -1
HEAP_STEP = 64 * 2**20  # bytes to grow the heap by


def keep_freed_memory() -> bool:
    """Have freed memory kept by this process for its next use; true where the C library can.

    By default glibc returns each block of more than 32 MB to the kernel when it is freed, and the next one costs a
    page fault for every 4 KiB, which the kernel must fill with zeros. A training step allocates gigabytes in such
    blocks, and PyTorch has a caching allocator for GPUs only. The price: the process stays as large as it ever was.

    It is for the whole process and cannot be undone, so it is for programs, not for libraries: call it once, before
    training on a CPU. Elsewhere than with glibc it does nothing.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    settings = ((MMAP_MAX, 0), (TRIM_THRESHOLD, NEVER), (TOP_PAD, HEAP_STEP))
    is_kept = all(mallopt(name, value) == 1 for name, value in settings)
    log.debug("freed memory is %s", "kept" if is_kept else "returned to the system")
    return is_kept
