"""The lock on a cache in the making: one builder at a time, named to the others."""

import errno
import json
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from songmood.errors import CacheError

logger = logging.getLogger(__name__)

_NO_LOCKS = {errno.EOPNOTSUPP, errno.ENOLCK, errno.EINVAL}  # some cluster file systems


@contextmanager
def build_lock(cache: Path, *, is_patient: bool = False) -> Iterator[None]:
    """Holds ``<cache>.lock`` while the block runs; the patient wait for another holder's end.

    The kernel's lock on the file counts, its text only names the holder, so a killed builder's lock is free at once and
    a process id that came round again frightens nobody.

    Raises:
        CacheError: somebody else builds this cache; of the impatient.
    """
    from filelock import FileLock, Timeout  # late: it brings asyncio, and most runs find their cache finished

    path = cache.with_name(cache.name + ".lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CacheError(f"no folder can be made for {cache}: {error.strerror}; choose another place") from None
    lock = FileLock(path)
    try:
        try:
            lock.acquire(blocking=False)
        except Timeout:
            busy = f"{cache} is being built by {_holder(path)}"
            if not is_patient:
                raise CacheError(f"{busy}; wait for it or stop it, the build then goes on where it was") from None
            logger.info("waiting: %s", busy)
            lock.acquire()
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        logger.warning("%s is on a file system without locks: do not start a second build of it", cache)
    try:
        path.write_text(json.dumps({"pid": os.getpid(), "host": socket.gethostname()}), encoding="utf-8")
        yield
    finally:
        path.unlink(missing_ok=True)  # whoever waits for this file notices that it is gone, and takes a new one
        lock.release()


def _holder(path: Path) -> str:
    try:
        holder = json.loads(path.read_text(encoding="utf-8"))
        return f"process {holder['pid']} on {holder['host']}"
    except (OSError, ValueError, TypeError, KeyError):  # it is just being written, or was just given back
        return "another process"
