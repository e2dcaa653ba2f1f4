"""The full-size build, rehearsed: all 18,486 tracks with real durations, made-up values, as many tars as there is room.

    python -m benchmarks.rehearsal [--tars 9] [--durations DIR] [--folder DIR] [--workers 2]

The plan, the cache's layout, its header and its last steps are those of the whole data set; tracks whose tars are not
made are left out of the cache, as holes in the file. What the other tars add is scaled on paper, from what was seen.
"""

import argparse
import csv
import json
import random
import resource
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks.data_build import publish, store_of
from songmood.cache.verify import verify_cache
from songmood.corpora.jamendo.build import build
from songmood.corpora.jamendo.fetch import Sources

NUM_TRACKS = 18_486
GIGABYTE = 1e9
CONNECTIONS = 4


def real_durations(folder: Path | None) -> list[float]:
    """The durations in the split files below `folder`, filled up to all tracks by drawing from them.

    Without a folder: drawn from a log-normal distribution about the data set's median of 203 s.
    """
    rng = random.Random(0)
    if folder is None:
        return [min(3_931.0, max(30.0, rng.lognormvariate(5.31, 0.45))) for _ in range(NUM_TRACKS)]
    durations = []
    for part in ("train", "validation", "test"):
        path = next(folder.rglob(f"autotagging_moodtheme-{part}.tsv"))
        with path.open(newline="") as file:
            durations += [float(row["DURATION"]) for row in csv.DictReader(file, delimiter="\t")]
    return durations + rng.choices(durations, k=NUM_TRACKS - len(durations))


def taken(folder: Path) -> int:
    """Bytes that the files below a folder take on the disk; holes take none."""
    total = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):  # renamed or removed between the two calls
            total += path.stat().st_blocks * 512
    return total


@contextmanager
def watched(folder: Path) -> Iterator[dict[str, float]]:
    """Measures a block: seconds, most bytes on the disk, most memory of this process and of its largest child."""
    seen: dict[str, float] = {"disk": 0.0}
    stop = threading.Event()

    def look() -> None:
        while not stop.wait(0.2):
            seen["disk"] = max(seen["disk"], taken(folder))

    before, start = cpu_seconds(), time.perf_counter()
    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        seen["seconds"] = time.perf_counter() - start
        seen["cpu"] = cpu_seconds() - before
        stop.set()
        thread.join()
        for name, who in (("parent", resource.RUSAGE_SELF), ("worker", resource.RUSAGE_CHILDREN)):
            seen[name] = resource.getrusage(who).ru_maxrss * 1024.0


def cpu_seconds() -> float:
    """Of this process and its ended children."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def rehearse(folder: Path, durations: list[float], num_tars: int, workers: int) -> dict[str, float | str]:
    """Build and verify; the figures by name."""
    made = publish(folder, durations, num_folders=100, num_tars=num_tars)
    store = store_of(folder)
    whole = sum(int(duration * 46.875) * 384 + 1_024 for duration in durations)
    tars = sorted((store.expected(f"autotagging_moodtheme_melspecs-{i:02d}.tar") for i in range(100)), reverse=True)
    with watched(folder / "here") as downloads, watched(folder) as seen:
        sources = Sources(mirrors=(), shelves=(folder / "tars",), connections=CONNECTIONS)
        report = build(store, ("melspecs",), sources, workers=workers)
    start = time.perf_counter()
    assert verify_cache(store.cache_path) == []
    rate = made / seen["seconds"]
    ahead = sources.ahead or 0
    return {
        "tracks in the plan": float(len(durations)),
        "tracks written": float(report.written),
        "tars": float(num_tars),
        "tar GB": made / GIGABYTE,
        "build s": seen["seconds"],
        "MB/s": rate / 1e6,
        "MB per CPU second": made / seen["cpu"] / 1e6,
        "verify s": time.perf_counter() - start,
        "most memory, GB (parent + workers)": (seen["parent"] + workers * seen["worker"]) / GIGABYTE,
        "most disk beside the tars, GB": (seen["disk"] - made) / GIGABYTE,
        "cache GB on disk": store.cache_path.stat().st_blocks * 512 / GIGABYTE,
        "downloads GB on disk": downloads["disk"] / GIGABYTE,
        "on paper: whole data set, tar GB": whole / GIGABYTE,
        "on paper: whole data set, build minutes": whole / rate / 60,
        "on paper: whole cache, GB": int(store.plan.slots[-1]) * 192 / GIGABYTE,
        f"on paper: most disk with {ahead} tars at once, GB": (int(store.plan.slots[-1]) * 192 + sum(tars[:ahead]))
        / GIGABYTE,
    }


def main() -> None:
    """Rehearse in a folder that is removed afterwards, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--tars", type=int, default=9, help="how many of the 100 are made (0.7 GB each, and half of it)"
    )
    parser.add_argument("--durations", type=Path, help="a folder with the split files (any depth)")
    parser.add_argument("--folder", type=Path, help="where to work; default: the system's temporary folder")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="rehearsal-", dir=options.folder))
    try:
        figures = rehearse(folder, real_durations(options.durations), options.tars, options.workers)
    finally:
        shutil.rmtree(folder)
    print(
        json.dumps(
            {name: round(value, 3) if isinstance(value, float) else value for name, value in figures.items()}, indent=1
        )
    )


if __name__ == "__main__":
    main()
