"""What a run leaves in its folder, in as many formats as are asked for: whole files; what is out of date is named."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
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
FOLDERS = {"m3u8": "playlists", "audacity": "labels"}  # of the formats that are many files
WRITTEN = "written.json"  # beside the ledgers: a `Written` for each file or folder of results, by name


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
class Written:
    """What was written last under a name.

    Attributes:
        digest: of the results that it was written from.
        selection: which of their tags it tells.
        files: below the folder.
    """

    digest: str
    selection: dict[str, Any]
    files: list[str]


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
        """Write them, unless they are there already; playlists that an earlier run left for other tags go.

        Returns:
            The files; for labels, their folder.

        Raises:
            TaggingError: the folder cannot be written, or the disk is full.
        """
        marker, digest = self.folder / STATE / WRITTEN, _digest(finished)
        written, told = _read_marker(marker), []
        for part in self._parts(finished.about):
            before = written.get(part, Written("", {}, []))
            files = [self.folder / name for name in before.files]
            now = replace(before, digest=digest, selection=asdict(self.selection))
            if before != now or not all(path.exists() for path in files):
                old, files = files, self._write(part, finished)
                for path in set(old) - set(files):
                    if path.suffix == PLAYLIST:
                        path.unlink(missing_ok=True)
                now = replace(now, files=[str(path.relative_to(self.folder)) for path in files])
            written[part] = now
            told += [self.folder / part] if part == "labels" and files else files
        with tables.written(marker) as partial:
            partial.write_text(json.dumps({part: asdict(one) for part, one in written.items()}), encoding="utf-8")
        return told

    def left_over(self, finished: Finished) -> list[str]:
        """Files and folders of formats that were written once, from other results, and that this run does not write."""
        parts, digest = set(self._parts(finished.about)), _digest(finished)
        return sorted(
            part
            for part, one in _read_marker(self.folder / STATE / WRITTEN).items()
            if part not in parts and one.digest != digest and any((self.folder / name).exists() for name in one.files)
        )

    def _parts(self, about: About) -> Iterator[str]:
        """What the run leaves in its folder, by name."""
        for kind in self.formats:
            yield FOLDERS.get(kind, f"tags.{kind}")
            if about.with_timeline and kind in ("csv", "parquet"):
                yield f"timeline.{kind}"
        if self.embeddings:
            yield f"embeddings.{self.embeddings}"
        yield "failures.csv"

    def _write(self, part: str, finished: Finished) -> list[Path]:
        path, about = self.folder / part, finished.about
        if part == "playlists":
            return write_playlists(path, _tagged(finished), self._decided(about))
        if part == "labels":
            selection = self._decided(about)
            return [write_labels(path, tags, about.thresholds, selection) for tags in _tagged(finished)]
        if path.stem == "failures":
            return _write_failures(path, finished)
        if path.stem == "embeddings":
            return _write_embeddings(path, finished)
        if part == "tags.jsonl":
            tables.write_jsonl(path, (tables.json_line(tags, self.selection) for tags in _tagged(finished)))
            return [path]
        write = tables.write_parquet if path.suffix == ".parquet" else tables.write_csv
        is_timeline = path.stem == "timeline"
        columns = tables.TIMELINE_COLUMNS if is_timeline else tables.COLUMNS
        rows_of = tables.timeline_rows_of if is_timeline else tables.rows_of
        write(path, columns, (row for tags in _tagged(finished) for row in rows_of(tags, self.selection)))
        return [path]

    def _decided(self, about: About) -> Selection:
        """For playlists and labels: what was asked for, or else the decided tags, or else the first five."""
        if self.selection != Selection():
            return self.selection
        return Selection(top=5) if about.thresholds is None else Selection(decided=True)


def _write_embeddings(path: Path, finished: Finished) -> list[Path]:
    if path.suffix == ".parquet":
        rows = ((in_utf8(tags.source or ""), tags.embedding, tags.fingerprint) for tags in _tagged(finished))
        tables.write_parquet(path, ("path", "vector", "fingerprint"), rows)
        return [path]
    names = path.with_suffix(".csv")
    vectors = [tags.embedding for tags in _tagged(finished) if tags.embedding is not None]
    with tables.written(path) as partial, partial.open("wb") as file:
        np.save(file, np.stack(vectors) if vectors else np.zeros((0, 0), np.float32))
    of = ((in_utf8(tags.source or ""), tags.fingerprint) for tags in _tagged(finished))
    tables.write_csv(names, ("path", "fingerprint"), of)
    return [path, names]


def _write_failures(path: Path, finished: Finished) -> list[Path]:
    if failed := [(in_utf8(one.source), one.reason) for one in finished.failed()]:
        tables.write_csv(path, ("path", "reason"), failed)
        return [path]
    path.unlink(missing_ok=True)
    return []


def _digest(finished: Finished) -> str:
    """Changes when a result does."""
    return hashlib.sha256(json.dumps([asdict(finished.about), finished.state], sort_keys=True).encode()).hexdigest()


def _read_marker(path: Path) -> dict[str, Written]:
    try:
        return {part: Written(**plain) for part, plain in json.loads(path.read_text(encoding="utf-8")).items()}
    except (OSError, ValueError, TypeError, AttributeError):  # none yet, or one of another version
        return {}


def _tagged(finished: Finished) -> Iterator[Tags]:
    return (result for result in finished.results() if isinstance(result, Tags))
