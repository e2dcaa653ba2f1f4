"""Jobs in worker processes: a standard process pool, fed by an iterable that may block."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from songmood.errors import CacheError, some

J = TypeVar("J")
R = TypeVar("R")
Task = Callable[[], R]
Results = Generator[tuple[J, R | None], None, None]


def usable_cores() -> int:
    """Cores that this process may run on: on a cluster often a few of many."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_jobs(jobs: Iterable[J], task_of: Callable[[J], Task[R] | None], workers: int) -> Results[J, R]:
    """Yields each job with what its task returned, as they end; to be closed, which ends the workers.

    The first job that fails, in the order of the jobs, ends it when the jobs before it are done; an error of `jobs`
    themselves, when all are.

    Args:
        jobs: with workers, iterated in threads, at most ``workers + 1`` ahead of what is done; may block.
        task_of: asked in the caller's thread: what a worker does for a job, picklable; None where nothing is to do.
        workers: spawned processes; 0 does the work in this one.

    Raises:
        CacheError: a worker died; names what was in work.
    """
    if workers:
        with _pool(workers) as pool:
            yield from _run(iter(jobs), task_of, pool, workers)
        return
    for job in jobs:
        task = task_of(job)
        yield job, task() if task else None


def _run(
    jobs: Iterator[J], task_of: Callable[[J], Task[R] | None], pool: ProcessPoolExecutor, workers: int
) -> Results[J, R]:
    in_work: dict[Future[R], J] = {}  # in the order of the jobs
    coming: Future[J] | None = None
    is_over, failure = False, None
    while True:
        if not (coming or is_over) and len(in_work) <= workers:
            coming = _next(jobs)
        waited: list[Future[Any]] = [*in_work, *filter(None, [coming])]
        if not waited:
            break
        wait(waited, return_when=FIRST_COMPLETED)
        for place, future in enumerate(order := list(in_work)):
            if not future.done():
                continue
            if (error := future.exception()) is None:
                yield in_work.pop(future), future.result()
            elif isinstance(error, BrokenProcessPool):
                raise _death(in_work) from error
            else:
                failure, coming, is_over = error, None, True
                for later in order[place:]:
                    del in_work[later]
                break
        if coming and coming.done():
            answer, coming = coming, None
            if error := answer.exception():
                is_over, failure = True, None if isinstance(error, StopIteration) else error
                continue
            job = answer.result()
            if task := task_of(job):
                try:
                    in_work[pool.submit(task)] = job
                except BrokenProcessPool as error:
                    raise _death({**in_work, Future(): job}) from error
            else:
                yield job, None
    if failure:
        raise failure


def _next(jobs: Iterator[J]) -> "Future[J]":
    """Asks for a job in a thread of its own: one may wait that nobody wants any more, and is left behind then."""
    answer: Future[J] = Future()

    def ask() -> None:
        try:
            answer.set_result(next(jobs))
        except BaseException as error:  # the end, too; raised again in the thread that asked
            answer.set_exception(error)

    threading.Thread(target=ask, name="jobs", daemon=True).start()
    return answer


def _death(in_work: Mapping[Future[R], J]) -> CacheError:
    """Names the jobs that the workers had or were to have: what the dead one had finished may not have been heard."""
    jobs = [job for future, job in in_work.items() if not future.done() or future.exception()]
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

    def leave_with_parent() -> None:
        parent.poll(None)  # returns when the parent closes its end, or has none any more
        os._exit(1)

    threading.Thread(target=leave_with_parent, daemon=True).start()
