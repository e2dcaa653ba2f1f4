"""What is finished: a line for each file in an append-only journal, so that a killed run goes on where it was.

The first line says what the results are of. Every other line is a key, a tab and a result: the key (path, size, time of
the last change) is read alone when a run starts, so that a hundred thousand finished files are passed over in seconds.
A torn last line is ignored.
"""

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO, NamedTuple

from filelock import FileLock, Timeout

from songmood.errors import TaggingError
from songmood.tagging.batch.result import About, Failed, Result, from_plain, to_plain

FAILED = b'{"failed"'  # how such a result begins


class Key(NamedTuple):
    """A file as it was when it was tagged: bytes and nanoseconds."""

    path: str
    size: int
    changed: int


def key_of(path: str) -> Key | None:
    """The key of a file as it is now; None where it cannot be looked up."""
    try:
        status = os.stat(path)  # noqa: PTH116 -- of a million files
    except OSError:
        return None
    return Key(path, status.st_size, status.st_mtime_ns)


class Ledger:
    """The journal of one run, or of one shard of it, opened to go on; one process at a time.

    Args:
        path: the file; made where it is missing, and begun anew where its results are of something else.
        about: what the results are of.

    Raises:
        TaggingError: it cannot be written, or another process is at it.
    """

    def __init__(self, path: Path, about: About) -> None:
        self.path = path
        self.about = about
        self._known: dict[str, tuple[int, int, int]] = {}  # path -> size, time of change, place of its newest result
        self._failed: set[str] = set()
        self._lock = FileLock(f"{path}.lock", timeout=0)  # ends with the process
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
            self._out = path.open("ab", buffering=0)  # so that what a full disk refuses is not tried again at the end
            self._file: BinaryIO = path.open("rb")
        except Timeout:  # an OSError, too
            raise TaggingError(f"{path} is being written by another process: wait for it, or take another -o") from None
        except OSError as error:
            raise TaggingError(f"{path} cannot be written ({error.strerror}): choose another folder with -o") from error
        self._read()

    def _read(self) -> None:
        self._file.seek(0)
        whole, keys, places, failed = 0, [], [], []
        for line in self._file:
            if not line.endswith(b"\n") or (whole == 0 and _about(line) != self.about):
                break
            if whole:
                key, _, result = line.partition(b"\t")
                keys.append(key)
                places.append(whole)
                failed.append(result.startswith(FAILED))
            whole += len(line)
        read = json.loads(b"[%b]" % b",".join(keys))  # at once: a call for each would take longer than the rest
        for (path, size, changed), place, is_failed in zip(read, places, failed, strict=True):
            self._remember(path, size, changed, place, is_failed)
        self._out.truncate(whole)
        if not whole:
            self._begin()

    def _begin(self) -> None:
        self._append(json.dumps(asdict(self.about)).encode())

    def clear(self) -> None:
        """Forget all results."""
        self._known.clear()
        self._failed.clear()
        self._out.truncate(0)
        self._begin()

    def __contains__(self, key: Key) -> bool:
        """Whether this very file is finished, or known not to be usable."""
        known = self._known.get(key.path)
        return known is not None and known[0] == key.size and known[1] == key.changed

    @property
    def size(self) -> int:
        """Bytes: it only grows."""
        return self._out.seek(0, os.SEEK_END)

    def knows(self, path: str) -> bool:
        """Whether there is a result of the file as it once was."""
        return path in self._known

    def _remember(self, path: str, size: int, changed: int, place: int, is_failed: bool) -> None:
        self._known[path] = size, changed, place
        (self._failed.add if is_failed else self._failed.discard)(path)

    def failed(self, paths: Iterable[str]) -> list[Failed]:
        """Those of some paths that could not be used, in their order; no other result is read for that."""
        found = self.results(path for path in paths if path in self._failed)
        return [result for result in found if isinstance(result, Failed)]

    def add(self, key: Key, result: Result) -> None:
        """Remember a result; a kill right after that does not lose it.

        Raises:
            TaggingError: the disk is full.
        """
        place = self._append(json.dumps(key).encode() + b"\t" + json.dumps(to_plain(result)).encode())
        self._remember(*key, place, isinstance(result, Failed))

    def _append(self, line: bytes) -> int:
        place = self._out.seek(0, os.SEEK_END)
        rest = memoryview(line + b"\n")
        try:
            while rest:
                rest = rest[self._out.write(rest) :]
        except OSError as error:
            raise TaggingError(
                f"{self.path} cannot be written ({error.strerror}): make room and start the same command again to go on"
            ) from error
        return place

    def results(self, paths: Iterable[str]) -> Iterator[Result]:
        """The results of paths that are finished, in their order; others are left out."""
        for path in paths:
            if path in self._known:
                self._file.seek(self._known[path][2])
                yield from_plain(path, json.loads(self._file.readline().split(b"\t", 1)[1]), self.about)

    def close(self) -> None:
        """Let others open it."""
        self._file.close()
        self._out.close()
        self._lock.release()


def read_about(path: Path) -> About:
    """What the results in a ledger are of.

    Raises:
        TaggingError: it is no ledger.
    """
    with path.open("rb") as file:
        found = _about(file.readline())
    if found is None:
        raise TaggingError(f"{path} is damaged in its first line: remove it and run its shard again")
    return found


def _about(line: bytes) -> About | None:
    try:
        plain = json.loads(line)
        thresholds = plain["thresholds"] if plain["thresholds"] is None else tuple(plain["thresholds"])
        return About(**plain | {"names": tuple(plain["names"]), "thresholds": thresholds})
    except (ValueError, TypeError, KeyError):
        return None
