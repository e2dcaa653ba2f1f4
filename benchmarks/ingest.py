"""A folder of ``.npy`` spectrograms into a cache: np.load and h5py in a loop, against the resumable builder.

The builder also checks each header and value, takes checksums, records its progress and waits for the disk at the end;
the loop does none of that, and a kill leaves it with nothing.
"""

import tempfile
from pathlib import Path

import h5py
import numpy as np

from benchmarks.harness import Row, rates
from songmood.cache.read import MelCache
from songmood.corpora.folder import FolderCorpus
from songmood.tracks import Track, write_tracks

NUM_TRACKS = 48
FRAMES = 9516  # the median track, 203 s
FLOAT32_BYTES = 96 * FRAMES * 4


def rows() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        _make(root)
        seen = rates(
            {
                "loop": lambda: _loop(root),
                "ours": lambda: _ours(root, 0),
                "two": lambda: _ours(root, 2),
            },
            rounds=3,
        )
        same = _same(root)
    return [
        Row("npy files to cache, one process", seen["loop"], seen["ours"], "MB/s of float32", 1.0, same),
        Row(
            "npy files to cache, two workers (their start included)",
            seen["loop"],
            seen["two"],
            "MB/s of float32",
            1.0,
            same,
        ),
    ]


def _make(root: Path) -> None:
    generator = np.random.default_rng(0)
    tracks = [
        Track(f"track_{i}", f"artist_{i}", "a", f"{i:02}/{i}.mp3", FRAMES / 46.875, ("t",)) for i in range(NUM_TRACKS)
    ]
    for split, first in (("train", 0), ("validation", 1), ("test", 2)):
        write_tracks(root / f"tracks-{split}.tsv", tracks[first::3])
    for track in tracks:
        path = root / "melspecs" / f"{track.stem}.npy"
        path.parent.mkdir(parents=True)
        mel = generator.normal(-60, 20, (FRAMES, 96)).astype(np.float32)
        np.save(path, mel.T)


def _loop(root: Path) -> int:
    """What most people would write: returns MB read."""
    path = root / "loop.h5"
    path.unlink(missing_ok=True)
    files = sorted((root / "melspecs").rglob("*.npy"))
    with h5py.File(path, "w") as file:
        mel = file.create_dataset("mel", (0, 96), np.float16, maxshape=(None, 96), chunks=(256, 96))
        for name in files:
            spectrogram = np.load(name).T
            end = len(mel)
            mel.resize(end + len(spectrogram), axis=0)
            mel[end:] = spectrogram
    return len(files) * FLOAT32_BYTES // 1_000_000


def _ours(root: Path, workers: int) -> int:
    path = root / "ours.h5"
    path.unlink(missing_ok=True)
    FolderCorpus(root, path, workers=workers).open()
    return NUM_TRACKS * FLOAT32_BYTES // 1_000_000


def _same(root: Path) -> str:
    cache = MelCache.open(root / "ours.h5")
    with h5py.File(root / "loop.h5") as file:
        for number, name in enumerate(sorted((root / "melspecs").rglob("*.npy"))):
            row = cache.rows([f"track_{name.stem}"])[0]
            ours = cache.mel[cache.offset[row] :][: cache.length[row]]
            np.testing.assert_array_equal(ours, file["mel"][number * FRAMES : (number + 1) * FRAMES])
    return "every row equal"


if __name__ == "__main__":
    for row in rows():
        print(f"{row.what}: {row.obvious:.0f} -> {row.ours:.0f} {row.unit}, x{row.ratio:.2f} ({row.same})")
