"""A cache of made-up spectrograms, through the builder that makes real ones."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from songmood.audio.parameters import MelParameters
from songmood.cache.build import CachePlan, Delivery, build_cache
from songmood.cache.header import columns_of, header_of
from songmood.cache.journal import Record
from songmood.cache.read import MelCache
from songmood.tracks import Track

TAGS = tuple(f"mood/theme---{number:02d}" for number in range(56))


def spectrogram(number: int, frames: int) -> NDArray[np.float32]:
    """(frames, 96) values that float16 holds exactly."""
    noise = np.random.default_rng(number).standard_normal((1_000, 96), np.float32) * 20 - 60
    return np.resize(noise.astype(np.float16), (frames, 96)).astype(np.float32)


@dataclass(frozen=True)
class MadeUpTracks:
    """Delivers `count` tracks of `frames` frames."""

    count: int
    frames: int
    name = "made-up tracks"

    @property
    def stems(self) -> tuple[str, ...]:
        """What it delivers."""
        return tuple(f"00/{number}" for number in range(self.count))

    def run(self) -> Iterator[Delivery]:
        """One at a time."""
        for number in range(self.count):
            yield Delivery(f"00/{number}", spectrogram(number, self.frames))


def make_cache(path: Path, count: int, frames: int) -> MelCache:
    """A cache of `count` tracks of `frames` frames, filled."""
    build_cache(plan_of(path, count, frames), [MadeUpTracks(count, frames)], workers=0)
    return MelCache.open(path)


def make_sparse_cache(path: Path, count: int, frames: int) -> MelCache:
    """A cache of any size that takes no room on the disk: its spectrograms are holes, which read as zeros."""
    plan = plan_of(path, count, frames)
    preamble, header = header_of(plan, columns_of(plan, [Record(row, frames, 0, "") for row in range(count)]))
    path.write_bytes(header)
    os.truncate(path, preamble.file_bytes)
    return MelCache.open(path)


def plan_of(path: Path, count: int, frames: int) -> CachePlan:
    """What is to be in a cache of made-up tracks."""
    seconds = frames / MelParameters().frames_per_second
    tracks = tuple(
        Track(str(number), "artist", "album", f"00/{number}.mp3", seconds, (TAGS[number % len(TAGS)],))
        for number in range(count)
    )
    return CachePlan(path, tracks, TAGS, MelParameters(), (), "made up")
