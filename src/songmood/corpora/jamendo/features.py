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
from songmood.cache.pool import run_jobs
from songmood.corpora.jamendo.acousticbrainz import (
    FEATURES,
    LARGEST_DOCUMENT,
    SUFFIXES,
    feature_row,
    merge_rows,
    parse_document,
)
from songmood.corpora.jamendo.archives import Archive
from songmood.progress import progress

HEAD = {"features": list(FEATURES)}


class FeatureTar(Archive):
    """An archive of AcousticBrainz documents, `NN/ID.json` and perhaps `NN/ID.json.highlevel.json`."""

    def entry(self, sha256: str) -> dict[str, Any]:
        """Its line in the journal: ``rows`` by stem, or ``reasons`` why there are none, and ``strays``."""
        documents = {f"{track.stem}{suffix}": track.stem for track in self.tracks for suffix in SUFFIXES}
        found: dict[str, dict[str, NDArray[np.float32]]] = {stem: {} for stem in self.stems}
        reasons, strays = dict[str, str](), list[str]()
        for item in self.contents(dict.fromkeys(documents, LARGEST_DOCUMENT)):
            if isinstance(item, str):
                strays.append(item)
                continue
            name, content = item
            try:
                if isinstance(content, str):
                    raise ValueError(content)
                found[documents[name]][name] = feature_row(parse_document(content), FEATURES)
            except ValueError as error:
                if not name.endswith(SUFFIXES[1]):  # the second document may be absent without a word
                    reasons[documents[name]] = str(error)
        # The order of names, not of the tar, decides between two documents; JSON keeps float32 to the bit, and NaN.
        rows = {stem: merge_rows(of[name] for name in sorted(of)).tolist() for stem, of in found.items() if of}
        reasons = {stem: reason for stem, reason in reasons.items() if stem not in rows}
        return {"tar": self.name, "sha256": sha256, "rows": rows, "reasons": reasons, "strays": strays}


class FeatureRows:
    """The rows of every archive that was read, in a journal; those of another checksum than `tars` has do not count."""

    def __init__(self, path: Path, tars: Mapping[str, str]) -> None:
        self.path = path
        self._tars = tars

    @property
    def entries(self) -> dict[str, dict[str, Any]]:
        """The lines of the archives, by name."""
        head, *entries = read_journal(self.path) or [{}]
        current = entries if head == HEAD else []
        return {entry["tar"]: entry for entry in current if self._tars.get(entry["tar"]) == entry["sha256"]}

    def read(self, jobs: Iterable[FeatureTar], workers: int, on_done: Callable[[FeatureTar], None]) -> None:
        """Reads archives, in worker processes; `on_done` is called for each that is on the disk."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        journal = Journal(self.path, HEAD)
        with (
            progress("reading AcousticBrainz features", len(self._tars), "archives") as meter,
            closing(run_jobs(jobs, lambda job: bind(job.entry, self._tars[job.name]), workers)) as results,
        ):
            meter.advance(len(self.entries))
            for job, entry in results:
                assert entry is not None
                journal.append(entry)
                meter.advance()
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
