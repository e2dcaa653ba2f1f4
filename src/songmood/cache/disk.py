"""What can go wrong with a disk: no room, and files that are half there after a crash."""

import errno
import os
import shutil
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from rich.filesize import decimal

from songmood.errors import CacheError, SongmoodError

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}  # the disk, the user's quota, the process's limit on a file


def check_room(needed: Mapping[Path, int]) -> None:
    """CacheError with the numbers where a disk lacks the bytes that these files and folders on it need together."""
    by_disk: dict[int, list[tuple[Path, int]]] = defaultdict(list)
    for path, size in needed.items():
        present = next(place for place in (path, *path.absolute().parents) if place.exists())
        by_disk[present.stat().st_dev].append((present, size))
    for sizes in by_disk.values():
        place, size = sizes[0][0], sum(size for _, size in sizes)
        free = shutil.disk_usage(place).free
        if size > free:
            raise CacheError(
                f"{decimal(size)} more are needed on the disk of {place} and {decimal(free)} are free; "
                "make room, or set SONGMOOD_DATA or the cache's path to another disk"
            )


def taken(path: Path) -> int:
    """Bytes that a file takes of the disk, its holes none; 0 where there is no file."""
    return path.stat().st_blocks * 512 if path.exists() else 0


@contextmanager
def full_disk_is_named(
    path: Path,
    kind: type[SongmoodError] = CacheError,
    remedy: str = "what is written is kept: make room and start the same build again to go on",
) -> Iterator[None]:
    """Turns the OSError of a full disk into one line about `path`, which is being written; other errors pass."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        free = shutil.disk_usage(path.parent).free
        raise kind(
            f"the disk is full ({error.strerror}; {decimal(free)} free) while writing {path}; {remedy}"
        ) from error


def sync(path: Path) -> None:
    """Waits until a file's bytes, or a folder's entries, would survive a loss of power."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
