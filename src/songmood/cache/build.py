"""From sources to a cache: streaming, resumable, the same bytes whatever happens on the way.

Jobs are handed to worker processes, which write rows straight into the unfinished file; the parent only keeps the
journal. So memory is a track per worker, however large the corpus.
"""

import logging
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial as bind
from typing import Any

from songmood.cache.disk import check_room, full_disk_is_named, sync, taken
from songmood.cache.finish import finish, is_finished, journal_head, sweep
from songmood.cache.header import columns_of, header_of, left_out
from songmood.cache.journal import Journal, read_journal, records_of
from songmood.cache.lock import build_lock
from songmood.cache.partial import Partial, Slots, beside, partial_path, strictly, write_job
from songmood.cache.plan import CachePlan, Delivery, Job
from songmood.cache.pool import Task, run_jobs
from songmood.cache.read import MelCache
from songmood.errors import CacheError, CorpusError, some
from songmood.progress import progress

__all__ = ["BuildReport", "CachePlan", "Delivery", "Job", "build_cache", "open_or_build"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class BuildReport:
    """What became of the tracks."""

    cache: MelCache  # the finished one
    strays: tuple[str, ...] = ()  # what else was in the sources and was ignored, a line each

    @property
    def written(self) -> int:
        """How many tracks are in the cache."""
        return int((self.cache.length > 0).sum())

    def log(self) -> None:
        """Every track that is not as it should be at level INFO, a summary of those left out at WARNING."""
        left_out, count = self.cache.left_out, len(self.cache.track_ids)
        for track_id, reason in left_out.items():
            logger.info("left out %s: %s", track_id, reason)
        for track_id, note in self.cache.notes.items():
            logger.info("%s: %s", track_id, note)
        for stray in self.strays:
            logger.info("ignored %s", stray)
        logger.info("%s holds %d of %d tracks", self.cache.path, self.written, count)
        if left_out:
            named = some([f"{track_id} ({reason})" for track_id, reason in left_out.items()])
            logger.warning("left out %d of %d tracks, all in the log: %s", len(left_out), count, named)
        if self.strays:
            logger.warning("ignored %d things in the sources, all in the log: %s", len(self.strays), some(self.strays))


def build_cache(
    plan: CachePlan,
    jobs: Iterable[Job],
    *,
    workers: int,
    strict: bool = False,
    on_done: Callable[[Job], None] | None = None,
    insist: bool = False,
) -> BuildReport:
    """Builds the cache at `plan.path`, or goes on where a killed build of the same plan was.

    Args:
        plan: what goes in. A finished cache of it is taken as it is; one of another plan is replaced at the end.
        jobs: bring it, each its own tracks; may be lazy and may block (with workers it is iterated in a thread).
        workers: processes; 0 does the work in this one.
        strict: stop at the first refused track, in the order of the jobs.
        on_done: called, in this process, for each job of which everything is in the file (skipped ones too).
        insist: wait where somebody is building it, and throw away an unfinished build of another plan.

    Raises:
        CacheError: somebody else is building it, the disk is too small or full, a worker died, or an unfinished build
            of other sources lies there.
        CorpusError: a track was refused and `strict`, or all tracks were; or two jobs announce the same track.
    """
    with build_lock(plan.path, is_patient=insist), full_disk_is_named(plan.path):
        if is_finished(plan):
            sweep(plan.path)
            report = BuildReport(MelCache.open(plan.path))
            _check(report.cache.left_out, plan, strict)
            return report
        partial, journal = _begun(plan, insist)
        if strict:  # and what a killed build that was not has refused
            refused = [record for record in sorted(records_of(journal)) if not record.length]
            _check({plan.tracks[record.row].track_id: record.note for record in refused}, plan, strict)
        _fill(plan, journal, jobs, workers, bind(write_job, partial, strict), on_done)
        columns = columns_of(plan, records_of(journal))
        _check(left_out(columns, [track.track_id for track in plan.tracks]), plan, strict)
        finish(plan, partial, columns)
        strays = tuple(stray for entry in journal.entries for stray in entry["strays"])
        report = BuildReport(MelCache.open(plan.path), strays)
    report.log()
    return report


def open_or_build(plan: CachePlan, jobs: Iterable[Job], *, workers: int, strict: bool = False) -> MelCache:
    """The finished cache of `plan`, built first where it is not there; where somebody else builds it, that is awaited.

    So the jobs of a parallel sweep may all need a cache that is not there yet: one builds it, and all take it.

    The arguments are those of `build_cache`. A cache of another plan is replaced, but not one of other mel parameters.

    Raises:
        CacheError: as `build_cache`; or the cache is damaged, or made with other mel parameters.
        CorpusError: as `build_cache`.
    """
    if plan.path.exists():
        cache = MelCache.open(plan.path, plan.mel)  # a damaged one is the user's to look at, never replaced
        if cache.preamble.plan == plan.digest:
            _check(cache.left_out, plan, strict)
            return cache
        logger.info("%s is of other sources than those of now: building it again", plan.path)
    return build_cache(plan, jobs, workers=workers, strict=strict, insist=True).cache


def _check(reasons: Mapping[str, str], plan: CachePlan, strict: bool) -> None:
    """CorpusError where nothing is left to make a cache of, or where strictness forbids that something is left out."""
    for track_id, reason in list(reasons.items())[:1]:
        if len(reasons) == len(plan.tracks):
            raise CorpusError(f"none of the {len(reasons):,} tracks can be used; the first, {track_id}: {reason}")
        if strict:
            raise CorpusError(strictly(track_id, reason))


def _begun(plan: CachePlan, replace: bool) -> tuple[Partial, Journal]:
    """The unfinished file to go on with and its journal, or new ones."""
    path, journal = partial_path(plan.path), beside(plan.path, ".journal")
    preamble, _ = header_of(plan, columns_of(plan, ()))  # as long as the one that will be
    head = journal_head(plan, preamble.mel_offset)
    if path.exists():
        begun, *done = read_journal(journal) or [{}]
        is_cut = bool(done) and path.stat().st_size < preamble.file_bytes
        if begun != head or is_cut:
            if not replace:
                raise CacheError(
                    f"{path} is an unfinished build from other sources, tags or mel parameters, or of another version, "
                    "or was cut off; go on with those, or delete it to begin anew"
                )
            logger.info("%s was begun from other sources and is begun anew", path)
            path.unlink()
    check_room({path: preamble.file_bytes - taken(path)})
    if not path.exists():
        journal.unlink(missing_ok=True)
    entries = Journal(journal, head)  # before the file, which so is never without it
    with path.open("ab") as file:
        if file.tell() < preamble.file_bytes:
            file.truncate(preamble.file_bytes)  # longer, a hole: the disk gives rows no room yet
            os.fsync(file.fileno())
            sync(path.parent)
    return Partial(plan.path, preamble.mel_offset, plan.mel, len(plan.feature_names)), entries


def _fill(
    plan: CachePlan,
    journal: Journal,
    jobs: Iterable[Job],
    workers: int,
    work: Callable[[Slots, Job], dict[str, Any]],
    on_done: Callable[[Job], None] | None,
) -> None:
    """Does the jobs whose lines are not there yet."""
    done = {stem for entry in journal.entries for stem in entry["stems"]}
    source_of: dict[str, str] = {}

    def task_of(job: Job) -> Task[dict[str, Any]] | None:
        for stem in job.stems:
            if stem in source_of:
                raise CorpusError(f"{stem} is announced by {source_of[stem]} and by {job.name}; expected one of them")
            source_of[stem] = job.name
        slots = {stem: plan.slot(stem) for stem in job.stems if stem in plan.index and stem not in done}
        return bind(work, slots, job) if slots else None

    with (
        progress(f"writing {plan.path.name}", len(plan.tracks), "tracks") as meter,
        closing(run_jobs(jobs, task_of, workers)) as results,
    ):
        meter.advance(len(done))
        for job, entry in results:
            if entry is not None:
                journal.append(entry)
                meter.advance(len(entry["stems"]))
            if on_done:
                on_done(job)
