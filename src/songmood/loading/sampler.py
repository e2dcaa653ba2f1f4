"""Which windows go into which batch, in training and in evaluation, in one process or in each of several."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch.distributed
from numpy.typing import NDArray

from songmood.errors import ConfigError
from songmood.loading.split import SplitTracks, Stretches
from songmood.loading.windows import Sampling, Windows
from songmood.random_bits import random_order

SHUFFLE = 1  # sets the order of training windows apart from other uses of the seed


class Picks(NamedTuple):
    """The windows of a batch, as indices."""

    window: NDArray[np.int64]  # (B,) rows of the split's list of windows
    track: NDArray[np.int64]  # (B,) rows of the split's list of tracks
    start: NDArray[np.int64]  # (B,) first frames within the tracks


class Shard(NamedTuple):
    """Which of how many processes this is."""

    rank: int
    processes: int


def current_shard() -> Shard:
    """This process among those of a distributed run; the only one where there is no such run."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return Shard(torch.distributed.get_rank(), torch.distributed.get_world_size())
    return Shard(0, 1)


@dataclass(frozen=True)
class SplitWindows:
    """The windows of a split: its tracks and how windows are drawn from them."""

    tracks: SplitTracks
    sampling: Sampling
    window: int  # frames of a window, T

    def draw(self, epoch: int) -> Windows:
        """All windows of an epoch."""
        return self.sampling.draw(self.tracks.length, self.window, epoch, self.tracks.keys)

    def stretches(self, epoch: int) -> Stretches:
        """The part of each track from its earliest window to its latest one, of those of an epoch."""
        track, start = self.draw(epoch)
        length = self.tracks.length
        first, end = length.copy(), np.zeros_like(length)
        np.minimum.at(first, track, start)
        np.maximum.at(end, track, np.minimum(start + self.window, length[track]))
        return Stretches(first, np.maximum(end - first, 0))

    @cached_property
    def count(self) -> int:
        """M, the same in every epoch."""
        return len(self.draw(0).track)


@dataclass(frozen=True)
class TrainingBatches:
    """Every window once an epoch, in an order that depends on the seed and the epoch alone.

    Several processes share the order: what they take in one step is, together, what one process with so many times the
    batch size takes. Each takes equally many, since their gradients are averaged with equal weights; where the windows
    do not divide, the order's first few come again at its end. The last batch is smaller, not dropped.
    """

    windows: SplitWindows
    batch_size: int  # windows per process and batch
    seed: int  # of the order
    # Asked whenever an epoch begins. Lightning's own `set_epoch` comes too late for the first epoch after a resumption:
    # the first batches have been read by then.
    epoch: Callable[[], int]
    shard: Callable[[], Shard] = current_shard
    tracks_together: bool = False  # shuffle tracks and not windows, so that a track's windows follow one another

    def __len__(self) -> int:
        return math.ceil(self.windows.count / (self.shard().processes * self.batch_size))

    def __iter__(self) -> Iterator[Picks]:
        epoch, (rank, processes) = self.epoch(), self.shard()
        track, start = self.windows.draw(epoch)
        order = self._order(track, epoch)
        order = np.resize(order, math.ceil(len(order) / processes) * processes)
        step = self.batch_size * processes
        for first in range(0, len(order), step):
            shared = order[first : first + step]
            window = np.array_split(shared, processes)[rank] if self.tracks_together else shared[rank::processes]
            yield Picks(window, track[window], start[window])

    def _order(self, track: NDArray[np.int64], epoch: int) -> NDArray[np.int64]:
        """(M,) the windows, shuffled."""
        if not self.tracks_together:
            return random_order(len(track), self.seed, SHUFFLE, epoch)
        place = random_order(len(self.windows.tracks.track_ids), self.seed, SHUFFLE, epoch)
        return np.argsort(place[track], kind="stable")


@dataclass(frozen=True)
class EvaluationBatches:
    """Every window exactly once, in the split's order, the windows of the first epoch.

    Several processes take a stretch each and have equally many batches, of sizes that differ by at most one: in a
    distributed run each forward pass is a meeting, for it broadcasts the net's buffers, even where nothing is trained,
    and a process that stays away hangs the others.
    """

    windows: SplitWindows
    batch_size: int  # windows per process and batch, at most
    shard: Callable[[], Shard] = current_shard

    def __len__(self) -> int:
        size, count = self.windows.count, self.shard().processes
        batches = math.ceil(size / (count * self.batch_size))
        if size // count < batches:
            raise ConfigError(
                f"the {self.windows.tracks.name} split has {size} windows, expected one for each batch of {count} "
                f"processes with data.evaluation_batch_size={self.batch_size}; take fewer trainer.devices"
            )
        return batches

    def __iter__(self) -> Iterator[Picks]:
        rank, count = self.shard()
        track, start = self.windows.draw(epoch=0)
        stretch = np.array_split(np.arange(len(track)), count)[rank]
        for window in np.array_split(stretch, len(self)):
            yield Picks(window, track[window], start[window])
