"""Windows per second: batches of random windows from a warm page cache.

The obvious way keeps each track as the data set has it, a float32 .npy file, and takes a slice of its memory map.
"""

import ctypes
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from benchmarks.harness import Row, rates, without_gpu
from benchmarks.made_up_cache import make_cache, spectrogram
from songmood.cache.read import MelCache
from songmood.loading.batch import Batch
from songmood.loading.gather import HostWindows, ResidentWindows
from songmood.loading.loader import Loader
from songmood.loading.sampler import SplitWindows, TrainingBatches
from songmood.loading.split import SplitTracks, read_split
from songmood.loading.windows import RandomWindows

TRACKS, FRAMES, WINDOW, BATCH = 200, 9_500, 1_366, 64  # FRAMES: the corpus's median, 203 s; 365 MB as float16
RESIDENT = "windows into a GPU, resident against pinned and sent"
PER_TRACK = 16  # windows: a pass is long enough to time


class PlainDataset(Dataset[torch.Tensor]):
    """What a DataLoader gets where nobody thinks of batches: one window per call, to be stacked by the worker."""

    def __init__(self, cache: MelCache, tracks: SplitTracks, starts: NDArray[np.int64]) -> None:
        self.cache, self.tracks, self.starts = cache, tracks, starts

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, index: int) -> torch.Tensor:
        track, start = self.starts[index]
        first = self.tracks.offset[track] + start
        return torch.from_numpy(self.cache.mel[first : first + WINDOW].copy())


def rows() -> list[Row]:
    """Time all ways on the same windows."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        cache = make_cache(Path(folder) / "cache.h5", TRACKS, FRAMES)
        files = [Path(folder) / f"{number}.npy" for number in range(TRACKS)]
        for number, file in enumerate(files):
            np.save(file, np.asfortranarray(spectrogram(number, FRAMES).T))  # (96, T), time slow, as distributed
        tracks = read_split(cache, "train", cache.track_ids)
        batches = TrainingBatches(SplitWindows(tracks, RandomWindows(PER_TRACK), WINDOW), BATCH, 0, lambda: 0)
        return _time(cache, tracks, batches, files)


def _time(cache: MelCache, tracks: SplitTracks, batches: TrainingBatches, files: list[Path]) -> list[Row]:
    windows = HostWindows(cache, tracks, WINDOW)
    order = np.concatenate([np.stack([picks.track, picks.start], axis=1) for picks in batches])
    alone = Loader(windows, batches)
    parallel = Loader(windows, batches, num_workers=2)
    plain = DataLoader(PlainDataset(cache, tracks, order), BATCH, num_workers=2, persistent_workers=True)
    _check_same(alone, parallel, _slices(files, order), plain)
    block = np.ones((TRACKS * FRAMES, 96), np.float16)
    seen = rates(
        {
            "npy": lambda: sum(1 for _ in _slices(files, order)),
            "memcpy": lambda: _memcpy(block, order),
            "alone": lambda: _count(alone),
            "plain": lambda: sum(len(mel) for mel in plain),
            "parallel": lambda: _count(parallel),
        }
    )
    same = "every window equal"
    found = [
        Row("windows, one core, against np.load(mmap_mode='r')", seen["npy"], seen["alone"], "windows/s", 10, same),
        Row(
            "windows, one core, against memcpy of 262 KB blocks",
            seen["memcpy"],
            seen["alone"],
            "windows/s",
            0.8,
            "bytes",
        ),
        Row("windows, two threads, against a plain DataLoader", seen["plain"], seen["parallel"], "windows/s", 1, same),
        Row(
            "windows, two threads, against twice one core", 2 * seen["alone"], seen["parallel"], "windows/s", 0.7, same
        ),
    ]
    return [*found, _on_the_gpu(cache, tracks, batches) if torch.cuda.is_available() else without_gpu(RESIDENT, 1)]


def _on_the_gpu(cache: MelCache, tracks: SplitTracks, batches: TrainingBatches) -> Row:
    """Gathering in device memory against pinned batches that travel."""
    device = torch.device("cuda")
    pinned = Loader(HostWindows(cache, tracks, WINDOW, is_pinned=True), batches)
    resident = Loader(ResidentWindows(cache, tracks, WINDOW, device), batches)
    for left, right in zip(pinned, resident, strict=True):
        assert torch.equal(left.mel.to(device), right.mel)
    seen = rates({"pinned": lambda: _count_on(device, pinned), "resident": lambda: _count_on(device, resident)})
    return Row(RESIDENT, seen["pinned"], seen["resident"], "windows/s", 1, "every window equal")


def _count_on(device: torch.device, loader: Iterable[Batch]) -> int:
    count = sum(len(batch.mel.to(device, non_blocking=True)) for batch in loader)
    torch.cuda.synchronize(device)
    return count


def _count(loader: Iterable[Batch]) -> int:
    return sum(len(batch.mel) for batch in loader)


def _slices(files: list[Path], order: NDArray[np.int64]) -> Iterator[NDArray[np.float32]]:
    for track, start in order:
        yield np.load(files[track], mmap_mode="r")[:, start : start + WINDOW].copy()


def _memcpy(block: NDArray[np.float16], order: NDArray[np.int64]) -> int:
    """As many bytes from anonymous memory, into two buffers in turn: while a batch is in use the next one is read."""
    buffer = np.empty((2 * BATCH, WINDOW, 96), np.float16)
    size = buffer[0].nbytes
    source, target, copy = block.ctypes.data, buffer.ctypes.data, ctypes.memmove
    for index, (track, start) in enumerate(order.tolist()):
        copy(target + index % len(buffer) * size, source + (track * FRAMES + start) * 192, size)
    return len(order)


def _check_same(
    alone: Loader, parallel: Loader, slices: Iterator[NDArray[np.float32]], plain: DataLoader[torch.Tensor]
) -> None:
    for left, right, items in zip(alone, parallel, plain, strict=True):
        assert torch.equal(left.mel, right.mel)
        assert torch.equal(left.mel[:, 0], items.transpose(1, 2))
        for mel in left.mel:
            assert np.array_equal(mel[0].numpy(), next(slices))


if __name__ == "__main__":
    for row in rows():
        print(row)
