"""Features into a cache that is finished: read from their archives, kept beside, then put in its header in one go.

They have their own pass because they are small and the spectrograms are not: whoever has the cache already need not
fetch 68 GB again. The rows of each archive are a line in a journal, so a killed pass goes on with the next archive.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from functools import partial as bind
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from songmood.cache.journal import Journal, read_journal
from songmood.cache.plan import Stray
from songmood.cache.pool import run_jobs
from songmood.corpora.jamendo.acousticbrainz import FEATURES
from songmood.corpora.jamendo.jobs import FeatureTar
from songmood.progress import progress

HEAD = {"features": list(FEATURES)}


class FeatureRows:
    """The rows of every archive that was read.

    Args:
        path: of the journal.
        tars: names of the archives, each with its checksum: of another archive the rows do not count.
    """

    def __init__(self, path: Path, tars: Mapping[str, str]) -> None:
        self.path = path
        self._tars = tars

    @property
    def entries(self) -> dict[str, dict[str, Any]]:
        """What each archive held: ``rows`` by stem, or ``reasons`` why there are none, and ``strays``."""
        head, *entries = read_journal(self.path) or [{}]
        current = entries if head == HEAD else []
        return {entry["tar"]: entry for entry in current if self._tars.get(entry["tar"]) == entry["sha256"]}

    def read(self, jobs: Iterable[FeatureTar], total: int, workers: int, on_done: Callable[[FeatureTar], None]) -> None:
        """Reads archives, in worker processes; `on_done` is called for each that is on the disk."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        journal = Journal(self.path, HEAD)
        with (
            progress("reading AcousticBrainz features", total, "archives") as meter,
            closing(run_jobs(jobs, lambda job: bind(_extract, job, self._tars[job.name]), workers)) as results,
        ):
            for job, entry in results:
                assert entry is not None
                journal.append(entry)
                meter.advance(1)
                on_done(job)

    def matrix(self, stems: Sequence[str]) -> tuple[NDArray[np.float32], list[str]]:
        """(N, F) features of `stems`, NaN where unknown, and N reasons, empty where there are features."""
        index = {stem: row for row, stem in enumerate(stems)}
        features = np.full((len(stems), len(FEATURES)), np.nan, np.float32)
        reasons = ["no AcousticBrainz document"] * len(stems)
        for entry in self.entries.values():
            for stem in entry["rows"].keys() & index.keys():
                features[index[stem]] = entry["rows"][stem]
                reasons[index[stem]] = ""
            for stem in entry["reasons"].keys() & index.keys():
                reasons[index[stem]] = f"no features: {entry['reasons'][stem]}"
        return features, reasons


def _extract(job: FeatureTar, sha256: str) -> dict[str, Any]:
    """The line of an archive."""
    rows: dict[str, list[float]] = {}
    reasons: dict[str, str] = {}
    strays: list[str] = []
    for item in job.run():
        if isinstance(item, Stray):
            strays.append(item.text)
        elif item.features is None:
            reasons[item.stem] = item.refusal or ""
        else:
            rows[item.stem] = item.features.tolist()  # JSON keeps float32 values to the bit, and NaN
    return {"tar": job.name, "sha256": sha256, "rows": rows, "reasons": reasons, "strays": strays}
