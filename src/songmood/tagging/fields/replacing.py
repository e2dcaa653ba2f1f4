"""A file given new bytes in one step: whoever looks sees the old ones or the new ones."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """A copy beside a file, of its mode, owner and times, that takes its place when the block ends well.

    The name keeps the suffix, by which readers know the kind.

    Raises:
        OSError: the file or its folder cannot be written, or the disk is full.
    """
    if not os.access(path, os.W_OK):
        raise PermissionError(13, "it is read-only")
    partial = path.with_name(f".songmood-{os.getpid()}{path.suffix}")
    try:
        shutil.copyfile(path, partial)
        shutil.copystat(path, partial)
        with suppress(PermissionError, AttributeError):
            status = path.stat()
            os.chown(partial, status.st_uid, status.st_gid)
        yield partial
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
