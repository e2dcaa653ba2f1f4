"""Jobs in worker processes: a standard process pool, fed by an iterable that may block."""

import math
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any, TypeVar

from songmood.errors import CacheError, some

J = TypeVar("J")
R = TypeVar("R")
Task = Callable[[], R]
Results = Generator[tuple[J, R | None], None, None]


@dataclass(frozen=True)
class _End:
    """No more jobs; `error` where that is not as it should be."""

    error: BaseException | None


def usable_cores() -> int:
    """Cores that this process may run on: on a cluster often a few of many."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_jobs(jobs: Iterable[J], task_of: Callable[[J], Task[R] | None], workers: int) -> Results[J, R]:
    """Yields each job with what its task returned, as they end; to be closed, which ends the workers.

    The first job that fails, in the order of the jobs, ends it when the jobs before it are done; an error of `jobs`
    themselves, when all are.

    Args:
        jobs: with workers, iterated in a thread, at most ``workers + 1`` ahead of what is done; may block.
        task_of: asked in the caller's thread: what a worker does for a job, picklable; None where nothing is to do.
        workers: spawned processes; 0 does the work in this one.

    Raises:
        CacheError: a worker died; names what was in work.
    """
    if workers:
        events: SimpleQueue[Any] = SimpleQueue()  # jobs, futures that are done, and an end
        room = threading.Semaphore(workers + 1)
        is_over = threading.Event()
        threading.Thread(target=_feed, args=(jobs, events, room, is_over), name="jobs", daemon=True).start()
        try:
            with _pool(workers) as pool:
                yield from _run(pool, events, room, task_of, workers)
        finally:
            is_over.set()
            room.release()
        return
    for job in jobs:
        task = task_of(job)
        yield job, task() if task else None


def _run(
    pool: ProcessPoolExecutor,
    events: "SimpleQueue[Any]",
    room: threading.Semaphore,
    task_of: Callable[[J], Task[R] | None],
    workers: int,
) -> Results[J, R]:
    in_work: dict[Future[R], tuple[int, J]] = {}
    number, is_fed, first_failure = 0, False, math.inf
    failure: BaseException | None = None
    while not (is_fed or failure) or any(earlier < first_failure for earlier, _ in in_work.values()):
        event = events.get()
        if isinstance(event, _End):
            is_fed = True
            if not failure:
                failure = event.error
        elif isinstance(event, Future):
            error = event.exception()
            if isinstance(error, BrokenProcessPool):
                raise _death(
                    [job for _, job in sorted(in_work.values(), key=lambda item: item[0])][:workers]
                ) from error
            ended, job = in_work.pop(event)
            room.release()
            if error is None:
                yield job, event.result()
            elif ended < first_failure:
                first_failure, failure = ended, error
        elif not failure:
            number += 1
            task = task_of(event)
            if task is None:
                yield event, None
                room.release()
                continue
            with _one_thread_each():
                future = pool.submit(task)
            in_work[future] = (number, event)
            future.add_done_callback(events.put)
    if failure:
        raise failure


def _feed(jobs: Iterable[J], events: "SimpleQueue[Any]", room: threading.Semaphore, is_over: threading.Event) -> None:
    """Takes jobs in a thread of its own; one that waits for its next job when all is over is left behind."""
    iterator = iter(jobs)
    error: BaseException | None = None
    try:
        while room.acquire() and not is_over.is_set():
            events.put(next(iterator))
    except StopIteration:
        pass
    except BaseException as raised:  # raised again in the thread that asked
        error = raised
    finally:
        getattr(iterator, "close", bool)()  # a generator lets go of its downloads
        events.put(_End(error))


def _death(jobs: list[Any]) -> CacheError:
    names = some([str(getattr(job, "name", job)) for job in jobs])
    return CacheError(
        f"a worker process was killed (often for a lack of memory) while at work on {names}; what is written is kept: "
        "start the same build again, with fewer workers, to go on"
    )


@contextmanager
def _pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Workers that leave when the block ends, however it ends, or when this process does."""
    context = multiprocessing.get_context("spawn")
    theirs, ours = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=(theirs,))
    try:
        yield pool
        pool.shutdown()
    finally:
        ours.close()  # whoever is still at work leaves it
        pool.shutdown(cancel_futures=True)
        theirs.close()


def _begin(parent: "Connection[Any, Any]") -> None:
    """A worker's first act."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent ends its workers
    threading.Thread(target=_leave_with, args=(parent,), daemon=True).start()


def _leave_with(parent: "Connection[Any, Any]") -> None:
    parent.poll(None)  # returns when the parent closes its end, or has none any more
    os._exit(1)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """One process per core is enough. The libraries read this when they load, before a worker's first line of ours."""
    if "OMP_NUM_THREADS" in os.environ:
        yield
        return
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        yield
    finally:
        del os.environ["OMP_NUM_THREADS"]
