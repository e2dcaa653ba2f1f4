"""Features into a cache that is finished: read from their archives, kept beside, then put in its header in one go.

They have their own pass because they are small and the spectrograms are not: whoever has the cache already need not
fetch 68 GB again. The rows of each archive wait in a file of a few kilobytes, so a killed pass goes on with the next
archive.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from songmood.cache.crew import Ask, run_jobs
from songmood.cache.disk import sync
from songmood.cache.finish import apply_commit, commit_path
from songmood.cache.header import LEFT_OUT, WRITTEN, write_header
from songmood.cache.lock import BuildLock
from songmood.cache.partial import Partial, encode_note, partial_path, scratch_path
from songmood.cache.plan import CachePlan
from songmood.corpora.jamendo.acousticbrainz import FEATURES
from songmood.corpora.jamendo.jobs import FeatureTar
from songmood.progress import Meter, progress


class FeatureRows:
    """The rows of every archive that was read, one file each in a folder.

    Args:
        folder: for the files; they are this class's own.
        tars: names of the archives, each with its checksum: of another archive the rows do not count.
    """

    def __init__(self, folder: Path, tars: dict[str, str]) -> None:
        self.folder = folder
        self._tars = tars

    def has(self, tar: str) -> bool:
        """Whether an archive was read."""
        return self._read(tar) is not None

    def save(self, tar: str, rows: dict[str, list[float | None]], reasons: dict[str, str]) -> None:
        """Keep what an archive held: rows by stem, or the reasons why there are none."""
        self.folder.mkdir(parents=True, exist_ok=True)
        content = {"tar": self._tars[tar], "names": FEATURES, "rows": rows, "reasons": reasons}
        unfinished = self._path(tar).with_suffix(".tmp")
        unfinished.write_text(json.dumps(content), encoding="utf-8")
        unfinished.replace(self._path(tar))

    def matrix(self, stems: Sequence[str]) -> tuple[NDArray[np.float32], list[str]]:
        """(N, F) features of `stems`, NaN where unknown, and N reasons, empty where there are features."""
        index = {stem: row for row, stem in enumerate(stems)}
        features = np.full((len(stems), len(FEATURES)), np.nan, np.float32)
        reasons = ["no AcousticBrainz document"] * len(stems)
        for tar in self._tars:
            content = self._read(tar) or {"rows": {}, "reasons": {}}
            for stem, values in content["rows"].items():
                if stem in index:
                    features[index[stem]] = np.array(values, np.float32)  # None is NaN
                    reasons[index[stem]] = ""
            for stem, reason in content["reasons"].items():
                if stem in index:
                    reasons[index[stem]] = f"no features: {reason}"
        return features, reasons

    def _path(self, tar: str) -> Path:
        return self.folder / f"{tar}.json"

    def _read(self, tar: str) -> dict[str, Any] | None:
        try:
            content = json.loads(self._path(tar).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        is_right = isinstance(content, dict) and content.get("tar") == self._tars[tar]
        return content if is_right and content.get("names") == list(FEATURES) else None


class _Pass:
    """The parent's side: every archive is wanted, its rows are saved when they come."""

    def __init__(self, rows: FeatureRows, meter: Meter, on_done: Callable[[FeatureTar], None]) -> None:
        self._rows = rows
        self._meter = meter
        self._on_done = on_done

    def admit(self, number: int, job: FeatureTar) -> bool:
        return True

    def answer(self, number: int, job: FeatureTar, question: Any) -> None:
        self._rows.save(job.name, *question)

    def finished(self, number: int, job: FeatureTar) -> None:
        self._meter.advance(1)
        self._on_done(job)

    def last_job(self) -> int | None:
        return None


def read_archives(
    jobs: Iterable[FeatureTar], rows: FeatureRows, total: int, workers: int, on_done: Callable[[FeatureTar], None]
) -> None:
    """Bring the rows of archives into `rows`, in worker processes; `on_done` is called for each archive."""
    with progress("reading AcousticBrainz features", total, "archives") as meter:
        run_jobs(jobs, _extract, _Pass(rows, meter, on_done), workers)


def _extract(job: FeatureTar, ask: Ask) -> None:
    rows: dict[str, list[float | None]] = {}
    reasons: dict[str, str] = {}
    for delivery in job.run():
        if delivery.features is None:
            reasons[delivery.stem] = delivery.refusal or ""
        else:
            rows[delivery.stem] = [None if np.isnan(value) else float(value) for value in delivery.features]
    ask((rows, reasons))


def put_features(plan: CachePlan, features: NDArray[np.float32], reasons: Sequence[str]) -> bool:
    """Write (N, F) `features` and why some tracks have none into the finished cache; False where they are there.

    The new header is made beside and committed, as at the end of a build: a kill at any moment leaves the old cache, or
    an unfinished one that `build_cache` completes without any source.
    """
    with BuildLock(plan.path):
        finished = Partial(plan.path)
        try:
            columns, rows = finished.columns(), finished.preamble.rows
        finally:
            finished.close()
        columns.features = features
        columns.features_state = np.array([LEFT_OUT if reason else WRITTEN for reason in reasons], np.uint8)
        columns.features_note = np.array([encode_note(reason) for reason in reasons], columns.features_note.dtype)
        header = write_header(scratch_path(plan.path), plan, columns, rows, is_complete=True)
        if header == finished.preamble:
            scratch_path(plan.path).unlink()
            return False
        sync(scratch_path(plan.path))
        scratch_path(plan.path).replace(commit_path(plan.path))
        sync(plan.path.parent)
        plan.path.replace(partial_path(plan.path))
        apply_commit(plan.path)
    return True
