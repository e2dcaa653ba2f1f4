"""The lock on a cache in the making: one builder at a time, named to the others."""

import errno
import fcntl
import json
import logging
import os
import socket
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from songmood.cache.disk import sync
from songmood.errors import CacheBusyError

logger = logging.getLogger(__name__)

T = TypeVar("T")

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_HELD = {errno.EAGAIN, errno.EACCES}
_NO_LOCKS = {errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK, errno.EINVAL}  # some cluster file systems


class BuildLock:
    """Holds ``<cache>.lock`` while the block runs.

    The kernel's lock on the file counts, its text only names the holder, so a killed builder's lock is free at once and
    a process id that came round again frightens nobody.

    Attributes:
        is_after_crash: the last holder neither finished nor ran since this machine was started: what it wrote may be
            lost although later bytes are there.

    Raises:
        CacheBusyError: somebody else builds this cache; on entry.
    """

    def __init__(self, cache: Path) -> None:
        self.cache = cache
        self.path = cache.with_name(cache.name + ".lock")
        self.is_after_crash = False
        self._descriptor = -1

    def __enter__(self) -> "BuildLock":
        self.path.parent.mkdir(parents=True, exist_ok=True)
        while self._descriptor < 0:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                self._take(descriptor)
                if self._is_still_there(descriptor):  # the last holder may have removed it in between
                    self._descriptor = descriptor
            finally:
                if self._descriptor < 0:
                    os.close(descriptor)
        me = {"pid": os.getpid(), "host": socket.gethostname(), "boot": _boot()}
        last = _holder(self._descriptor)
        self.is_after_crash = bool(last) and last.get("boot") != me["boot"]
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, json.dumps(me).encode(), 0)
        os.fsync(self._descriptor)
        sync(self.path.parent)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.path.unlink(missing_ok=True)
        os.close(self._descriptor)
        self._descriptor = -1

    def _take(self, descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _NO_LOCKS:
                logger.warning("%s is on a file system without locks: do not start a second build of it", self.cache)
            elif error.errno in _HELD:
                holder = _holder(descriptor)
                who = f"process {holder['pid']} on {holder['host']}" if holder else "another process"
                raise CacheBusyError(
                    f"{self.cache} is being built by {who}; wait for it or stop it, the build then goes on where it was"
                ) from None
            else:
                raise

    def _is_still_there(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), self.path.stat())
        except FileNotFoundError:
            return False


def patiently(cache: Path, attempt: Callable[[], T]) -> T:
    """What `attempt` returns; where another process is building the cache, its end is awaited and the attempt repeated.

    So the jobs of a parallel sweep may all need a cache that is not there yet: one builds it, and all take it.
    """
    try:
        return attempt()
    except CacheBusyError as error:
        logger.info("waiting: %s", error)
    _wait(cache)
    return patiently(cache, attempt)


def _wait(cache: Path) -> None:
    """Return when nobody holds the cache's lock."""
    try:
        descriptor = os.open(BuildLock(cache).path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    finally:
        os.close(descriptor)


def _holder(descriptor: int) -> dict[str, Any]:
    """What the lock file says; empty where it says nothing (just created, or cut off by a crash)."""
    try:
        holder = json.loads(os.pread(descriptor, 4096, 0))
    except ValueError:
        return {}
    return holder if isinstance(holder, dict) and {"pid", "host"} <= holder.keys() else {}


def _boot() -> str:
    """Names the time since the machine was started; empty where the system does not tell."""
    return _BOOT_ID.read_text().strip() if _BOOT_ID.exists() else ""
