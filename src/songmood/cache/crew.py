"""Worker processes that do one job at a time and may ask the parent questions while at it.

Spawned, so neither threads nor open files are inherited. A worker that dies is noticed at once and its job is named; a
parent that dies takes its workers along; Ctrl-C is the parent's alone to handle.
"""

import logging
import logging.handlers
import multiprocessing
import os
import pickle
import signal
import threading
import traceback
from collections.abc import Callable, Iterable
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Any, Generic, Protocol, TypeVar

from songmood.cache.feeder import Feeder
from songmood.errors import CacheError, SongmoodError

J = TypeVar("J")
Ask = Callable[[Any], Any]


class Foreman(Protocol[J]):  # type: ignore[misc]  # jobs go in only, but are the same type throughout
    """What the parent does with jobs and with their questions, always in the thread that called `run_jobs`."""

    def admit(self, number: int, job: J) -> bool:
        """Whether a job has to be done at all; jobs are numbered in their order."""

    def answer(self, number: int, job: J, question: Any) -> Any:
        """The answer to a question that a job asks."""

    def finished(self, number: int, job: J) -> None:
        """A job came to its end, or was not admitted."""

    def last_job(self) -> int | None:
        """The number of the last job that still matters; None for all."""


def run_jobs(jobs: Iterable[J], work: Callable[[J, Ask], None], foreman: Foreman[J], workers: int) -> None:
    """Does `work(job, ask)` for each job, in `workers` spawned processes, or in this one for 0.

    With processes, `jobs` is iterated in a thread, never more than one ahead, and may block.

    Raises:
        SongmoodError: as raised by a job, or CacheError where a worker died.
        RuntimeError: with the worker's traceback, for a defect in a job.
    """
    if workers:
        with Crew(work, workers) as crew:
            crew.run(jobs, foreman)
        return
    for number, job in enumerate(jobs):
        if foreman.admit(number, job):
            work(job, lambda question, number=number, job=job: foreman.answer(number, job, question))  # type: ignore[misc]
        if foreman.last_job() is not None:
            return
        foreman.finished(number, job)


class Member(Generic[J]):
    """One worker process, and the job that it has."""

    def __init__(self, work: Callable[[J, Ask], None]) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(target=_serve, args=(theirs, work), daemon=True)
        self.process.start()
        theirs.close()  # so that the worker's death ends the connection
        self.number = -1
        self.job: J | None = None

    def give(self, number: int, job: J) -> None:
        """Sends a job over."""
        self.number, self.job = number, job
        try:
            self.connection.send(job)
        except (BrokenPipeError, ConnectionResetError):
            raise self.death() from None

    def receive(self) -> tuple[str, Any]:
        """What the worker says: ``ask``, ``log``, ``done`` or ``failed``, and more."""
        try:
            kind, content = self.connection.recv()
        except (EOFError, ConnectionResetError):
            raise self.death() from None
        return kind, content

    def death(self) -> CacheError:
        """The error that names the job of a worker that is gone."""
        self.process.join(timeout=5)
        code = self.process.exitcode
        how = f"was killed by signal {-code}" if code is not None and code < 0 else f"ended with status {code}"
        return CacheError(
            f"the worker process on {getattr(self.job, 'name', self.job)} {how} (9 is often a lack of memory); what is "
            "written is kept: start the same build again, with fewer workers, to go on"
        )


class Crew(Generic[J]):
    """A number of worker processes; gone when the block ends, however it ends."""

    def __init__(self, work: Callable[[J, Ask], None], count: int) -> None:
        self.members: list[Member[J]] = []
        self._work = work
        self._count = count

    def __enter__(self) -> "Crew[J]":
        try:
            for _ in range(self._count):
                self.members.append(Member(self._work))
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def run(self, jobs: Iterable[J], foreman: Foreman[J]) -> None:
        """As `run_jobs`."""
        feeder = Feeder(jobs)
        given, is_exhausted = 0, False
        try:
            while True:
                last = foreman.last_job()
                busy = [
                    member
                    for member in self.members
                    if member.job is not None and (last is None or member.number < last)
                ]
                idle = [member for member in self.members if member.job is None]
                wants_job = bool(idle) and not is_exhausted and last is None
                if not busy and not wants_job:
                    return
                ready = wait([member.connection for member in busy] + [feeder.wake] * wants_job)
                for member in busy:
                    if member.connection in ready:
                        self._hear(member, foreman)
                if wants_job and feeder.wake in ready:
                    job = feeder.take()
                    is_exhausted = job is None
                    if job is not None:
                        if foreman.admit(given, job):
                            idle[0].give(given, job)
                        else:
                            foreman.finished(given, job)
                        given += 1
        finally:
            feeder.close()

    def _hear(self, member: Member[J], foreman: Foreman[J]) -> None:
        kind, content = member.receive()
        job = member.job
        assert job is not None
        if kind == "ask":
            member.connection.send(foreman.answer(member.number, job, content))
        elif kind == "log":
            if logging.getLogger(content.name).isEnabledFor(content.levelno):
                logging.getLogger(content.name).handle(content)
        elif kind == "failed":
            raise content
        else:
            member.job = None
            foreman.finished(member.number, job)

    def _end(self) -> None:
        for member in self.members:
            if member.job is None:
                member.connection.close()  # an idle worker leaves when nobody is there to give it work
            else:
                member.process.terminate()
        for member in self.members:
            member.process.join(timeout=10)
            if member.process.is_alive():
                member.process.kill()
                member.process.join()
            member.connection.close()
            member.process.close()


def _serve(connection: "Connection[Any, Any]", work: Callable[[Any, Ask], None]) -> None:
    """A worker's life."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent ends its workers
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # one process per core is enough
    parent = multiprocessing.parent_process()
    assert parent is not None
    threading.Thread(target=_leave_with, args=(parent.sentinel,), daemon=True).start()

    root = logging.getLogger()
    root.addHandler(_ToParent(connection))
    root.setLevel(logging.INFO)

    def ask(question: Any) -> Any:
        connection.send(("ask", question))
        return connection.recv()

    while True:
        try:
            work(connection.recv(), ask)
            connection.send(("done", None))
        except (EOFError, BrokenPipeError, ConnectionResetError):
            return  # the parent closed the connection
        except BaseException as error:  # the parent raises it
            connection.send(("failed", _portable(error)))


class _ToParent(logging.handlers.QueueHandler):
    """Log records go to the parent, which knows where they belong."""

    def __init__(self, connection: "Connection[Any, Any]") -> None:
        super().__init__(queue=None)  # type: ignore[arg-type]
        self._connection = connection

    def enqueue(self, record: logging.LogRecord) -> None:
        """Sends a record that `prepare` has made picklable."""
        self._connection.send(("log", record))


def _leave_with(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)


def _portable(error: BaseException) -> BaseException:
    """The error itself where it can travel and is the user's to mend; else one that holds its traceback."""
    if isinstance(error, SongmoodError | OSError | MemoryError):
        try:
            pickle.loads(pickle.dumps(error))  # noqa: S301  (our own bytes)
        except Exception:
            return RuntimeError(f"in a worker process:\n{traceback.format_exc()}")
        return error
    return RuntimeError(f"in a worker process:\n{traceback.format_exc()}")
