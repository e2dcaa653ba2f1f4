"""What can go wrong with a disk: no room, and files that are half there after a crash."""

import errno
import os
import shutil
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from songmood.errors import CacheError, SongmoodError

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}  # the disk, the user's quota, the process's limit on a file


def check_room(needed: Mapping[Path, int]) -> None:
    """CacheError with the numbers where a disk lacks the bytes that these files and folders on it need together."""
    by_disk: dict[int, dict[Path, int]] = defaultdict(dict)
    for path, size in needed.items():
        present = next(place for place in (path, *path.absolute().parents) if place.exists())
        by_disk[present.stat().st_dev][present] = by_disk[present.stat().st_dev].get(present, 0) + size
    for sizes in by_disk.values():
        place, size = next(iter(sizes)), sum(sizes.values())
        free = shutil.disk_usage(place).free
        if size > free:
            raise CacheError(
                f"{gigabytes(size)} more are needed on the disk of {place} and {gigabytes(free)} are free; "
                "make room, or set SONGMOOD_DATA or the cache's path to another disk"
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
