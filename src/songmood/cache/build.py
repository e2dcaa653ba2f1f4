"""From sources to a cache: streaming, resumable, the same bytes whatever happens on the way.

Jobs are handed to worker processes, which write rows straight into the unfinished file; the parent only keeps the
ledger. So memory is a track per worker, however large the corpus.
"""

import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial as bind
from pathlib import Path
from typing import Any

from songmood.cache.crew import run_jobs
from songmood.cache.disk import check_space, full_disk_is_named, sync
from songmood.cache.finish import apply_commit, commit_path, sweep, write_commit
from songmood.cache.header import Columns, write_header
from songmood.cache.ledger import Ledger
from songmood.cache.lock import BuildLock
from songmood.cache.outcome import BuildReport, outcome, refuse_earlier, strictly
from songmood.cache.partial import Partial, partial_path, read_preamble, scratch_path
from songmood.cache.plan import CachePlan, Delivery, Job
from songmood.cache.store import store
from songmood.errors import CacheError, CorpusError
from songmood.progress import Meter, progress

__all__ = ["BuildReport", "CachePlan", "Delivery", "Job", "build_cache"]

logger = logging.getLogger(__name__)


def build_cache(
    plan: CachePlan,
    jobs: Iterable[Job],
    *,
    workers: int,
    strict: bool = False,
    on_done: Callable[[Job], None] | None = None,
    replace_unfinished: bool = False,
) -> BuildReport:
    """Builds the cache at `plan.path`, or goes on where a killed build of the same plan was.

    Args:
        plan: what goes in. An existing cache is replaced when the new one is complete.
        jobs: bring it; may be lazy and may block (with workers it is iterated in a thread).
        workers: processes; 0 does the work in this one.
        strict: stop at the first refused track, in the order of the jobs.
        on_done: called, in this process, for each job of which everything is in the file (skipped ones too).
        replace_unfinished: throw away an unfinished build of another plan; without, it is an error.

    Raises:
        CacheError: somebody else is building it, the disk is too small or full, a worker died, or an unfinished build
            of other sources lies there.
        CorpusError: a track was refused and `strict`, or all tracks were.
    """
    with BuildLock(plan.path) as lock, full_disk_is_named(plan.path):
        partial = _unfinished(plan, lock.is_after_crash, replace_unfinished)
        try:
            if not commit_path(plan.path).exists():
                _fill(plan, partial, jobs, workers, strict, on_done)
            report = outcome(plan, partial.columns())
            report.check(strict)
            if not commit_path(plan.path).exists():
                write_commit(plan, partial)
            apply_commit(plan.path)
        except BaseException:
            with suppress(OSError):
                partial.sync()  # what counts as written must outlive a loss of power, for the lock is given back
            raise
        finally:
            partial.close()
    report.log(plan.path)
    return report


def _unfinished(plan: CachePlan, is_after_crash: bool, replace: bool) -> Partial:
    """The unfinished file to go on with, or a new one."""
    path, commit = partial_path(plan.path), commit_path(plan.path)
    if path.exists():
        begun = read_preamble(commit if commit.exists() else path)
        if begun.plan == plan.digest:
            if commit.exists():  # the file itself may have half a header
                return Partial(commit)
            return _resumed(path, is_after_crash)
        if not replace:
            raise CacheError(
                f"{path} is an unfinished build from other sources, tags or mel parameters; "
                f"go on with those, or delete it to begin anew"
            )
        logger.info("%s was begun from other sources and is begun anew", path)
        path.unlink()
    sweep(plan.path)
    scratch = scratch_path(plan.path)
    write_header(scratch, plan, Columns.blank(plan), int(plan.slots[-1]), is_complete=False)
    sync(scratch)
    scratch.replace(path)
    sync(path.parent)
    partial = Partial(path)
    try:
        _check_space(partial)
    except CacheError:
        partial.close()
        path.unlink()
        raise
    return partial


def _resumed(path: Path, is_after_crash: bool) -> Partial:
    partial = Partial(path)
    if is_after_crash:
        damaged = partial.forget_damaged()
        logger.info("the last build of %s ended in a crash: %d tracks did not reach the disk", path, damaged)
    _check_space(partial)
    return partial


def _check_space(partial: Partial) -> None:
    """The file's holes must find room, and a second header at the end."""
    preamble = partial.preamble
    present = partial.path.stat().st_blocks * 512
    check_space(partial.path, max(0, preamble.file_bytes - present) + preamble.mel_offset)


def _fill(
    plan: CachePlan,
    partial: Partial,
    jobs: Iterable[Job],
    workers: int,
    strict: bool,
    on_done: Callable[[Job], None] | None,
) -> None:
    if strict:
        refuse_earlier(plan, partial.columns())
    states = {"mel": partial.read("mel_state")}
    if partial.has_features:
        states["features"] = partial.read("features_state")
    ledger = Ledger(plan, states)
    with progress(f"writing {plan.path.name}", len(plan.tracks), "tracks") as meter:
        meter.advance(ledger.num_complete)
        foreman = BuildForeman(ledger, meter, strict, on_done)
        run_jobs(jobs, bind(store, partial, plan.mel.floor_db, strict), foreman, workers)
    if foreman.refused:
        _, name, reason = min(foreman.refused)
        raise CorpusError(strictly(name, reason))


@dataclass
class BuildForeman:
    """The parent's side of a build: hands out claims, counts, and remembers refusals where they end the build."""

    ledger: Ledger
    meter: Meter
    strict: bool
    on_done: Callable[[Job], None] | None
    refused: list[tuple[int, str, str]] = field(default_factory=list)  # job number, stem, reason

    def admit(self, number: int, job: Job) -> bool:
        """As `Foreman`."""
        return self.ledger.admit(number, job)

    def answer(self, number: int, job: Job, question: Any) -> Any:
        """``("claim", stem)`` gets what `Ledger.claim` says, ``("stored", index, parts, stem, refusal)`` nothing."""
        if question[0] == "claim":
            return self.ledger.claim(number, job, question[1])
        _, index, parts, stem, refusal = question
        if self.ledger.settle(index, parts):
            self.meter.advance(1)
        if refusal and self.strict:
            self.refused.append((number, stem, refusal))
        return None

    def finished(self, number: int, job: Job) -> None:
        """As `Foreman`."""
        if self.on_done:
            self.on_done(job)

    def last_job(self) -> int | None:
        """In a strict build, the first job with a refusal: those before it may have an earlier one."""
        return min(self.refused)[0] if self.refused else None
