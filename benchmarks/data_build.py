"""Archives to cache: tar bytes per second and core, from a warm local disk, checksums included.

The obvious way is what the data set's own scripts and most readers do: check the tar's SHA-256, unpack it, load every
file, write it to HDF5. Ours is `songmood data build --source DIR` in one process. Both make float16 rows, time-major.
"""

import hashlib
import io
import shutil
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np

from benchmarks.harness import Row, rates
from songmood.corpora.jamendo.build import build
from songmood.corpora.jamendo.catalogue import DATASETS
from songmood.corpora.jamendo.fetch import Sources
from songmood.corpora.jamendo.store import Store
from songmood.tracks import Track, write_tracks

TARGET_MB = 250.0  # per second and core
NAME = "autotagging_moodtheme"


def publish(folder: Path, durations: list[float], num_folders: int, num_tars: int | None = None) -> int:
    """Write metadata and tars of made-up tracks as the data set distributes them; returns the tars' bytes.

    Values are one random block, shifted from track to track: random numbers for hours of music take longer than what
    is measured.

    Args:
        folder: gets `tars/` and `here/metadata/`.
        durations: of the tracks, in seconds.
        num_folders: that they are spread over.
        num_tars: how many folders are there as tars; None for all.
    """
    rng = np.random.default_rng(0)
    longest = int(max(durations) * 46.875) + 2_000
    block = rng.normal(-60, 20, (longest, 96)).astype(np.float32)
    ids = [100 * (i // num_folders) + i % num_folders for i in range(len(durations))]
    tracks = tuple(
        Track(
            f"track_{n:07d}", f"artist_{n:06d}", f"album_{n:06d}", f"{n % 100:02d}/{n}.mp3", d, ("mood/theme---calm",)
        )
        for n, d in zip(ids, durations, strict=True)
    )
    metadata, shelf = folder / "here" / "metadata", folder / "tars"
    for path in (shelf, metadata / "download"):
        path.mkdir(parents=True, exist_ok=True)
    write_tracks(metadata / f"{NAME}.tsv", tracks)
    sums, total = [], 0
    for number in range(num_folders if num_tars is None else num_tars):
        own = [track for track in tracks if track.path.startswith(f"{number:02d}/")]
        path = shelf / f"{NAME}_melspecs-{number:02d}.tar"
        total += _write_tar(path, own, block)
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
        sums.append(f"{digest.hexdigest()} {path.name}")
    (metadata / "download" / f"{NAME}_melspecs_sha256_tars.txt").write_text("\n".join(sums) + "\n")
    (metadata / "download" / f"{NAME}_acousticbrainz_sha256_tars.txt").write_text(f"{'0' * 64} x-00.tar.gz\n")
    return total


def _write_tar(path: Path, tracks: list[Track], block: np.ndarray) -> int:
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as tar:
        for i, track in enumerate(tracks):
            frames = int(track.duration * 46.875) + 1
            start = (i * 7) % (len(block) - frames)
            header = io.BytesIO()
            np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": True, "shape": (96, frames)})
            content = header.getvalue() + block[start : start + frames].tobytes()
            entry = tarfile.TarInfo(f"{track.stem}.npy")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return path.stat().st_size


def store_of(folder: Path, name: str = "jamendo.h5") -> Store:
    """The data set that `publish` wrote, with its cache below `folder`."""
    from songmood.audio.mel import MelParameters  # late: worker processes import this module, and need no torch

    return Store(DATASETS[NAME], folder / "here", folder / name, MelParameters())


def ours(folder: Path, workers: int) -> Store:
    """A cache by `songmood data build --source`."""
    store = store_of(folder)
    store.cache_path.unlink(missing_ok=True)
    build(store, ("melspecs",), Sources(mirrors=(), shelves=(folder / "tars",), connections=1), workers=workers)
    return store


def obvious(folder: Path) -> Path:
    """A cache by unpacking and loading."""
    store, out, unpacked = store_of(folder), folder / "obvious.h5", folder / "unpacked"
    frames = [int(track.duration * 46.875) + 1 for track in store.plan.tracks]
    with h5py.File(out, "w") as file:
        mel = file.create_dataset("mel", (sum(frames), 96), np.float16)
        for archive in store.archives("melspecs"):
            path = folder / "tars" / archive.name
            assert hashlib.sha256(path.read_bytes()).hexdigest() == archive.sha256
            with tarfile.open(path) as tar:
                tar.extractall(unpacked, filter="data")
        offset = 0
        for track, length in zip(store.plan.tracks, frames, strict=True):
            mel[offset : offset + length] = np.load(unpacked / f"{track.stem}.npy").T.astype(np.float16)
            offset += length
    shutil.rmtree(unpacked)
    return out


def same(folder: Path) -> str:
    """Checks that both ways made the same rows."""
    from songmood.cache.read import MelCache

    cache = MelCache.open(ours(folder, 0).cache_path)
    with h5py.File(obvious(folder)) as file:
        offset = 0
        for start, length in zip(cache.offset, cache.length, strict=True):
            assert np.array_equal(cache.mel[start : start + length], file["mel"][offset : offset + length])
            offset += length
    return f"all {offset:,} rows equal"


def rows() -> list[Row]:
    """One row: megabytes of tar per second, one core."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        megabytes = publish(folder, [203.0] * 60, num_folders=3) // 1_000_000
        proof = same(folder)

        def side(work: Callable[[], object]) -> Callable[[], int]:
            return lambda: (work(), megabytes)[1]

        seen = rates({"obvious": side(lambda: obvious(folder)), "ours": side(lambda: ours(folder, 0))}, rounds=3)
    what = f"tar to cache, one process (target: {TARGET_MB:g} MB/s)"
    return [Row(what, seen["obvious"], seen["ours"], "MB/s", 1.0, proof)]


if __name__ == "__main__":
    for row in rows():
        print(f"{row.what}: {row.obvious:,.0f} -> {row.ours:,.0f} {row.unit} ({row.ratio:.1f}x; {row.same})")
