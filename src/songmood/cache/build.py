"""From sources to a cache: streaming, resumable, the same bytes whatever happens on the way.

Jobs are handed to worker processes, which write rows straight into the unfinished file; the parent only keeps the
journal. So memory is a track per worker, however large the corpus.
"""

import logging
import os
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from functools import partial as bind
from pathlib import Path
from typing import Any

from songmood.cache.disk import check_room, full_disk_is_named, sync
from songmood.cache.finish import columns_of, finish, journal_head, sweep
from songmood.cache.header import PAGE, Columns, read_preamble, write_header
from songmood.cache.journal import Journal, Record, read_journal
from songmood.cache.lock import build_lock, patiently
from songmood.cache.partial import Partial, beside, partial_path, strictly, write_job
from songmood.cache.plan import CachePlan, Delivery, Job, Stray
from songmood.cache.pool import Task, run_jobs
from songmood.cache.read import MelCache
from songmood.errors import CacheError, CorpusError, some
from songmood.progress import progress

__all__ = ["BuildReport", "CachePlan", "Delivery", "Job", "Stray", "build_cache", "open_or_build"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class BuildReport:
    """What became of the tracks.

    Attributes:
        written: how many are in the cache.
        left_out: track id to reason.
        notes: track id to what a user should know about a track that was kept.
        strays: what else was in the sources and was ignored, a line each.
    """

    written: int
    left_out: dict[str, str]
    notes: dict[str, str]
    strays: tuple[str, ...] = ()

    @classmethod
    def of(cls, plan: CachePlan, columns: Columns, entries: Iterable[dict[str, Any]]) -> "BuildReport":
        """That of a build whose sources have all been read."""
        track_ids = [track.track_id for track in plan.tracks]
        left_out = columns.left_out(track_ids)
        strays = tuple(stray for entry in entries for stray in entry["strays"])
        return cls(len(track_ids) - len(left_out), left_out, columns.notes(track_ids), strays)

    def check(self, strict: bool) -> None:
        """CorpusError where nothing is left to make a cache of, or where strictness forbids it."""
        if not self.left_out or (self.written and not strict):
            return
        track_id, reason = next(iter(self.left_out.items()))
        if not self.written:
            raise CorpusError(f"none of the {len(self.left_out):,} tracks can be used; the first, {track_id}: {reason}")
        raise CorpusError(strictly(track_id, reason))

    def log(self, path: Path) -> None:
        """Every track that is not as it should be at level INFO, a summary of those left out at WARNING."""
        for track_id, reason in self.left_out.items():
            logger.info("left out %s: %s", track_id, reason)
        for track_id, note in self.notes.items():
            logger.info("%s: %s", track_id, note)
        for stray in self.strays:
            logger.info("ignored %s", stray)
        count = self.written + len(self.left_out)
        logger.info("%s holds %d of %d tracks", path, self.written, count)
        if self.left_out:
            named = some([f"{track_id} ({reason})" for track_id, reason in self.left_out.items()])
            logger.warning("left out %d of %d tracks, all in the log: %s", len(self.left_out), count, named)
        if self.strays:
            logger.warning("ignored %d things in the sources, all in the log: %s", len(self.strays), some(self.strays))


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
        plan: what goes in. A finished cache of it is taken as it is; one of another plan is replaced at the end.
        jobs: bring it, each its own tracks; may be lazy and may block (with workers it is iterated in a thread).
        workers: processes; 0 does the work in this one.
        strict: stop at the first refused track, in the order of the jobs.
        on_done: called, in this process, for each job of which everything is in the file (skipped ones too).
        replace_unfinished: throw away an unfinished build of another plan; without, it is an error.

    Raises:
        CacheError: somebody else is building it, the disk is too small or full, a worker died, or an unfinished build
            of other sources lies there.
        CorpusError: a track was refused and `strict`, or all tracks were; or two jobs announce the same track.
    """
    with build_lock(plan.path), full_disk_is_named(plan.path):
        if plan.path.exists() and read_preamble(plan.path).plan == plan.digest:
            sweep(plan.path)
            return _report_of(MelCache.open(plan.path), strict)
        partial, journal = _begun(plan, replace_unfinished)
        if strict:
            _refuse_earlier(plan, journal)
        _fill(plan, partial, journal, jobs, workers, strict, on_done)
        columns = columns_of(plan, journal.entries)
        report = BuildReport.of(plan, columns, journal.entries)
        report.check(strict)
        finish(plan, partial, columns)
    report.log(plan.path)
    return report


def open_or_build(plan: CachePlan, jobs: Iterable[Job], *, workers: int, strict: bool = False) -> MelCache:
    """The finished cache of `plan`, built first where it is not there; where somebody else builds it, that is awaited.

    Args:
        plan: what must be in it. A cache of another plan is replaced, but not one of other mel parameters.
        jobs: as of `build_cache`; iterated only where they are needed.
        workers: as of `build_cache`.
        strict: as of `build_cache`.

    Raises:
        CacheError: as `build_cache`; or the cache is damaged, or made with other mel parameters, or was replaced by
            one of another plan as soon as it was built.
        CorpusError: as `build_cache`.
    """

    def attempt() -> MelCache:
        if plan.path.exists():
            cache = MelCache.open(plan.path, plan.mel)  # a damaged one is the user's to look at, never replaced
            if cache.preamble.plan == plan.digest:
                _report_of(cache, strict)
                return cache
            logger.info("%s is of other sources than those of now: building it again", plan.path)
        build_cache(plan, jobs, workers=workers, strict=strict, replace_unfinished=True)
        cache = MelCache.open(plan.path, plan.mel)
        if cache.preamble.plan != plan.digest:
            raise CacheError(
                f"{plan.path} was replaced by a cache of other sources while this one was built; "
                "set another path for each"
            )
        return cache

    return patiently(plan.path, attempt)


def _report_of(cache: MelCache, strict: bool) -> BuildReport:
    report = BuildReport(int((cache.length > 0).sum()), cache.left_out, cache.notes)
    report.check(strict)
    return report


def _begun(plan: CachePlan, replace: bool) -> tuple[Partial, Journal]:
    """The unfinished file to go on with and its journal, or new ones."""
    path, journal, scratch = partial_path(plan.path), beside(plan.path, ".journal"), beside(plan.path, ".tmp")
    blank = Columns.blank(len(plan.tracks), len(plan.feature_names))
    header = write_header(scratch, plan, blank, is_complete=False)
    head = journal_head(plan, header.mel_offset)
    try:
        is_ours = read_journal(journal)[:1] == [head]
        if path.exists() and not (is_ours and path.stat().st_size >= header.file_bytes):
            if not replace:
                raise CacheError(
                    f"{path} is an unfinished build from other sources, tags or mel parameters, or of another version, "
                    "or was cut off; go on with those, or delete it to begin anew"
                )
            logger.info("%s was begun from other sources and is begun anew", path)
            path.unlink()
        present = path.stat().st_blocks * 512 if path.exists() else 0
        check_room({path: header.file_bytes + header.mel_offset - present})  # the header comes in a file of its own
        if not path.exists():
            journal.unlink(missing_ok=True)
        begun = Journal(journal, head)  # before the file, which so is never without it
        if not path.exists():
            for size in (PAGE, header.file_bytes):  # of the header only the page that says that it is no cache yet
                os.truncate(scratch, size)
            sync(scratch)
            scratch.replace(path)
            sync(path.parent)
    finally:
        scratch.unlink(missing_ok=True)
    return Partial.of(plan, header.mel_offset), begun


def _refuse_earlier(plan: CachePlan, journal: Journal) -> None:
    """CorpusError for the first track that a killed build has left out, for a strict one that goes on with it."""
    records = [Record(*values) for entry in journal.entries for values in entry["tracks"]]
    for record in sorted(record for record in records if not record.length)[:1]:
        raise CorpusError(strictly(plan.tracks[record.row].track_id, record.note))


def _fill(
    plan: CachePlan,
    partial: Partial,
    journal: Journal,
    jobs: Iterable[Job],
    workers: int,
    strict: bool,
    on_done: Callable[[Job], None] | None,
) -> None:
    done = {stem for entry in journal.entries for stem in entry["stems"]}
    source_of: dict[str, str] = {}

    def task_of(job: Job) -> Task[dict[str, Any]] | None:
        for stem in job.stems:
            if stem in source_of:
                raise CorpusError(f"{stem} is announced by {source_of[stem]} and by {job.name}; expected one of them")
            source_of[stem] = job.name
        slots = {stem: plan.slot(stem) for stem in job.stems if stem in plan.index and stem not in done}
        return bind(write_job, partial, slots, strict, job) if slots else None

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
