"""Windows become batches: from the cache's memory map on the host, or in the accelerator's own memory."""

import weakref
from collections import deque

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from songmood.cache.read import MelCache
from songmood.loading.batch import Batch
from songmood.loading.sampler import Picks
from songmood.loading.split import SplitTracks, Stretches
from songmood.progress import progress

BLOCK = 131_072  # frames copied to the accelerator at once, 25 MB
IDLE = 16  # batches whose memory is kept for the next ones


class BatchMemory:
    """Memory for batches of windows of a shape, used again once nothing looks into it any more.

    New memory would have to be found, cleared and mapped by the kernel page by page, which costs more than the copy
    into it. What is lent is safe to hold on to: it comes back with the last tensor that looks into it.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._shape = shape
        self._free: deque[NDArray[np.float16]] = deque(maxlen=IDLE)

    def lend(self, size: int) -> Tensor:
        """(size, *shape) float16, to be filled."""
        try:
            memory = self._free.pop()  # the one last used, of which the most is still in the processor's cache
        except IndexError:
            memory = np.empty((0, *self._shape), np.float16)
        if len(memory) < size:
            memory = np.empty((size, *self._shape), np.float16)  # NumPy asks for huge pages, torch does not
        lent = memory[:size]
        weakref.finalize(lent, self._free.append, memory).atexit = False
        return torch.from_numpy(lent)  # keeps `lent` alive for as long as any view of its memory


class HostWindows:
    """Copies windows of a split's tracks, T frames each, out of the cache's memory map.

    A window is one stretch of the file, so a batch is B copies of 262 KB: the loop over them costs nothing beside.
    Where `is_pinned`, batches are in page-locked memory, from which a GPU copies on its own.
    """

    def __init__(self, cache: MelCache, tracks: SplitTracks, window: int, *, is_pinned: bool = False) -> None:
        self._cache = cache
        self._tracks = tracks
        self._shape = (window, cache.mel_parameters.num_bands)
        self._memory = BatchMemory(self._shape)
        self._is_pinned = is_pinned

    def batch(self, picks: Picks) -> Batch:
        """The windows with what is known of their tracks."""
        features, target = self._tracks.features, self._tracks.targets[picks.track].astype(np.float32)
        batch = Batch(
            _as_images(self.gather(picks)),
            None if features is None else torch.from_numpy(features[picks.track]),
            *map(torch.from_numpy, (target, picks.track, picks.window)),
        )
        if self._is_pinned:
            batch = Batch(*(None if part is None else part.pin_memory() for part in batch))  # type: ignore[arg-type]
        return batch

    def gather(self, picks: Picks) -> Tensor:
        """(B, T, 96) float16 that stays as it is while it is referred to."""
        if self._is_pinned:  # torch keeps such memory itself, for only CUDA knows when a transfer is over
            mel = torch.empty((len(picks.track), *self._shape), dtype=torch.float16, pin_memory=True)
        else:
            mel = self._memory.lend(len(picks.track))
        frames = np.asarray(self._cache.mel)  # a plain array: slices of a memmap cost more
        first = self._tracks.offset[picks.track] + picks.start
        lengths, window = self._tracks.length[picks.track], self._shape[0]
        for row, begin, length in zip(mel.numpy(), first.tolist(), lengths.tolist(), strict=True):
            is_whole = length >= window  # in most corpora all are; others repeat the track
            row[:] = frames[begin : begin + window] if is_whole else frames[begin + np.arange(window) % length]
        return mel


class ResidentWindows:
    """Gathers windows from a copy of the split's spectrograms in a device's memory; only indices travel there.

    What is copied of each track are its `stretches`, None for all of it; windows, T frames each, must lie within.
    """

    def __init__(
        self,
        cache: MelCache,
        tracks: SplitTracks,
        window: int,
        device: torch.device,
        stretches: Stretches | None = None,
    ) -> None:
        stretches = stretches or tracks.whole
        self._device = device
        self._window = torch.arange(window, device=device)
        self._frames, offset = _copy_frames(cache, tracks, stretches, device)
        self._offset = torch.from_numpy(offset - stretches.first).to(device)
        self._length = torch.from_numpy(tracks.length).to(device)
        self._targets = torch.from_numpy(tracks.targets).to(device)
        self._features = None if tracks.features is None else torch.from_numpy(tracks.features).to(device)

    def batch(self, picks: Picks) -> Batch:
        """The windows with what is known of their tracks, on the device."""
        indices = torch.from_numpy(np.stack(picks))
        if self._device.type == "cuda":
            indices = indices.pin_memory()  # the host does not wait for the copy
        window, track, start = indices.to(self._device, non_blocking=True)
        features = None if self._features is None else self._features[track]
        return Batch(_as_images(self.gather(track, start)), features, self._targets[track].float(), track, window)

    def gather(self, track: Tensor, start: Tensor) -> Tensor:
        """(B, T, 96) float16 of the windows (B,) that start at frames (B,), all on the device."""
        frame = (start[:, None] + self._window) % self._length[track, None]  # a short track repeats
        rows = self._offset[track, None] + frame
        return self._frames.index_select(0, rows.flatten()).view(*rows.shape, -1)


def _as_images(mel: Tensor) -> Tensor:
    """(B, T, 96) as (B, 1, 96, T), without a copy."""
    return mel.transpose(1, 2).unsqueeze(1)


def resident_bytes(cache: MelCache, stretches: Stretches) -> int:
    """What `ResidentWindows` takes."""
    return int(stretches.frames.sum()) * cache.mel_parameters.num_bands * 2


def _copy_frames(
    cache: MelCache, tracks: SplitTracks, stretches: Stretches, device: torch.device
) -> tuple[Tensor, NDArray[np.int64]]:
    """The stretches' frames, one after the other as they lie in the file, and each one's first frame there."""
    total, bands = int(stretches.frames.sum()), cache.mel_parameters.num_bands
    frames = torch.empty((total, bands), dtype=torch.float16, device=device)
    staging = torch.empty((BLOCK, bands), dtype=torch.float16, pin_memory=device.type == "cuda")
    offset = np.empty_like(tracks.offset)
    place = 0
    with progress(f"{tracks.name} spectrograms to {device}", total, "frames") as bar:
        for index in np.argsort(tracks.offset, kind="stable"):
            offset[index] = place
            first = int(tracks.offset[index] + stretches.first[index])
            end = first + int(stretches.frames[index])
            for at in range(first, end, BLOCK):
                block = cache.mel[at : min(at + BLOCK, end)]
                staging.numpy()[: len(block)] = block
                frames[place : place + len(block)] = staging[: len(block)]
                place += len(block)
                bar.advance(len(block))
    return frames, offset
