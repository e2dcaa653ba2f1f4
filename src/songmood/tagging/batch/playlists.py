"""Results for players and editors: a playlist for each tag, and a track of labels for each file."""

import hashlib
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from songmood.tagging.batch.file_names import in_a_playlist
from songmood.tagging.batch.selection import Selection
from songmood.tagging.batch.tables import written
from songmood.tagging.tags import Tags

PLAYLIST = ".m3u8"
LONGEST_NAME = 255  # bytes, of the file systems that there are


def write_playlists(folder: Path, results: Iterable[Tags], selection: Selection) -> list[Path]:
    """`TAG.m3u8` for each tag that a file gets, the most remarkable file first.

    Args:
        folder: gets the playlists.
        results: of the files.
        selection: which tags of a file count.

    Returns:
        The playlists.
    """
    entries: dict[str, list[tuple[float, bytes]]] = defaultdict(list)
    for tags in results:
        for row in selection.of(tags):
            rank = row.score if row.percentile is None else row.percentile
            entries[row.tag].append((-rank, in_a_playlist(tags.source or "")))
    made = []
    for tag, ranked in sorted(entries.items()):
        made.append(folder / f"{_as_name(tag)}{PLAYLIST}")
        with written(made[-1]) as partial:
            partial.write_bytes(b"#EXTM3U\n" + b"".join(entry + b"\n" for _, entry in sorted(ranked)))
    return made


def write_labels(folder: Path, tags: Tags, thresholds: Sequence[float | None] | None, selection: Selection) -> Path:
    """The file's labels for Audacity: where each of its tags reaches its threshold, from start to end in seconds.

    Args:
        folder: gets a text file at the place that the music has.
        tags: of the file.
        thresholds: (L,), None for what is never decided; None where none were fitted: the limit is then a tag's mean.
        selection: which tags of the file get labels.
    """
    lines = []
    column = {name: at for at, name in enumerate(tags.names)}
    for row in selection.of(tags):
        limit = row.score if thresholds is None else thresholds[column[row.tag]]
        for start, end in () if limit is None else _stretches(tags, column[row.tag], limit):
            lines.append((start, end, row.tag))
    path = _label_path(folder, tags.source or "")
    with written(path) as partial:
        partial.write_text("".join(f"{start:.3f}\t{end:.3f}\t{tag}\n" for start, end, tag in sorted(lines)))
    return path


def _stretches(tags: Tags, column: int, limit: float) -> Iterator[tuple[float, float]]:
    """From start to end of neighbouring windows that reach the limit."""
    assert tags.timeline is not None
    reaches = np.flatnonzero(tags.timeline.scores[:, column] >= limit)
    for windows in np.split(reaches, np.flatnonzero(np.diff(reaches) > 1) + 1):
        if len(windows):
            yield float(tags.timeline.start[windows[0]]), float(tags.timeline.end[windows[-1]])


def _label_path(folder: Path, source: str) -> Path:
    """Where the labels of a file go: at its own path below `folder`, ``..`` written as ``_``."""
    parts = [("_" if part == ".." else part) for part in Path(source).parts if part != os.sep]
    *folders, name = parts
    if len(os.fsencode(name)) + len(".txt") > LONGEST_NAME:
        name = hashlib.sha256(os.fsencode(source)).hexdigest()[:32]
    return folder.joinpath(*folders, f"{name}.txt")


def _as_name(tag: str) -> str:
    """A tag as a file's name."""
    name = "".join(letter if letter.isalnum() or letter in " -_." else "_" for letter in tag)
    return name.lstrip(".")[:100] or "_"
