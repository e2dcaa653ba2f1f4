"""A cache of a few tracks whose every value tells where it is from."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from songmood.audio.parameters import MelParameters
from songmood.cache.build import CachePlan, Delivery, build_cache
from songmood.cache.read import MelCache
from songmood.tracks import Track

TAGS = ("mood/theme---calm", "mood/theme---epic", "mood/theme---happy")
RATE = MelParameters().frames_per_second


def spectrogram(number: int, frames: int) -> NDArray[np.float32]:
    """(frames, 96): band 0 is the track's number, band 1 the frame, the others noise."""
    mel = np.random.default_rng(number).normal(-40, 10, (frames, 96)).astype(np.float16)
    mel[:, 0] = number
    mel[:, 1] = np.arange(frames)
    return mel.astype(np.float32)


def features(number: int) -> NDArray[np.float32]:
    return np.array([number, np.nan if number == 1 else 0.5], np.float32)


@dataclass(frozen=True)
class Tracks:
    """A job that delivers spectrograms of the given lengths; a track of no frames is refused."""

    lengths: Mapping[str, int]
    has_features: bool
    name = "made-up tracks"

    @property
    def stems(self) -> tuple[str, ...]:
        return tuple(f"00/{track_id}" for track_id in self.lengths)

    def run(self) -> Iterator[Delivery]:
        for number, (track_id, frames) in enumerate(self.lengths.items()):
            values = features(number) if self.has_features else None
            if frames:
                yield Delivery(f"00/{track_id}", spectrogram(number, frames), values)
            else:
                yield Delivery(f"00/{track_id}", refusal="unreadable")


def tiny_cache(path: Path, lengths: Mapping[str, int], feature_names: Sequence[str] = ()) -> MelCache:
    """Track ids to frames; the tags of track n are the bits of n + 1."""
    tracks = tuple(
        Track(track_id, "artist", "album", f"00/{track_id}.mp3", max(frames, 100) / RATE, _tags(number))
        for number, (track_id, frames) in enumerate(lengths.items())
    )
    plan = CachePlan(path, tracks, TAGS, MelParameters(), tuple(feature_names), "made up")
    build_cache(plan, [Tracks(dict(lengths), bool(feature_names))], workers=0)
    return MelCache.open(path)


def _tags(number: int) -> tuple[str, ...]:
    return tuple(tag for bit, tag in enumerate(TAGS) if (number + 1) >> bit & 1)
