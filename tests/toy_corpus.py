"""A corpus of made-up spectrograms, as jobs that a worker process can be handed; and a build that can be killed."""

import os
import signal
import sys
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from songmood.cache.build import CachePlan, Delivery, build_cache
from songmood.cache.read import MelCache
from songmood.tracks import Track

TAGS = ("mood/theme---calm", "mood/theme---epic", "mood/theme---sad")


@dataclass(frozen=True)
class Mel:
    """Stands in for the mel parameters, so that these processes start without torch."""

    sample_rate: int = 12_000
    frame_size: int = 512
    hop: int = 256
    num_bands: int = 96
    floor_db: float = -200.0

    @property
    def frames_per_second(self) -> float:
        return self.sample_rate / self.hop

    def to_dict(self) -> dict[str, float]:
        return dict(vars(self))


@dataclass(frozen=True)
class ToyJob:
    """Delivers made-up spectrograms; those in `bad` as `fault` says."""

    stems: tuple[str, ...]
    bad: tuple[str, ...] = ()
    fault: str = ""

    @property
    def name(self) -> str:
        return f"job of {self.stems[0]}"

    def run(self) -> Iterator[Delivery]:
        for stem in self.stems:
            if stem in self.bad:
                yield from self.fail(stem)
            else:
                yield delivery(stem)

    def fail(self, stem: str) -> Iterator[Delivery]:
        if self.fault == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        elif self.fault == "hang":
            sys.stdout.write("hangs\n")
            sys.stdout.flush()
            threading.Event().wait()
        elif self.fault == "defect":
            raise ZeroDivisionError("a defect")
        elif self.fault == "nan":
            yield Delivery(stem, np.full((20, 96), np.nan, np.float32))
        else:
            yield Delivery(stem, refusal=self.fault)


def toy_mel(stem: str) -> np.ndarray:
    """(T, 96) of about the duration that `toy_tracks` says; for every fifth track far longer."""
    number = int(stem.split("/")[1])
    frames = 47 * (1 + number % 3) + number % 7 + (60 if number % 5 == 0 else 0)
    return np.random.default_rng(zlib.crc32(stem.encode())).normal(-60, 20, (frames, 96)).astype(np.float32)


def delivery(stem: str) -> Delivery:
    features = np.array([len(stem), np.nan], np.float32)
    return Delivery(stem, toy_mel(stem), features, note="odd" if stem.endswith("3") else None)


def toy_tracks(count: int) -> tuple[Track, ...]:
    tags = [(TAGS[i % 3], TAGS[(i + 1) % 3]) for i in range(count)]
    paths = [f"{i % 10:02}/{i}.mp3" for i in range(count)]
    return tuple(
        Track(f"track_{i:03}", f"artist_{i % 4}", "album", paths[i], 1.0 + i % 3, tags[i]) for i in range(count)
    )


def toy_plan(path: Path, count: int = 12, **changes: Any) -> CachePlan:
    values = {"tracks": toy_tracks(count), "tags": TAGS, "mel": Mel(), "feature_names": ("a", "b"), "source": "toys"}
    return CachePlan(path=path, **{**values, **changes})


def toy_jobs(plan: CachePlan, per_job: int = 3, **changes: Any) -> list[ToyJob]:
    stems = [track.stem for track in plan.tracks]
    groups = [tuple(stems[first : first + per_job]) for first in range(0, len(stems), per_job)]
    return [ToyJob(group, **changes) for group in groups]


def build_until_call(path: Path, fatal: int) -> int:
    """Builds in a forked process that is killed (-9) at its `fatal`-th call; returns how it ended."""
    child = os.fork()
    if not child:
        calls = 0

        def count(frame: FrameType, event: str, argument: object) -> None:
            nonlocal calls
            if event in ("call", "c_call") and "songmood" in frame.f_code.co_filename:
                calls += 1
                if calls == fatal:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.setprofile(count)
        plan = toy_plan(path, 8)
        build_cache(plan, toy_jobs(plan, bad=("07/7",), fault="unreadable"), workers=0)
        sys.setprofile(None)
        (path.parent / "calls").write_text(str(calls))
        os._exit(0)
    return os.waitpid(child, 0)[1]


def main() -> None:
    """`toy_corpus.py build PATH COUNT WORKERS` builds; `kills PATH HOW_MANY` kills and resumes, comparing the files."""
    path = Path(sys.argv[2])
    if sys.argv[1] == "build":
        plan = toy_plan(path, int(sys.argv[3]))
        build_cache(plan, toy_jobs(plan, 5), workers=int(sys.argv[4]), on_done=lambda job: os.write(1, b"done\n"))
        return
    assert build_until_call(path, -1) == 0
    whole = path.read_bytes()
    total = int((path.parent / "calls").read_text())
    generator = np.random.default_rng(0)
    points = np.unique(generator.integers(1, total, int(sys.argv[3])))
    killed = 0
    for point in points.tolist():
        path.unlink()
        while build_until_call(path, point) != 0:
            killed += 1
            point = int(generator.integers(total // 4, total))  # later deaths too, or a resumed build would never end
        left = {file.name for file in path.parent.iterdir()}
        assert path.read_bytes() == whole, f"killed at call {point} of {total}: other bytes"
        assert left == {"calls", path.name}, f"killed at call {point} of {total}: leaves {left}"
    sys.stdout.write(f"{killed}\n")


@dataclass(frozen=True)
class Waits:
    """A job that begins when a file is there, and leaves one when it ends, however."""

    job: ToyJob
    begin: Path | None
    end: Path | None = None

    @property
    def name(self) -> str:
        return self.job.name

    @property
    def stems(self) -> tuple[str, ...]:
        return self.job.stems

    def run(self) -> Iterator[Delivery]:
        while self.begin and not self.begin.exists():
            os.sched_yield()
        try:
            yield from self.job.run()
        finally:
            if self.end:
                self.end.touch()


@dataclass(frozen=True)
class CountsThreads:
    """Notes how many threads the worker's linear algebra has."""

    stems: tuple[str, ...] = ("00/0",)
    name: str = "counts threads"

    def run(self) -> Iterator[Delivery]:
        from threadpoolctl import threadpool_info

        yield Delivery("00/0", toy_mel("00/0"), note=str(max(pool["num_threads"] for pool in threadpool_info())))


class Says:
    """A job in this process that delivers what it is given; it announces that, or `stems`."""

    def __init__(self, *deliveries, stems=None, name="says"):
        self.deliveries = deliveries
        self.stems = tuple(dict.fromkeys(item.stem for item in deliveries)) if stems is None else stems
        self.name = name

    def run(self):
        yield from self.deliveries


def built(path: Path, jobs=None, count: int = 12, workers: int = 0, **options):
    plan = toy_plan(path, count)
    report = build_cache(plan, toy_jobs(plan) if jobs is None else jobs, workers=workers, **options)
    return report, MelCache.open(path)


if __name__ == "__main__":
    main()
