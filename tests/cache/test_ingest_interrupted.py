"""A build that is interrupted, killed or out of room goes on to the same bytes."""

import multiprocessing
import os
import re
import signal
import subprocess
import sys
import threading
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

import toy_corpus
from interruptible import interruptible
from small_disk import on_a_small_disk
from songmood.cache.build import Delivery, build_cache
from songmood.cache.read import MelCache
from songmood.errors import CacheError, CorpusError
from toy_corpus import CountsThreads, Says, built, delivery, toy_jobs, toy_plan

TOYS = Path(toy_corpus.__file__)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("undisturbed") / "toys.h5"
    built(path)
    return path.read_bytes()


def test_done_jobs_are_skipped_and_still_reported(tmp_path, undisturbed):
    path = tmp_path / "toys.h5"
    jobs = toy_jobs(toy_plan(path))
    ran: list[str] = []

    def interrupted():
        yield from jobs[:2]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        built(path, interrupted(), on_done=lambda job: ran.append(job.name))
    assert not path.exists()
    with pytest.raises(CacheError, match="is not finished"):
        MelCache.open(path)

    def forbidden(job):
        pytest.fail(f"{job.name} ran again")

    done = [Says(stems=job.stems, name=job.name) for job in jobs[:2]]
    for job in done:
        job.run = lambda job=job: forbidden(job)
    built(path, [*done, *jobs[2:]], on_done=lambda job: ran.append(job.name))
    assert ran == [job.name for job in [*jobs[:2], *jobs]]
    assert path.read_bytes() == undisturbed


def test_killed_anywhere_it_ends_with_the_same_bytes(tmp_path):
    """In a process of its own: it forks, and each child is killed (-9) at a call drawn at random."""
    result = subprocess.run(
        [sys.executable, TOYS, "kills", tmp_path / "toys.h5", "15"], capture_output=True, text=True, timeout=280
    )
    assert result.returncode == 0, result.stderr
    assert int(result.stdout) >= 15


