"""Windows as the corpus grows: 1,000, 10,000 and 100,000 tracks, the largest five times the whole data set.

The caches are sparse files, so that 100,000 tracks of 203 s fit on any disk. Their holes read as zeros, from the page
cache like any other page; each corpus is timed on equally many windows, which the warm-up has brought there.
"""

import tempfile
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from benchmarks.harness import Row, rates
from benchmarks.made_up_cache import make_sparse_cache
from songmood.cache.read import MelCache
from songmood.loading.gather import HostWindows
from songmood.loading.loader import Loader
from songmood.loading.sampler import Picks, SplitWindows, TrainingBatches
from songmood.loading.split import read_split
from songmood.loading.windows import FreshWindows

SIZES = (1_000, 10_000, 100_000)  # tracks
FRAMES, WINDOW, BATCH, BATCHES = 9_500, 1_366, 64, 48  # 48 batches: 0.8 GB of page cache per corpus


class FirstBatches:
    """The first few batches of an epoch, drawn beforehand."""

    def __init__(self, batches: TrainingBatches) -> None:
        self.batch_size = batches.batch_size
        self.picks = list(islice(batches, BATCHES))

    def __len__(self) -> int:
        return len(self.picks)

    def __iter__(self) -> Iterator[Picks]:
        return iter(self.picks)


@dataclass(frozen=True)
class Corpus:
    """What is timed of one corpus.

    Attributes:
        batches: an epoch's.
        loader: of its first batches.
        megabytes: that opening the cache and one pass take in the process, besides the page cache.
    """

    batches: TrainingBatches
    loader: Loader
    megabytes: float


def rows() -> list[Row]:
    """The larger corpora against the smallest; a ratio of 1 is flat."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        corpora = {size: _open(Path(folder) / f"{size}.h5", size) for size in SIZES}
        reading = rates({str(size): partial(_read, corpus.loader) for size, corpus in corpora.items()})
        drawing = rates({str(size): partial(_draw, corpus.batches) for size, corpus in corpora.items()})
    found = []
    for size in SIZES[1:]:
        name, least = f"{size:,} tracks against {SIZES[0]:,}", str(SIZES[0])
        per_mb = {number: number / corpora[number].megabytes for number in SIZES}
        found += [
            Row(f"reading, {name}", reading[least], reading[str(size)], "windows/s", 0.8, "windows as drawn"),
            Row(f"drawing an epoch, {name}", drawing[least], drawing[str(size)], "windows/s", 0.5, "each window once"),
            Row(f"memory, {name}", per_mb[SIZES[0]], per_mb[size], "tracks/MB", 1, "without the page cache"),
        ]
    return found


def _open(path: Path, size: int) -> Corpus:
    make_sparse_cache(path, size, FRAMES)
    tracemalloc.start()
    cache = MelCache.open(path)
    tracks = read_split(cache, "train", cache.track_ids)
    batches = TrainingBatches(SplitWindows(tracks, FreshWindows(), WINDOW), BATCH, 0, lambda: 0)
    windows = HostWindows(cache, tracks, WINDOW)
    first = FirstBatches(batches)
    loader = Loader(windows, first)  # type: ignore[arg-type]
    for batch, picks in zip(loader, first.picks, strict=True):
        assert np.array_equal(batch.track.numpy(), picks.track)
        assert not batch.mel[:, 0, :, ::100].any()
    del batch
    megabytes = tracemalloc.get_traced_memory()[0] / 1e6
    tracemalloc.stop()
    return Corpus(batches, loader, megabytes)


def _read(loader: Loader) -> int:
    return sum(len(batch.mel) for batch in loader)


def _draw(batches: TrainingBatches) -> int:
    next(iter(batches))
    return batches.windows.count


if __name__ == "__main__":
    for row in rows():
        print(row)
