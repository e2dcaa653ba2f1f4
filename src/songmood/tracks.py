"""Tracks and their tags, as the data set's TSVs write them.

Header ``TRACK_ID ARTIST_ID ALBUM_ID PATH DURATION TAGS``, tab separated; each tag is a column of its own, under one
``TAGS``. Windows line ends, a byte-order mark and tabs at a line's end (spreadsheets add them) are taken. Everything
else that is not such a row is refused with its file and line, for a path is later opened and an id becomes a key.
"""

import math
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from songmood.errors import CorpusError

COLUMNS = ("TRACK_ID", "ARTIST_ID", "ALBUM_ID", "PATH", "DURATION", "TAGS")
LONGEST_TRACK = 86_400.0  # seconds: a day; a longer "duration" is in another unit


@dataclass(frozen=True, slots=True)
class Track:
    """One row of a TSV.

    Attributes:
        track_id: unique within a corpus.
        artist_id: splits should not share it.
        album_id: as the TSV has it.
        path: of the audio file, relative, such as ``"24/3524.mp3"``.
        duration: seconds.
        tags: as in the TSV, such as ``"mood/theme---happy"``.
    """

    track_id: str
    artist_id: str
    album_id: str
    path: str
    duration: float
    tags: tuple[str, ...]

    @property
    def stem(self) -> str:
        """The path without its suffix, ``"24/3524"``: what spectrogram and feature files are called."""
        return os.path.splitext(self.path)[0]  # noqa: PTH122  (pathlib is ten times slower, and there are many tracks)


def read_tracks(path: Path) -> tuple[Track, ...]:
    """The tracks of a TSV, in its order.

    Raises:
        CorpusError: with file and line, where the file is missing, empty, not UTF-8, has another header, or a row has
            too few columns, a bad duration, a path that leaves the corpus, a tag twice, or an earlier row's id or path.
    """
    lines = read_lines(path)
    header = [name.strip() for name in lines[0].split("\t")]
    while len(header) > len(COLUMNS) and not header[-1]:
        header.pop()
    if tuple(header) != COLUMNS:
        raise CorpusError(f"{path}:1: header {lines[0][:80]!r}, expected the tab-separated columns {' '.join(COLUMNS)}")
    tracks = []
    first_line: dict[str, int] = {}
    for number, line in enumerate(lines[1:], start=2):
        try:
            track = parse_row(line)
        except ValueError as error:
            raise CorpusError(f"{path}:{number}: {error}") from None
        for key in (f"track id {track.track_id}", f"path {track.stem}"):
            if first_line.setdefault(key, number) != number:
                raise CorpusError(f"{path}:{number}: {key} is already on line {first_line[key]}; each must be unique")
        tracks.append(track)
    if not tracks:
        raise CorpusError(f"{path}:1: a header and no tracks; expected one track per line after it")
    return tuple(tracks)


def parse_row(line: str) -> Track:
    """The track of one line; ValueError says what is wrong with it."""
    cells = [cell.strip() for cell in line.split("\t")]
    if len(cells) < len(COLUMNS):
        raise ValueError(f"{len(cells)} tab-separated columns, expected at least {len(COLUMNS)} (TAGS may be empty)")
    track_id, artist_id, album_id, path, duration = cells[:5]
    tags = cells[5:]
    while tags and not tags[-1]:
        tags.pop()
    if not track_id:
        raise ValueError("an empty TRACK_ID")
    if not all(tags):
        raise ValueError("an empty tag between others")
    if len(set(tags)) < len(tags):
        raise ValueError(f"tag {next(tag for tag in tags if tags.count(tag) > 1)!r} is there twice")
    if not line.replace("\t", "").isprintable():
        raise ValueError(f"a character that cannot be printed, in {line[:80]!r}")
    return Track(track_id, artist_id, album_id, _inside(path), _seconds(duration), tuple(map(sys.intern, tags)))


def _inside(path: str) -> str:
    if not path or "\\" in path or ":" in path or any(part in ("", ".", "..") for part in path.split("/")):
        raise ValueError(f"path {path!r}, expected a plain relative one such as 24/3524.mp3")
    return path


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= LONGEST_TRACK:  # NaN too
        raise ValueError(f"duration {text!r}, expected seconds, above 0 and at most {LONGEST_TRACK:,.0f}")
    return seconds


def read_lines(path: Path) -> list[str]:
    """The lines of a UTF-8 text file, without line ends and without empty lines at its end.

    Raises:
        CorpusError: the file cannot be read, is empty or is not UTF-8 (with the line).
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CorpusError(f"cannot read {path}: {error.strerror}") from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise CorpusError(
            f"{path}:{line}: byte {data[error.start]:#04x} is not UTF-8; save the file as UTF-8"
        ) from None
    lines = [line.removesuffix("\r") for line in text.split("\n")]  # splitlines would split at U+2028 and others too
    while lines and not lines[-1].strip():
        lines.pop()
    if not lines:
        raise CorpusError(f"{path}:1: an empty file")
    return lines


def write_tracks(path: Path, tracks: Iterable[Track]) -> None:
    """Writes a TSV that `read_tracks` reads back to equal tracks."""
    rows = ["\t".join(COLUMNS)]
    for track in tracks:
        cells = (track.track_id, track.artist_id, track.album_id, track.path, repr(track.duration))
        rows.append("\t".join((*cells, *(track.tags or ("",)))))
    path.write_text("\n".join(rows) + "\n", encoding="utf-8", newline="\n")


def tags_of(tracks: Iterable[Track]) -> tuple[str, ...]:
    """Every tag that a track has, sorted."""
    return tuple(sorted({tag for track in tracks for tag in track.tags}))


def read_tag_list(path: Path) -> tuple[str, ...]:
    """The tags of a list with one per line, in its order (`moodtheme_split.txt`: the organisers' column order).

    Raises:
        CorpusError: as `read_lines`; with file and line for a tag that is empty or listed twice.
    """
    tags: dict[str, int] = {}
    for number, line in enumerate(read_lines(path), start=1):
        tag = line.strip()
        if not tag or "\t" in tag or tag in tags:
            raise CorpusError(f"{path}:{number}: {tag!r}, expected one tag per line, each once")
        tags[tag] = number
    return tuple(tags)


def target_matrix(tracks: Sequence[Track], tags: Sequence[str]) -> NDArray[np.uint8]:
    """(N, L): 1 where the track has the tag.

    Raises:
        CorpusError: a track has a tag that is not in `tags`.
    """
    column = {tag: number for number, tag in enumerate(tags)}
    targets = np.zeros((len(tracks), len(tags)), np.uint8)
    for row, track in enumerate(tracks):
        for tag in track.tags:
            if tag not in column:
                raise CorpusError(
                    f"track {track.track_id} has the tag {tag!r}, which is not among the {len(tags)} of the tag list; "
                    "add it there or leave the list out"
                )
            targets[row, column[tag]] = 1
    return targets