def test_killed_with_its_workers_it_ends_with_the_same_bytes(tmp_path):
    path = tmp_path / "toys.h5"
    for jobs_done in (0, 3):
        command = [sys.executable, TOYS, "build", path, "100", "2"]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout
            for _ in range(jobs_done):
                assert process.stdout.readline() == b"done\n"
            while not path.with_name("toys.h5.partial").exists():
                os.sched_yield()
            process.kill()
    assert not path.exists()
    report, _ = built(path, count=100)
    assert report.written == 100
    built(tmp_path / "undisturbed.h5", count=100)
    assert path.read_bytes() == (tmp_path / "undisturbed.h5").read_bytes()


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
@pytest.mark.parametrize("death", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_build_that_is_ended_takes_its_workers_along_and_goes_on_later(tmp_path, undisturbed, death):
    path = tmp_path / "toys.h5"
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path\n"
        "from toy_corpus import *\n"
        "import multiprocessing, os, socket\n"
        "def jobs(plan):\n"
        "    yield from toy_jobs(plan, bad=('06/6',), fault='hang')[:3]\n"
        "    while len(multiprocessing.active_children()) < 2: os.sched_yield()\n"
        "    print(*[child.pid for child in multiprocessing.active_children()], flush=True)\n"
        "    one, other = socket.socketpair()\n"
        "    one.recv(1)  # as from a server that stalls\n"
        "if __name__ == '__main__':\n"
        "    plan = toy_plan(Path(sys.argv[2]))\n"
        "    build_cache(plan, jobs(plan), workers=2)\n"
    )
    (tmp_path / "script.py").write_text(script)
    process = subprocess.Popen(
        interruptible([sys.executable, str(tmp_path / "script.py"), str(TOYS.parent), str(path)]),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout
    assert process.stderr
    said = [process.stdout.readline().split() for _ in range(2)]
    assert [b"hangs"] in said
    workers = [int(pid) for line in said for pid in line if pid != b"hangs"]
    process.send_signal(death)
    _, errors = process.communicate(timeout=30)
    assert process.returncode != 0
    assert (b"KeyboardInterrupt" in errors) == (death == signal.SIGINT)
    assert path.with_name("toys.h5.lock").exists() == (death != signal.SIGINT)
    assert len(workers) == 2
    while any(map(is_running, workers)):  # after a kill they notice by themselves; the test's own limit ends a defect
        os.sched_yield()
    built(path)
    assert path.read_bytes() == undisturbed


def test_a_worker_that_dies_names_its_job_and_the_build_goes_on_later(tmp_path, undisturbed):
    path = tmp_path / "toys.h5"
    plan = toy_plan(path)
    jobs = toy_jobs(plan, bad=("07/7",), fault="die")
    with pytest.raises(
        CacheError, match=r"a worker process was killed .* while at work on .*job of 06/6.*fewer workers"
    ):
        build_cache(plan, jobs, workers=2)
    built(path)
    assert path.read_bytes() == undisturbed


def test_a_worker_that_dies_as_the_next_job_is_handed_over_names_its_job(tmp_path, monkeypatch):
    class Struck(ProcessPoolExecutor):
        def submit(self, task):
            while children := multiprocessing.active_children():
                for child in children:
                    child.kill()
                    child.join()
            return super().submit(task)

    plan = toy_plan(tmp_path / "toys.h5")
    monkeypatch.setattr("songmood.cache.pool.ProcessPoolExecutor", Struck)
    with pytest.raises(CacheError, match=r"while at work on job of 00/0, job of 03/3; what"):
        build_cache(plan, toy_jobs(plan, bad=("00/0",), fault="hang"), workers=1)


def test_a_defect_in_a_job_keeps_its_traceback(tmp_path):
    plan = toy_plan(tmp_path / "toys.h5")
    with pytest.raises(ZeroDivisionError, match="a defect") as caught:
        build_cache(plan, toy_jobs(plan, bad=("07/7",), fault="defect"), workers=1)
    assert "toy_corpus.py" in str(caught.value.__cause__)  # where it happened, in the worker


def test_a_worker_runs_its_numeric_libraries_on_one_thread(tmp_path, monkeypatch):
    """Two workers on two cores with two threads each would wait for each other."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    report, _ = built(tmp_path / "toys.h5", [CountsThreads()], 1, workers=1)
    assert report.cache.notes == {"track_000": "1"}
    assert "OMP_NUM_THREADS" not in os.environ


def test_jobs_may_wait_for_what_finished_jobs_free(tmp_path):
    """As downloads do that keep only a few tars: the next job comes when the last was reported done."""
    path = tmp_path / "toys.h5"
    room = threading.Semaphore(1)

    def jobs():
        for job in toy_jobs(toy_plan(path)):
            assert room.acquire(timeout=60)
            yield job

    report, _ = built(path, jobs(), workers=2, on_done=lambda job: room.release())
    assert report.written == 12


def test_an_error_among_the_jobs_ends_the_build_and_keeps_what_is_there(tmp_path, undisturbed):
    path = tmp_path / "toys.h5"
    closed = threading.Event()

    def jobs():
        try:
            yield toy_jobs(toy_plan(path))[0]
            raise CorpusError("no mirror has it")
        finally:
            closed.set()

    for workers in (0, 1):
        with pytest.raises(CorpusError, match="no mirror has it"):
            built(path, jobs(), workers=workers)
        assert closed.wait(10)
    built(path)
    assert path.read_bytes() == undisturbed


def test_the_second_of_two_builds_says_who_has_the_lock(tmp_path):
    path = tmp_path / "toys.h5"

    def jobs():
        with pytest.raises(CacheError, match=rf"is being built by process {os.getpid()} on \S+; wait for it"):
            built(path)
        yield from toy_jobs(toy_plan(path))

    report, _ = built(path, jobs())
    assert report.written == 12


def test_an_unfinished_build_of_other_sources_is_not_mixed_in(tmp_path, undisturbed):
    path = tmp_path / "toys.h5"
    other = toy_plan(path, source="other")
    with pytest.raises(CorpusError):
        build_cache(other, [Says(Delivery("00/0", refusal="broken"), delivery("01/1"))], workers=0, strict=True)
    with pytest.raises(CacheError, match=r"toys\.h5\.partial is an unfinished build from other sources"):
        built(path)
    built(path, insist=True)
    assert path.read_bytes() == undisturbed


def test_a_journal_that_outlived_its_cache_is_not_believed(tmp_path, undisturbed, monkeypatch):
    """The build was killed just before its last step, and the cache deleted since."""
    path = tmp_path / "toys.h5"
    with monkeypatch.context() as patch:
        patch.setattr("songmood.cache.finish.sweep", lambda cache: None)
        built(path)
    path.unlink()
    assert (tmp_path / "toys.h5.journal").exists()
    built(path)
    assert path.read_bytes() == undisturbed


def test_too_little_room_is_said_before_the_start_with_both_numbers(tmp_path):
    plan = toy_plan(tmp_path / "toys.h5", count=1000)
    for track in plan.tracks:
        object.__setattr__(track, "duration", 86_400.0)
    with pytest.raises(
        CacheError, match=r"77[78]\.\d GB more are needed on the disk of .* and [\d,.]+ .B are free"
    ) as error:
        build_cache(plan, [], workers=0)
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


FULL_DISK = """
import sys; sys.path.insert(0, sys.argv[1])
from pathlib import Path
from toy_corpus import *
from songmood.errors import CacheError
path = Path(sys.argv[2]) / "toys.h5"
ballast = path.with_name("ballast")
def jobs(plan):
    for number, job in enumerate(toy_jobs(plan)):
        if number == 2:
            with ballast.open("wb", buffering=0) as file:
                try:
                    while file.write(bytes(4096)): pass
                except OSError: pass
        yield job
if __name__ == "__main__":
    plan = toy_plan(path, 60)
    for workers in (0, 1):
        try: build_cache(plan, jobs(plan), workers=workers)
        except CacheError as error: print(error)
        assert not path.exists()
        ballast.unlink()
    build_cache(plan, toy_jobs(plan), workers=0)
    sys.stdout.flush(); sys.stdout.buffer.write(path.read_bytes())
"""


def test_a_disk_that_fills_up_ends_clearly_and_the_build_goes_on_later(tmp_path):
    (tmp_path / "script.py").write_text(FULL_DISK)
    disk = tmp_path / "disk"
    disk.mkdir()
    command = [*on_a_small_disk(disk, "4m"), sys.executable, tmp_path / "script.py", TOYS.parent, disk]
    result = subprocess.run(command, capture_output=True, timeout=120)
    assert result.returncode == 0, result.stderr
    first, second, content = result.stdout.split(b"\n", 2)
    for line in (first, second):
        assert re.search(rb"the disk is full \(No space left on device; .* free\) while writing .*toys\.h5", line)
    built(tmp_path / "toys.h5", count=60)
    assert content == (tmp_path / "toys.h5").read_bytes()
