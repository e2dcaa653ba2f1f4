"""Files to spectrograms in processes of their own: a block at a time, so that memory does not grow with a file."""

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Iterable, Iterator
from itertools import islice
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from songmood.errors import CorpusError, SongmoodError
from songmood.tagging.listening import Ear, Wanted

THREAD_COUNTS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class Start(NamedTuple):
    """A file is opened: its features (F,), or None."""

    features: NDArray[np.float32] | None


class Block(NamedTuple):
    """Its next frames (n, bands)."""

    frames: NDArray[np.float32]


class End(NamedTuple):
    """There are no more."""


class Failure(NamedTuple):
    """It cannot be used: why, in a line."""

    error: SongmoodError


Event = Start | Block | End | Failure


def heard(path: Path, ear: Ear) -> Iterator[Event]:
    """What happens when a file is heard, to its end or to what is wrong with it."""
    try:
        yield Start(ear.file_features(path))
        for frames in ear.file(path):
            yield Block(frames)
        yield End()
    except SongmoodError as error:
        yield Failure(error)
    except (OSError, MemoryError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        yield Failure(CorpusError(f"{path} cannot be read: {reason}."))


def heard_samples(mono: NDArray[np.float32], sample_rate: int, ear: Ear) -> Iterator[Event]:
    """The same for samples (S,) that are in memory."""
    yield Start(ear.sample_features(mono, sample_rate))
    for frames in ear.samples(mono, sample_rate):
        yield Block(frames)
    yield End()


def heard_here(paths: Iterable[Path], wanted: Wanted) -> Iterator[tuple[int, Event]]:
    """The files' events with the files' numbers, one file after the other, in this process."""
    ear = Ear(wanted)
    for number, path in enumerate(paths):
        for event in heard(path, ear):
            yield number, event


def heard_by_processes(paths: Iterable[Path], wanted: Wanted, workers: int) -> Iterator[tuple[int, Event]]:
    """The same from `workers` processes at once, so that the files' events are mixed.

    Each process has one file at a time and waits until its block is taken. One that dies, as a decoder may on a
    malicious file, takes nothing along but that file, and another takes its place.
    """
    numbered = enumerate(paths)
    listeners: list[_Listener] = []
    try:
        for number, path in islice(numbered, workers):
            listeners.append(_Listener(wanted))
            listeners[-1].give(number, path)
        while listeners:
            for ready in wait([listener.connection for listener in listeners]):
                listener = next(one for one in listeners if one.connection is ready)
                number, event = listener.receive()
                yield number, event
                if isinstance(event, End | Failure):
                    _next_file(listener, listeners, numbered, wanted)
    finally:
        for listener in listeners:
            listener.end()


def _next_file(
    listener: "_Listener", listeners: list["_Listener"], numbered: Iterator[tuple[int, Path]], wanted: Wanted
) -> None:
    """Another file for the listener, or for its successor if it is dead; without one it goes."""
    for number, path in islice(numbered, 1):
        if listener.is_dead:
            listeners.remove(listener)
            listener.end()
            listener = _Listener(wanted)
            listeners.append(listener)
        listener.give(number, path)
        return
    listeners.remove(listener)
    listener.end()


class _Listener:
    """A process that hears one file at a time."""

    def __init__(self, wanted: Wanted) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self._process: BaseProcess = context.Process(target=_listen, args=(theirs, wanted), daemon=True)
        with _single_threaded():
            self._process.start()
        theirs.close()  # so that the process's death ends the connection
        self._number, self._path = -1, Path()
        self.is_dead = False

    def give(self, number: int, path: Path) -> None:
        self._number, self._path = number, path
        with contextlib.suppress(BrokenPipeError):  # dead: `receive` says so
            self.connection.send(path)

    def receive(self) -> tuple[int, Event]:
        try:
            event: Event = self.connection.recv()
        except (EOFError, ConnectionResetError):
            self.is_dead = True
            self._process.join(timeout=5)
            error = CorpusError(
                f"{self._path} ended its decoder's process (status {self._process.exitcode}): replace it."
            )
            return self._number, Failure(error)
        return self._number, event

    def end(self) -> None:
        self.connection.close()  # it sees that and goes
        self._process.join(timeout=5)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


@contextlib.contextmanager
def _single_threaded() -> Iterator[None]:
    """Processes that are started meanwhile use one thread each: there is one for every core."""
    before = {name: os.environ.get(name) for name in THREAD_COUNTS}
    os.environ.update(dict.fromkeys(THREAD_COUNTS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _listen(connection: Connection, wanted: Wanted) -> None:
    """What a listener's process does until nobody listens to it."""
    import torch

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent to handle
    torch.set_num_threads(1)
    ear = Ear(wanted)
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            for event in heard(connection.recv(), ear):
                connection.send(event)
