"""What a run leaves in its folder, in as many formats as are asked for: whole files, and none that is out of date."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from songmood.tagging.batch import tables
from songmood.tagging.batch.collection import STATE
from songmood.tagging.batch.file_names import in_utf8
from songmood.tagging.batch.playlists import PLAYLIST, write_labels, write_playlists
from songmood.tagging.batch.result import About, Failed, Result
from songmood.tagging.batch.selection import Selection
from songmood.tagging.tags import Tags

FORMATS = ("csv", "jsonl", "parquet", "m3u8", "audacity")
WRITTEN = "written.json"  # beside the ledgers: what was written last, and from what


class Finished(Protocol):
    """Results that can be gone through more than once."""

    about: About

    @property
    def state(self) -> str:
        """Changes when a result does."""

    @property
    def paths(self) -> Sequence[str]:
        """The whole list."""

    def results(self) -> Iterator[Result]:
        """In the order of the list."""

    def failed(self) -> Sequence[Failed]:
        """Those of them that could not be used."""


@dataclass(frozen=True)
class Outputs:
    """Which files a run leaves.

    Attributes:
        folder: where.
        formats: of `FORMATS`.
        selection: which tags of a file are told; playlists hold the decided ones unless it says more.
        embeddings: ``parquet``, ``npy`` or None.
    """

    folder: Path
    formats: tuple[str, ...]
    selection: Selection
    embeddings: str | None = None

    def write(self, finished: Finished) -> list[Path]:
        """Write them, unless they are there already, and remove playlists of an earlier run that are out of date.

        Returns:
            The files, labels left aside.

        Raises:
            TaggingError: the folder cannot be written, or the disk is full.
        """
        marker = self.folder / STATE / WRITTEN
        asked = [asdict(self) | {"folder": ""}, asdict(finished.about), finished.state]
        digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
        before = _read_marker(marker)
        there = [self.folder / name for name in before["files"]]
        if before["digest"] == digest and all(path.exists() for path in there):
            return there
        made = self._write_all(finished)
        for path in set(there) - set(made):
            if path.suffix == PLAYLIST:
                path.unlink(missing_ok=True)
        names = [str(path.relative_to(self.folder)) for path in made]
        with tables.written(marker) as partial:
            partial.write_text(json.dumps({"digest": digest, "files": names}), encoding="utf-8")
        return made

    def _write_all(self, finished: Finished) -> list[Path]:
        made = [path for kind in self.formats for path in self._write(kind, finished)]
        if self.embeddings:
            made += self._write_embeddings(finished)
        failed = [(in_utf8(one.source), one.reason) for one in finished.failed()]
        failures = self.folder / "failures.csv"
        if failed:
            tables.write_csv(failures, ("path", "reason"), failed)
            return [*made, failures]
        failures.unlink(missing_ok=True)
        return made

    def _write(self, kind: str, finished: Finished) -> list[Path]:
        if kind == "m3u8":
            return write_playlists(self.folder / "playlists", _tagged(finished), self._decided(finished.about))
        if kind == "audacity":
            for tags in _tagged(finished):
                write_labels(self.folder / "labels", tags, finished.about.thresholds, self._decided(finished.about))
            return []
        if kind == "jsonl":
            path = self.folder / "tags.jsonl"
            tables.write_jsonl(path, (tables.json_line(tags, self.selection) for tags in _tagged(finished)))
            return [path]
        return self._write_tables(kind, finished)

    def _write_tables(self, kind: str, finished: Finished) -> list[Path]:
        write = tables.write_parquet if kind == "parquet" else tables.write_csv
        made = [self.folder / f"tags.{kind}"]
        write(
            made[0], tables.COLUMNS, (row for tags in _tagged(finished) for row in tables.rows_of(tags, self.selection))
        )
        if finished.about.with_timeline:
            made.append(self.folder / f"timeline.{kind}")
            rows = (row for tags in _tagged(finished) for row in tables.timeline_rows_of(tags, self.selection))
            write(made[1], tables.TIMELINE_COLUMNS, rows)
        return made

    def _decided(self, about: About) -> Selection:
        """For playlists and labels: what was asked for, or else the decided tags, or else the first five."""
        if self.selection != Selection():
            return self.selection
        return Selection(top=5) if about.thresholds is None else Selection(decided=True)

    def _write_embeddings(self, finished: Finished) -> list[Path]:
        if self.embeddings == "parquet":
            path = self.folder / "embeddings.parquet"
            rows = ((in_utf8(tags.source or ""), tags.embedding, tags.fingerprint) for tags in _tagged(finished))
            tables.write_parquet(path, ("path", "vector", "fingerprint"), rows)
            return [path]
        path, names = self.folder / "embeddings.npy", self.folder / "embeddings.csv"
        vectors = [tags.embedding for tags in _tagged(finished) if tags.embedding is not None]
        with tables.written(path) as partial, partial.open("wb") as file:
            np.save(file, np.stack(vectors) if vectors else np.zeros((0, 0), np.float32))
        of = ((in_utf8(tags.source or ""), tags.fingerprint) for tags in _tagged(finished))
        tables.write_csv(names, ("path", "fingerprint"), of)
        return [path, names]


def _read_marker(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {"digest": str(found["digest"]), "files": [str(name) for name in found["files"]]}
    except (OSError, ValueError, TypeError, KeyError):
        return {"digest": "", "files": []}


def _tagged(finished: Finished) -> Iterator[Tags]:
    return (result for result in finished.results() if isinstance(result, Tags))
