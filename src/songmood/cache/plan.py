"""What goes into a cache: its tracks and their slots, and how the sources hand their contents over."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from songmood.audio.parameters import MelParameters
from songmood.errors import CorpusError
from songmood.tracks import Track

SLACK_FRAMES = 16  # a third of a second: durations are rounded, and decoders differ by some frames


class Slot(NamedTuple):
    """Where the rows of the track in a row of the cache go: the first frame, and how many fit."""

    row: int
    first: int
    frames: int


@dataclass(frozen=True)
class Delivery:
    """What a source has for one track."""

    stem: str  # of the track's path, ``"NN/ID"``
    mel: NDArray[np.float32] | None = None  # (T, bands) dB, time-major; None where refused
    features: NDArray[np.float32] | None = None  # (F,) in the plan's order, NaN where unknown; None for none
    refusal: str | None = None  # why the track is left out
    note: str | None = None  # what a user should know about a track that is kept


class Job(Protocol):
    """A piece of work for one worker process, such as a tar: its tracks are its own; must be picklable."""

    @property
    def name(self) -> str:
        """For messages, such as the name of the tar."""

    @property
    def stems(self) -> tuple[str, ...]:
        """What it delivers, and no other job does; so a finished job is skipped on resumption."""

    def run(self) -> Iterator[Delivery | str]:
        """The deliveries, one at a time, and a line on each stray thing in the source, which is ignored.

        A source that is wrong as a whole raises a SongmoodError.
        """


@dataclass(frozen=True)
class CachePlan:
    """Everything that decides a cache's bytes, apart from the spectrograms themselves.

    Raises:
        CorpusError: no tracks or tags, or an id or path that is there twice.
    """

    path: Path  # of the finished cache
    tracks: tuple[Track, ...] = field(repr=False)  # of all splits, in the order of the cache's rows
    tags: tuple[str, ...] = field(repr=False)  # the columns of the targets
    mel: MelParameters  # what the spectrograms were made with
    feature_names: tuple[str, ...] = ()  # the columns of the features; empty for a cache without
    source: str = ""  # a checksum or description of the sources; another one is another cache

    def __post_init__(self) -> None:
        if not self.tracks or not self.tags:
            raise CorpusError(f"a cache of {len(self.tracks)} tracks and {len(self.tags)} tags, expected some of each")
        for what, names in (("track id", [t.track_id for t in self.tracks]), ("path", [t.stem for t in self.tracks])):
            if len(set(names)) < len(names):
                twice = Counter(names).most_common(1)[0][0]
                raise CorpusError(f"{what} {twice} belongs to two tracks; each must be unique within a corpus")

    @cached_property
    def index(self) -> dict[str, int]:
        """Stem to row."""
        return {track.stem: number for number, track in enumerate(self.tracks)}

    @cached_property
    def slots(self) -> NDArray[np.int64]:
        """(N + 1,) first frame of each track's slot, and the end of the last; a slot is the duration and some slack."""
        seconds = np.array([track.duration for track in self.tracks])
        frames = np.ceil(seconds * self.mel.frames_per_second).astype(np.int64) + SLACK_FRAMES
        return np.concatenate([[0], np.cumsum(frames)])

    def slot(self, stem: str) -> Slot:
        """The slot of a track."""
        row = self.index[stem]
        first, end = self.slots[row : row + 2].tolist()
        return Slot(row, first, end - first)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the plan: an unfinished cache goes on only under the plan that began it."""
        content = {
            "slack": SLACK_FRAMES,
            "mel": self.mel.to_dict(),
            "tags": self.tags,
            "features": self.feature_names,
            "source": self.source,
            "tracks": [(t.track_id, t.artist_id, t.album_id, t.path, t.duration, t.tags) for t in self.tracks],
        }
        return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()
