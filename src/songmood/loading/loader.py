"""Loaders: what Lightning iterates to get batches, from host memory or from the accelerator's."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from songmood.loading.batch import Batch
from songmood.loading.gather import HostWindows, ResidentWindows
from songmood.loading.sampler import EvaluationBatches, Picks, TrainingBatches
from songmood.loading.split import SplitTracks

AHEAD = 2  # batches in work for each thread: one that it reads, and one that it finds waiting after it

Batches = TrainingBatches | EvaluationBatches


class Loader(Protocol):
    """Batches, a new pass with each iteration."""

    def __len__(self) -> int:
        """Batches of a pass."""

    def __iter__(self) -> Iterator[Batch]:
        """A pass."""


class HostLoader:
    """Reads batches through the cache's memory map, ahead in threads where wanted.

    A window is one large copy, during which NumPy lets go of the interpreter: threads read side by side with each other
    and with training, and unlike processes they share memory, start at once and leave nothing behind.

    Args:
        windows: reads them.
        tracks: of the split.
        batches: which windows.
        num_workers: threads; 0 reads when a batch is asked for.
        is_pinned: put batches into page-locked memory, from which a GPU copies on its own.
    """

    def __init__(
        self,
        windows: HostWindows,
        tracks: SplitTracks,
        batches: Batches,
        *,
        num_workers: int = 0,
        is_pinned: bool = False,
    ) -> None:
        self._windows = windows
        self._tracks = tracks
        self._batches = batches
        self._num_workers = num_workers
        self._is_pinned = is_pinned

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[Batch]:
        return self._read_ahead() if self._num_workers else map(self._read, self._batches)

    def _read_ahead(self) -> Iterator[Batch]:
        picks = iter(self._batches)
        threads = ThreadPoolExecutor(self._num_workers, "windows")
        try:
            started = deque(threads.submit(self._read, one) for one in islice(picks, AHEAD * self._num_workers))
            while started:
                batch = started.popleft().result()
                started.extend(threads.submit(self._read, one) for one in islice(picks, 1))
                yield batch
        finally:  # also where the pass is broken off
            threads.shutdown(cancel_futures=True)

    def _read(self, picks: Picks) -> Batch:
        tracks = self._tracks
        mel = _as_images(self._windows.gather(picks, is_pinned=self._is_pinned))
        features = None if tracks.features is None else torch.from_numpy(tracks.features[picks.track])
        target = torch.from_numpy(tracks.targets[picks.track].astype(np.float32))
        batch = Batch(mel, features, target, torch.from_numpy(picks.track), torch.from_numpy(picks.window))
        return _pin(batch) if self._is_pinned else batch


class ResidentLoader:
    """Gathers batches on the device that holds the spectrograms; only indices travel there.

    Args:
        windows: gathers them.
        tracks: of the split.
        batches: which windows.
        device: that of `windows`.
    """

    def __init__(self, windows: ResidentWindows, tracks: SplitTracks, batches: Batches, device: torch.device) -> None:
        self._windows = windows
        self._batches = batches
        self._device = device
        self._targets = torch.from_numpy(tracks.targets).to(device)
        self._features = None if tracks.features is None else torch.from_numpy(tracks.features).to(device)

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[Batch]:
        for picks in self._batches:
            indices = torch.from_numpy(np.stack(picks))
            if self._device.type == "cuda":
                indices = indices.pin_memory()  # the host does not wait for the copy
            window, track, start = indices.to(self._device, non_blocking=True)
            features = None if self._features is None else self._features[track]
            mel = _as_images(self._windows.gather(track, start))
            yield Batch(mel, features, self._targets[track].float(), track, window)


def _as_images(mel: Tensor) -> Tensor:
    """(B, T, 96) as (B, 1, 96, T), without a copy."""
    return mel.transpose(1, 2).unsqueeze(1)


def _pin(batch: Batch) -> Batch:
    return Batch(*(None if tensor is None else tensor.pin_memory() for tensor in batch))  # type: ignore[arg-type]
