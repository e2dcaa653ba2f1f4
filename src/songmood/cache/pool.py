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
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any, NamedTuple, TypeVar

from songmood.errors import CacheError, some

J = TypeVar("J")
R = TypeVar("R")
Task = Callable[[], R]
Results = Generator[tuple[J, R | None], None, None]


class _End(NamedTuple):
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
        with _pool(workers) as pool:
            yield from _run(jobs, task_of, pool, workers)
        return
    for job in jobs:
        task = task_of(job)
        yield job, task() if task else None


def _run(
    jobs: Iterable[J], task_of: Callable[[J], Task[R] | None], pool: ProcessPoolExecutor, workers: int
) -> Results[J, R]:
    events: SimpleQueue[Any] = SimpleQueue()  # jobs, futures that are done, and an end
    room = threading.Semaphore(workers)
    threading.Thread(target=_feed, args=(jobs, events, room), name="jobs", daemon=True).start()
    in_work: dict[Future[R], tuple[int, J]] = {}
    number, is_fed, first_failure = 0, False, math.inf
    failure: BaseException | None = None
    while not (is_fed or failure) or any(earlier < first_failure for earlier, _ in in_work.values()):
        event = events.get()
        if isinstance(event, _End):
            is_fed, failure = True, failure or event.error
        elif isinstance(event, Future):
            error = event.exception()
            if isinstance(error, BrokenProcessPool):
                raise _death(in_work) from error
            ended, job = in_work.pop(event)
            room.release()
            if error is None:
                yield job, event.result()
            elif ended < first_failure:
                first_failure, failure = ended, error
        elif not failure:
            number += 1
            if task := task_of(event):
                try:
                    future = pool.submit(task)
                except BrokenProcessPool as error:
                    raise _death({**in_work, Future(): (number, event)}) from error
                in_work[future] = (number, event)
                future.add_done_callback(events.put)
            else:
                room.release()
                yield event, None
    if failure:
        raise failure


def _feed(jobs: Iterable[J], events: "SimpleQueue[Any]", room: threading.Semaphore) -> None:
    """Takes jobs in a thread of its own; it may wait for one that nobody wants any more, and is left behind then."""
    error: BaseException | None = None
    try:
        for job in jobs:
            events.put(job)
            room.acquire()
    except BaseException as raised:  # raised again in the thread that asked
        error = raised
    events.put(_End(error))


def _death(in_work: dict[Future[R], tuple[int, J]]) -> CacheError:
    """Names the jobs that the workers had or were to have: what the dead one had finished may not have been heard."""
    jobs = [job for future, (_, job) in in_work.items() if not future.done() or future.exception()]
    return CacheError(
        f"a worker process was killed (often for a lack of memory) while at work on "
        f"{some([str(getattr(job, 'name', job)) for job in jobs])}; what is written is kept: start the same build "
        "again, with fewer workers, to go on"
    )


@contextmanager
def _pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Workers of one thread each, that leave when the block ends, however it ends, or when this process does."""
    context = multiprocessing.get_context("spawn")
    theirs, ours = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=(theirs,))
    is_told = "OMP_NUM_THREADS" in os.environ
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # here, for libraries read it before a worker's first line of ours
    try:
        yield pool
        pool.shutdown()
    finally:
        if not is_told:
            del os.environ["OMP_NUM_THREADS"]
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
