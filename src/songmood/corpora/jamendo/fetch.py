"""Many files at once over a few connections, handed on as they come, never far ahead of whoever uses them up."""

import hashlib
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from songmood.cache.disk import full_disk_is_named
from songmood.corpora.jamendo.catalogue import MIRRORS, RemoteFile
from songmood.corpora.jamendo.download import download, open_client
from songmood.errors import DownloadError

AHEAD = 2  # finished files that may wait beside those that are on their way
HOPELESS = 4  # files in a row that could not be had: the network is down, and the others need not wait for it
LINGER = 2.0  # seconds that the end of a fetch waits for transfers to notice it


class _Stopped(Exception):  # noqa: N818 -- control flow, not a defect
    """The fetch was closed."""


@dataclass(frozen=True)
class Sources:
    """Where files come from."""

    mirrors: tuple[str, ...] = MIRRORS  # base URLs, best first; none: only the shelves
    shelves: tuple[Path, ...] = ()  # folders that may hold files already: right ones are taken there, and stay there
    connections: int = 4  # files at a time
    keep_tars: bool = False  # keep what was fetched once it is used up

    @property
    def ahead(self) -> int | None:
        """How many files may be on the disk or on their way at once; None for all."""
        return None if self.keep_tars else self.connections + AHEAD


class Fetch:
    """A running download of several files; iterate over it for each with its place, in the order in which they come.

    A context manager: leaving it ends the transfers (what has come is kept, and the next fetch goes on from there).

    Args:
        files: what to bring, in this order.
        folder: where to; a file that is there and right is not fetched again.
        sources: where from.
        what: the files are, for messages.
        flat: put files into `folder` itself; else below it, as they are below a mirror's base.
        on_bytes: is told of bytes as they come, from any thread.

    Raises:
        ConfigError: the environment names a proxy that cannot be used.
    """

    def __init__(
        self,
        files: Sequence[RemoteFile],
        folder: Path,
        sources: Sources,
        *,
        what: str = "archives",
        flat: bool = True,
        on_bytes: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._num_files, self._todo = len(files), iter(files)
        self._folder, self._sources, self._what, self._is_flat = folder, sources, what, flat
        self._on_bytes = on_bytes
        self._stop = threading.Event()
        self._client = open_client(sources.connections) if files and sources.mirrors else None
        self._room = threading.Semaphore(len(files) if sources.ahead is None else sources.ahead)
        self._arrivals: queue.SimpleQueue[tuple[RemoteFile, Path | DownloadError] | Exception] = queue.SimpleQueue()
        # Daemons: an executor's threads would keep the process from ending while a server stalls.
        self._threads = [
            threading.Thread(target=self._work, name=f"fetch-{i}", daemon=True)
            for i in range(min(sources.connections, len(files)))
        ]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> "Fetch":
        return self

    def __exit__(self, *_: object) -> None:
        """End the transfers; one that waits for a stalled server is left behind, and writes nothing any more."""
        self._stop.set()
        self._room.release(len(self._threads) or 1)
        deadline = monotonic() + LINGER
        for thread in self._threads:
            thread.join(max(0.0, deadline - monotonic()))
        if self._client and not any(thread.is_alive() for thread in self._threads):
            self._client.close()

    def __iter__(self) -> Iterator[tuple[RemoteFile, Path]]:
        """Files that came, until each has come or cannot be had.

        Raises:
            DownloadError: at the end, naming what could not be had; before it, if the disk is full, or several files
                in a row could not be had.
        """
        faults: list[DownloadError] = []
        in_vain = 0
        for _ in range(self._num_files):
            arrival = self._arrivals.get()
            if isinstance(arrival, Exception):
                raise arrival
            file, found = arrival
            if isinstance(found, Path):
                in_vain = 0
                yield file, found
                continue
            faults.append(found)
            in_vain += 1
            if in_vain == HOPELESS < self._num_files:
                raise DownloadError(f"{HOPELESS} {self._what} in a row could not be had, the last one: {found}")
        if faults:
            raise DownloadError(
                f"{len(faults)} of {self._num_files} {self._what} could not be had, the rest is kept: "
                + " | ".join(map(str, faults))
            )

    def used_up(self, name: str) -> None:
        """A file that came is of no more use: it goes, unless what is fetched is kept, and makes room for the next."""
        if not self._sources.keep_tars:
            (self._folder / name).unlink(missing_ok=True)
        self._room.release()

    def _work(self) -> None:
        failure: Exception
        try:
            with full_disk_is_named(self._folder, DownloadError, "make room and run the command again, it goes on"):
                while True:
                    self._room.acquire()
                    self._watch(0)
                    if (
                        file := next(self._todo, None)
                    ) is None:  # one step of a list's iterator: no thread gets between
                        return
                    try:
                        self._arrivals.put((file, self._bring(file)))
                    except DownloadError as fault:
                        self._room.release()  # nothing of it needs to be used up
                        self._arrivals.put((file, fault))
        except _Stopped:
            return
        except OSError as error:
            failure = DownloadError(f"cannot read or write {error.filename or self._folder}: {error.strerror}")
        except Exception as error:
            failure = error
        self._stop.set()
        self._arrivals.put(failure)  # raised where the arrivals are awaited

    def _bring(self, file: RemoteFile) -> Path:
        place = file.name if self._is_flat else file.path
        target = self._folder / place
        shelved = [shelf / place for shelf in self._sources.shelves]
        wrong = []
        for path in filter(Path.is_file, (*shelved, target)):
            if file.sha256 in (None, checksum := sha256_of(path)):
                self._watch(path.stat().st_size)
                return path
            wrong.append(f"{path} has SHA-256 {checksum}, expected {file.sha256}")
        if self._client is None:
            reason = "; ".join(wrong) or "no " + " or ".join(map(str, shelved))
            raise DownloadError(f"{reason}; name a mirror that has it")
        return download(self._client, self._sources.mirrors, file, target, self._stop.wait, self._watch)

    def _watch(self, size: int) -> None:
        if self._stop.is_set():
            raise _Stopped
        self._on_bytes(size)


def sha256_of(path: Path) -> str:
    """The checksum of a file's bytes."""
    with path.open("rb", buffering=0) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
