"""How windows are drawn from tracks: each sampling is a value that says where every window of an epoch starts.

A track shorter than a window has its windows at frame 0; whoever reads them repeats the track.
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from songmood.random_bits import random_bits, random_integers
from songmood.ranges import check_whole

Frames = NDArray[np.int64]
Keys = NDArray[np.uint64]


class Windows(NamedTuple):
    """The windows of one epoch, ordered by track."""

    track: NDArray[np.int64]  # (M,) an index into the `lengths` that they were drawn from
    start: NDArray[np.int64]  # (M,) the first frame within the track


class Sampling(Protocol):
    """A way to draw windows, without state of its own.

    It may say ``is_fixed = True`` where every epoch has the same windows: only their frames then go to an accelerator.
    """

    def draw(self, lengths: Frames, window: int, epoch: int = 0, keys: Keys | None = None) -> Windows:
        """Draw the windows of an epoch.

        Args:
            lengths: (N,) frames of each track.
            window: frames of a window, T.
            epoch: counted from 0; some samplings are the same in all epochs.
            keys: (N,) what identifies each track wherever it stands, so that its windows depend on nothing but itself;
                the positions in `lengths` where not given.
        """


@dataclass(frozen=True)
class CentreWindow:
    """One window around the middle of each track: the paper's Base set, and its test windows."""

    is_fixed: ClassVar[bool] = True

    def draw(self, lengths: Frames, window: int, epoch: int = 0, keys: Keys | None = None) -> Windows:
        """See `Sampling.draw`."""
        return Windows(np.arange(len(lengths)), _last_start(lengths, window) // 2)


@dataclass(frozen=True)
class FreshWindows:
    """Random windows of each track, others in every epoch.

    Attributes:
        per_track: windows of each track in an epoch; the paper has five.
        seed: other seeds draw other windows.
    """

    is_fixed: ClassVar[bool] = False
    per_track: int = 5
    seed: int = 0

    def __post_init__(self) -> None:
        check_whole("per_track", self.per_track, 1, "windows; the paper has per_track=5")
        check_whole("seed", self.seed, 0, "such as seed=0")

    def draw(self, lengths: Frames, window: int, epoch: int = 0, keys: Keys | None = None) -> Windows:
        """See `Sampling.draw`."""
        last = _last_start(lengths, window)
        keys = np.arange(len(lengths), dtype=np.uint64) if keys is None else keys
        bits = random_bits(self.seed, epoch, keys[:, None], np.arange(self.per_track))  # (N, per_track)
        start = random_integers(bits, last[:, None] + 1)
        return Windows(np.repeat(np.arange(len(lengths)), self.per_track), start.ravel())


class RandomWindows(FreshWindows):
    """Random windows of each track, drawn once: the paper's RandomSampling set; those of `FreshWindows` in epoch 0."""

    is_fixed: ClassVar[bool] = True

    def draw(self, lengths: Frames, window: int, epoch: int = 0, keys: Keys | None = None) -> Windows:
        """See `Sampling.draw`; the epoch makes no difference."""
        return super().draw(lengths, window, 0, keys)


@dataclass(frozen=True)
class AllWindows:
    """Windows that cover each track whole: one every `hop` frames, the last one ending where the track ends.

    Attributes:
        hop: frames from one window's start to the next one's; above the window's length, frames between are not seen.
    """

    is_fixed: ClassVar[bool] = True
    hop: int = 683

    def __post_init__(self) -> None:
        check_whole("hop", self.hop, 1, "frames, such as half a window, 683")

    def draw(self, lengths: Frames, window: int, epoch: int = 0, keys: Keys | None = None) -> Windows:
        """See `Sampling.draw`; the epoch makes no difference."""
        last = _last_start(lengths, window)
        counts = -(-last // self.hop) + 1  # whole hops before the last window, rounded up, and that window
        track = np.repeat(np.arange(len(lengths)), counts)
        first = np.repeat(np.cumsum(counts) - counts, counts)
        return Windows(track, np.minimum((np.arange(len(track)) - first) * self.hop, last[track]))


def _last_start(lengths: Frames, window: int) -> Frames:
    check_whole("window", window, 1, "frames; the paper has window=1366")
    return np.maximum(lengths - window, 0).astype(np.int64)
