"""Many files at once over a few connections, handed on as they come, never far ahead of whoever uses them up."""

import errno
import hashlib
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic

import httpx

from songmood.corpora.jamendo.mirrors import Patience, download
from songmood.corpora.jamendo.transfer import RemoteFile
from songmood.errors import ConfigError, DownloadError

HOPELESS = 4  # files in a row that could not be had: the network is down, and the others need not wait for it
CONNECT = 10.0  # seconds at most: each file asks the first mirror first, and it may be gone
LINGER = 2.0  # seconds that the end of a fetch waits for transfers to notice it


class _Stopped(Exception):  # noqa: N818 -- control flow, not a defect
    """The fetch was closed."""


@dataclass(frozen=True)
class Arrival:
    """A file that is there whole, or the reason why it is not."""

    file: RemoteFile
    path: Path
    fault: DownloadError | None = None


class Fetch:
    """A running download of several files; iterate over it for the arrivals, in the order in which they come.

    A context manager: leaving it ends the transfers (what has come is kept, and the next fetch goes on from there).

    Args:
        files: what to bring, in this order.
        folder: where to; a file that is there and right is not fetched again.
        mirrors: base URLs, best first; none: only from the shelves.
        connections: files at a time.
        ahead: how many files may be there unreleased, or on their way, at once; None: all.
        patience: how long to try; by default several minutes for each file.
        shelves: folders that may hold files already; those that are right are taken from there, where they stay.
        flat: put files into `folder` itself; else below it, as they are below a mirror's base.
        on_bytes: is told of bytes as they come, from any thread.

    Raises:
        ConfigError: the environment names a proxy that cannot be used.
    """

    def __init__(
        self,
        files: Sequence[RemoteFile],
        folder: Path,
        mirrors: Sequence[str],
        *,
        connections: int = 4,
        ahead: int | None = None,
        patience: Patience | None = None,
        shelves: Sequence[Path] = (),
        flat: bool = True,
        on_bytes: Callable[[int], None] = lambda _: None,
    ) -> None:
        self.num_files = len(files)
        self._folder, self._mirrors, self._shelves = folder, mirrors, shelves
        self._is_flat = flat
        self._on_bytes = on_bytes
        self._stop = threading.Event()
        patience = patience or Patience()
        self._patience = replace(patience, sleep=patience.sleep or self._stop.wait)
        self._client = open_client(patience, connections)
        self._room = threading.Semaphore(len(files) if ahead is None else ahead)
        self._todo = iter(files)
        self._arrivals: queue.SimpleQueue[Arrival | Exception] = queue.SimpleQueue()
        # Daemons: an executor's threads would keep the process from ending while a server stalls.
        self._threads = [
            threading.Thread(target=self._work, name=f"fetch-{i}", daemon=True)
            for i in range(min(connections, len(files)))
        ]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> "Fetch":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Arrival]:
        """Arrivals until every file has one.

        Raises:
            DownloadError: the disk is full, or several files in a row could not be had.
        """
        in_vain = 0
        for _ in range(self.num_files):
            arrival = self._arrivals.get()
            if isinstance(arrival, Exception):
                raise arrival
            in_vain = in_vain + 1 if arrival.fault else 0
            if in_vain == HOPELESS < self.num_files:
                raise DownloadError(f"{HOPELESS} files in a row could not be had, the last one: {arrival.fault}")
            yield arrival

    def release(self) -> None:
        """One of the files that came is used up: make room for the next."""
        self._room.release()

    def close(self) -> None:
        """End the transfers; one that waits for a stalled server is left behind, and writes nothing any more."""
        self._stop.set()
        self._room.release(len(self._threads) or 1)
        deadline = monotonic() + LINGER
        for thread in self._threads:
            thread.join(max(0.0, deadline - monotonic()))
        if not any(thread.is_alive() for thread in self._threads):
            self._client.close()

    def _work(self) -> None:
        try:
            while True:
                self._room.acquire()
                self._watch(0)
                file = next(self._todo, None)  # one step of a list's iterator: no thread gets in between
                if file is None:
                    return
                arrival = self._bring(file)
                if arrival.fault is not None:
                    self._room.release()  # nothing of it needs to be used up
                self._arrivals.put(arrival)
        except _Stopped:
            return
        except Exception as error:
            self._stop.set()
            self._arrivals.put(error)  # raised where the arrivals are awaited

    def _bring(self, file: RemoteFile) -> Arrival:
        target = self._folder / (file.name if self._is_flat else file.path)
        try:
            for path in (*(shelf / file.name for shelf in self._shelves), target):
                if path.is_file() and sha256_of(path) == file.sha256:
                    self._watch(path.stat().st_size)
                    return Arrival(file, path)
            if not self._mirrors:
                raise DownloadError(_why_not_taken(file, self._shelves))
            download(self._client, self._mirrors, file, target.parent, self._patience, self._watch)
        except DownloadError as fault:
            return Arrival(file, target, fault)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise DownloadError(
                    f"no space left in {target.parent} for {file.name}: free some and run the command again, it goes on"
                ) from error
            raise DownloadError(f"cannot read or write {target}: {error.strerror or error}") from error
        return Arrival(file, target)

    def _watch(self, size: int) -> None:
        if self._stop.is_set():
            raise _Stopped
        self._on_bytes(size)


def open_client(patience: Patience, connections: int) -> httpx.Client:
    """An HTTP client that honours the environment's proxies (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY).

    Raises:
        ConfigError: a proxy that it cannot use.
    """
    try:
        return httpx.Client(
            timeout=httpx.Timeout(patience.stall, connect=min(patience.stall, CONNECT), pool=None),
            limits=httpx.Limits(max_connections=connections),
            follow_redirects=True,
            headers={"User-Agent": "songmood"},
        )
    except (ValueError, ImportError, httpx.InvalidURL) as error:
        raise ConfigError(
            f"cannot use the proxy of the environment (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY): {error}"
        ) from error


def sha256_of(path: Path) -> str:
    """The checksum of a file's bytes."""
    with path.open("rb", buffering=0) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _why_not_taken(file: RemoteFile, shelves: Sequence[Path]) -> str:
    there = [path for path in (shelf / file.name for shelf in shelves) if path.is_file()]
    wrong = "; ".join(f"{path} has SHA-256 {sha256_of(path)}, expected {file.sha256}" for path in there)
    return (wrong or f"no {file.name} in {', '.join(map(str, shelves))}") + "; give --mirror URL to fetch it"
