"""What can go wrong with a disk: no room, and files that are half there after a crash."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from songmood.errors import CacheError, SongmoodError

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}  # the disk, the user's quota, the process's limit on a file


def check_space(path: Path, needed: int) -> None:
    """CacheError with both numbers where the disk under `path` has fewer than `needed` bytes free."""
    free = shutil.disk_usage(path.parent).free
    if needed > free:
        raise CacheError(
            f"{path} needs {gigabytes(needed)} more on this disk and {gigabytes(free)} are free; "
            "make room or put the cache on another disk"
        )


@contextmanager
def full_disk_is_named(
    path: Path,
    kind: type[SongmoodError] = CacheError,
    remedy: str = "what is written is kept: make room and start the same build again to go on",
) -> Iterator[None]:
    """Turns the OSError of a full disk into one line about `path`; other errors pass.

    Args:
        path: what is being written.
        kind: of error to raise.
        remedy: what to do.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        free = shutil.disk_usage(path.parent).free
        raise kind(
            f"the disk is full ({error.strerror}; {gigabytes(free)} free) while writing {path}; {remedy}"
        ) from error


def write_at(descriptor: int, data: bytes | memoryview, offset: int) -> None:
    """Writes all of `data` at `offset`; unlike in a memory map, a full disk is an OSError here and not a signal."""
    view = memoryview(data).cast("B")
    while view:
        written = os.pwrite(descriptor, view, offset)
        view = view[written:]
        offset += written


def sync(path: Path) -> None:
    """Waits until a file's bytes, or a folder's entries, would survive a loss of power."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def gigabytes(size: int) -> str:
    """Such as ``"35.5 GB"``, or ``"3.2 MB"`` where that says more."""
    return f"{size / 1e9:,.1f} GB" if size >= 1e9 else f"{size / 1e6:,.1f} MB"
