"""The windows' bytes: from the cache's memory map on the host, or from the accelerator's own memory."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from songmood.cache.read import MelCache
from songmood.loading.sampler import Picks
from songmood.loading.split import SplitTracks
from songmood.progress import progress

BLOCK = 131_072  # frames copied to the accelerator at once, 25 MB


class HostWindows:
    """Copies windows out of the cache's memory map; picklable, and cheap to pickle.

    A window is one stretch of the file, so a batch is B copies of 262 KB: the loop over them costs nothing beside.

    Args:
        cache: of the corpus.
        tracks: of the split.
        window: frames of a window, T.
    """

    def __init__(self, cache: MelCache, tracks: SplitTracks, window: int) -> None:
        self._cache = cache
        self._offset = tracks.offset
        self._length = tracks.length
        self.shape = (window, cache.mel_parameters.num_bands)

    def gather(self, picks: Picks, *, is_pinned: bool = False) -> Tensor:
        """(B, T, 96) float16 in new memory, page-locked where wanted."""
        mel = torch.empty((len(picks.track), *self.shape), dtype=torch.float16, pin_memory=is_pinned)
        self.gather_into(mel.numpy(), picks)
        return mel

    def gather_into(self, out: NDArray[np.float16], picks: Picks) -> None:
        """Fill `out` (B, T, 96)."""
        window = int(self.shape[0])
        mel = np.asarray(self._cache.mel)  # a plain array: slices of a memmap cost more
        first = self._offset[picks.track] + picks.start
        length = self._length[picks.track]
        is_whole = length >= window
        whole = np.flatnonzero(is_whole)
        for row, frame in zip(whole.tolist(), first[whole].tolist(), strict=True):
            out[row] = mel[frame : frame + window]
        for row in np.flatnonzero(~is_whole).tolist():  # none, in most corpora
            out[row] = mel[first[row] + np.arange(window) % length[row]]


class ResidentWindows:
    """Gathers windows from a copy of the split's spectrograms in a device's memory.

    Args:
        cache: of the corpus.
        tracks: of the split.
        window: frames of a window, T.
        device: where the copy goes.
    """

    def __init__(self, cache: MelCache, tracks: SplitTracks, window: int, device: torch.device) -> None:
        self._window = torch.arange(window, device=device)
        self._frames, offset = _copy_frames(cache, tracks, device)
        self._offset = torch.from_numpy(offset).to(device)
        self._length = torch.from_numpy(tracks.length).to(device)

    def gather(self, track: Tensor, start: Tensor) -> Tensor:
        """(B, T, 96) float16 of the windows (B,) that start at frames (B,), all on the device."""
        frame = (start[:, None] + self._window) % self._length[track, None]  # a short track repeats
        rows = self._offset[track, None] + frame
        return self._frames.index_select(0, rows.flatten()).view(*rows.shape, -1)


def resident_bytes(cache: MelCache, tracks: SplitTracks) -> int:
    """What `ResidentWindows` takes."""
    return int(tracks.length.sum()) * cache.mel_parameters.num_bands * 2


def _copy_frames(cache: MelCache, tracks: SplitTracks, device: torch.device) -> tuple[Tensor, NDArray[np.int64]]:
    """The tracks' frames, one after the other as they lie in the file, and each track's first frame there."""
    total, bands = int(tracks.length.sum()), cache.mel_parameters.num_bands
    frames = torch.empty((total, bands), dtype=torch.float16, device=device)
    staging = torch.empty((BLOCK, bands), dtype=torch.float16, pin_memory=device.type == "cuda")
    offset = np.empty_like(tracks.offset)
    place = 0
    with progress(f"{tracks.name} spectrograms to {device}", total, "frames") as bar:
        for index in np.argsort(tracks.offset, kind="stable"):
            offset[index] = place
            for block in _blocks(cache.mel, int(tracks.offset[index]), int(tracks.length[index])):
                staging.numpy()[: len(block)] = block
                frames[place : place + len(block)] = staging[: len(block)]
                place += len(block)
                bar.advance(len(block))
    return frames, offset


def _blocks(mel: NDArray[np.float16], first: int, length: int) -> Any:
    end = first + length
    return (mel[at : min(at + BLOCK, end)] for at in range(first, end, BLOCK))
