"""Many files at once over a few connections, handed on as they come, never far ahead of whoever uses them up."""

import errno
import hashlib
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType

import httpx

from songmood.corpora.jamendo.mirrors import Mirrors, Patience, download
from songmood.corpora.jamendo.transfer import CHUNK, RemoteFile
from songmood.errors import ConfigError, DownloadError

HOPELESS = 4  # files in a row that could not be had: the network is down, and the others need not wait for it


class _Stopped(Exception):  # noqa: N818 -- control flow, not a defect
    """The fetch was closed."""


@dataclass(frozen=True)
class Arrival:
    """A file that is there whole, or the reason why it is not."""

    file: RemoteFile
    path: Path
    fault: DownloadError | None = None


def open_client(patience: Patience, connections: int) -> httpx.Client:
    """An HTTP client that honours the environment's proxies (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY).

    Raises:
        ConfigError: a proxy that it cannot use.
    """
    try:
        return httpx.Client(
            timeout=httpx.Timeout(patience.stall, pool=None),
            limits=httpx.Limits(max_connections=connections),
            follow_redirects=True,
            headers={"User-Agent": "songmood"},
        )
    except (ValueError, ImportError, httpx.InvalidURL) as error:
        raise ConfigError(
            f"cannot use the proxy of the environment (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY): {error}"
        ) from error


class Fetch:
    """A running download of several files; iterate over it for the arrivals, in the order in which they come.

    At most `ahead` files lie finished and unreleased, or on their way; `release` makes room for another. Used as a
    context manager: leaving it ends the transfers (what has come is kept, and the next fetch goes on from there).
    """

    def __init__(
        self,
        files: Sequence[RemoteFile],
        folder: Path,
        mirrors: Mirrors | None,
        *,
        connections: int = 4,
        ahead: int | None = None,
        patience: Patience | None = None,
        shelves: Sequence[Path] = (),
        flat: bool = True,
        on_bytes: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Start fetching.

        Args:
            files: what to bring, in this order.
            folder: where to; a file that is there and right is not fetched again.
            mirrors: where from; None: only from the shelves.
            connections: files at a time.
            ahead: how many files may be there or under way at once; None: all.
            patience: how long to try; by default several minutes for each file.
            shelves: folders that may hold files already; those that are right are taken from there, where they stay.
            flat: put files into `folder` itself; else below it, as they are below a mirror's base.
            on_bytes: is told of bytes as they come, from any thread.
        """
        self.num_files = len(files)
        self._folder = folder
        self._mirrors = mirrors
        self._shelves = tuple(shelves)
        self._is_flat = flat
        self._on_bytes = on_bytes
        self._stop = threading.Event()
        patience = patience or Patience()
        self._patience = replace(patience, sleep=self._interruptible(patience.sleep or self._stop.wait))
        self._client = open_client(patience, connections)
        self._room = threading.Semaphore(ahead if ahead is not None else len(files))
        self._lock = threading.Lock()
        self._faults = 0  # files in a row
        self._todo: queue.SimpleQueue[RemoteFile] = queue.SimpleQueue()
        self._arrivals: queue.SimpleQueue[Arrival | Exception] = queue.SimpleQueue()
        for file in files:
            self._todo.put(file)
        count = min(connections, len(files))
        self._threads = [threading.Thread(target=self._work, name=f"fetch-{i}", daemon=True) for i in range(count)]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> "Fetch":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[Arrival]:
        """Arrivals until every file has one.

        Raises:
            DownloadError: the disk is full, or several files in a row could not be had.
        """
        for _ in range(self.num_files):
            arrival = self._arrivals.get()
            if isinstance(arrival, Exception):
                self._stop.set()
                raise arrival
            yield arrival

    def release(self) -> None:
        """One of the files that came is used up: make room for the next."""
        self._room.release()

    def close(self) -> None:
        """End the transfers; one that waits for a stalled server is left behind, and writes nothing any more."""
        self._stop.set()
        for _ in self._threads:
            self._room.release()
        for thread in self._threads:
            thread.join(timeout=2.0)
        if not any(thread.is_alive() for thread in self._threads):
            self._client.close()

    def _work(self) -> None:
        try:
            while not self._stop.is_set():
                self._room.acquire()
                try:
                    file = self._todo.get_nowait()
                except queue.Empty:
                    return
                arrival = self._bring(file)
                self._arrivals.put(arrival)
                self._give_up_where_hopeless(arrival.fault)
        except _Stopped:
            return
        except Exception as error:
            self._stop.set()
            self._arrivals.put(error)  # raised where the arrivals are awaited

    def _give_up_where_hopeless(self, fault: DownloadError | None) -> None:
        with self._lock:
            self._faults = self._faults + 1 if fault else 0
            if self._faults == HOPELESS < self.num_files:
                raise DownloadError(f"{HOPELESS} files in a row could not be had, the last one: {fault}") from fault

    def _bring(self, file: RemoteFile) -> Arrival:
        folder = self._folder if self._is_flat else (self._folder / file.path).parent
        target = folder / file.name
        try:
            for shelf in self._shelves:
                if holds(shelf / file.name, file, self._watch):
                    return Arrival(file, shelf / file.name)
            if not holds(target, file, self._watch):
                if self._mirrors is None:
                    raise DownloadError(_why_not_taken(file, self._shelves))
                download(self._client, self._mirrors, file, folder, self._patience, self._watch)
        except DownloadError as fault:
            self._room.release()  # nothing of it needs to be used up
            return Arrival(file, target, fault)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise DownloadError(
                    f"no space left in {folder} for {file.name}: free some and run the command again, it goes on"
                ) from error
            raise DownloadError(f"cannot read or write {target}: {error.strerror or error}") from error
        return Arrival(file, target)

    def _watch(self, size: int) -> None:
        if self._stop.is_set():
            raise _Stopped
        self._on_bytes(size)

    def _interruptible(self, sleep: Callable[[float], object]) -> Callable[[float], None]:
        def pause(seconds: float) -> None:
            if self._stop.is_set():
                raise _Stopped
            sleep(seconds)

        return pause


def holds(path: Path, file: RemoteFile, on_bytes: Callable[[int], None] = lambda _: None) -> bool:
    """Whether `path` is `file`, by its checksum."""
    if file.sha256 is None or not path.is_file():
        return False
    if sha256_of(path, on_bytes) == file.sha256:
        return True
    on_bytes(-path.stat().st_size)
    return False


def sha256_of(path: Path, on_bytes: Callable[[int], None] = lambda _: None) -> str:
    """The checksum of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            on_bytes(len(chunk))
    return digest.hexdigest()


def _why_not_taken(file: RemoteFile, shelves: Sequence[Path]) -> str:
    found = [shelf / file.name for shelf in shelves if (shelf / file.name).is_file()]
    if not found:
        return f"no {file.name} in {', '.join(map(str, shelves))}; give --mirror URL to fetch it"
    return f"{found[0]} has SHA-256 {sha256_of(found[0])}, expected {file.sha256}; give --mirror URL to fetch it anew"
