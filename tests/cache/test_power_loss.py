"""A machine that loses its power anywhere in a build leaves what goes on to the same bytes.

What the disk has after it is the worst that a file system may leave: of every file what was there when it was last
synced, whatever was written since; and of a journal's unsynced lines any part.
"""

import os
import stat
from pathlib import Path

import numpy as np
import pytest

from songmood.cache.build import build_cache
from songmood.cache.verify import verify_cache
from toy_corpus import toy_jobs, toy_plan


class PowerLossError(BaseException):
    pass


class Disk:
    """Counts the syncs below a folder, keeps what each has made safe, and fails at one of them."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, fatal: int) -> None:
        self.folder, self.fatal, self.syncs = folder, fatal, 0
        self.safe: dict[int, bytes] = {}  # by inode
        self.really = os.fsync
        monkeypatch.setattr(os, "fsync", self.fsync)

    def fsync(self, descriptor: int) -> None:
        self.syncs += 1
        if self.syncs == self.fatal:
            raise PowerLossError
        status = os.fstat(descriptor)
        if stat.S_ISREG(status.st_mode):
            self.safe[status.st_ino] = Path(f"/proc/self/fd/{descriptor}").read_bytes()
        self.really(descriptor)

    def lose(self, generator: np.random.Generator) -> None:
        for path in [path for path in self.folder.rglob("*") if path.is_file()]:
            safe, now = self.safe.get(path.stat().st_ino, b""), path.read_bytes()
            if path.suffix == ".journal" and now.startswith(safe):
                safe = now[: generator.integers(len(safe), len(now) + 1)]
            path.write_bytes(safe)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    plan = toy_plan(tmp_path_factory.mktemp("undisturbed") / "toys.h5")
    build_cache(plan, toy_jobs(plan, bad=("07/7",), fault="unreadable"), workers=0)
    return plan.path.read_bytes()


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="finds a descriptor's file in /proc")
def test_after_a_loss_of_power_anywhere_the_build_goes_on_to_the_same_bytes(tmp_path, monkeypatch):
    plan = toy_plan(tmp_path / "toys.h5", 8)
    jobs = toy_jobs(plan, bad=("07/7",), fault="unreadable")
    build_cache(plan, jobs, workers=0)
    undisturbed = plan.path.read_bytes()
    plan.path.unlink()
    generator = np.random.default_rng(0)
    losses = 0
    for fatal in range(1, 1000):
        gone: list[str] = []  # archives are deleted when they are done
        with monkeypatch.context() as patch:
            disk = Disk(tmp_path, patch, fatal)
            try:
                build_cache(plan, jobs, workers=0, on_done=lambda job, gone=gone: gone.append(job.name))
            except PowerLossError:
                losses += 1
                disk.lose(generator)
        if disk.syncs < fatal:
            break
        build_cache(plan, [job for job in jobs if job.name not in gone], workers=0)
        assert plan.path.read_bytes() == undisturbed, f"power lost at sync {fatal}"
        assert verify_cache(plan.path) == []
        assert [path.name for path in tmp_path.iterdir()] == ["toys.h5"], f"power lost at sync {fatal}"
        plan.path.unlink()
    assert losses > 10


def test_rows_of_a_job_without_a_line_are_written_again(tmp_path, undisturbed):
    plan = toy_plan(tmp_path / "toys.h5")
    jobs = toy_jobs(plan, bad=("07/7",), fault="unreadable")

    def interrupted():
        yield from jobs[:3]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_cache(plan, interrupted(), workers=0)
    journal, partial = tmp_path / "toys.h5.journal", tmp_path / "toys.h5.partial"
    lines = journal.read_bytes().splitlines(keepends=True)
    assert len(lines) == 4
    journal.write_bytes(b"".join(lines[:2]) + lines[2][:-7])  # the third and fourth line did not reach the disk
    whole = partial.read_bytes()
    mel_offset = len(whole) - int(plan.slots[-1]) * 192
    with partial.open("r+b") as file:  # nor did their rows
        file.seek(mel_offset + int(plan.slots[3]) * 192)
        file.write(bytes(int(plan.slots[9] - plan.slots[3]) * 192))
    (tmp_path / "toys.h5.overflow" / "5.f16").write_bytes(b"")
    build_cache(plan, jobs, workers=0)
    assert plan.path.read_bytes() == undisturbed
