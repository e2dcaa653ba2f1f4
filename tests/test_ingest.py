import logging
import os
import re
import signal
import subprocess
import sys
import threading
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest

from small_disk import on_a_small_disk
from songmood.data.cache import MelCache
from songmood.data.ingest import Delivery, build_cache
from songmood.data.verify import verify_cache
from songmood.errors import CacheError, CorpusError
from toy_corpus import TAGS, delivery, toy_jobs, toy_mel, toy_plan

TOYS = Path(__file__).with_name("toy_corpus.py")


class Says:
    """A job in this process that delivers what it is given."""

    size = 0

    def __init__(self, *deliveries, delivers=("mel", "features"), stems=None, name="says"):
        self.deliveries = deliveries
        self.delivers = delivers
        self.stems = stems
        self.name = name

    def run(self):
        yield from self.deliveries


def built(path: Path, jobs=None, count: int = 12, workers: int = 0, **options):
    plan = toy_plan(path, count)
    report = build_cache(plan, toy_jobs(plan) if jobs is None else jobs, workers=workers, **options)
    return report, MelCache.open(path)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("undisturbed") / "toys.h5"
    built(path)
    return path.read_bytes()


def test_what_is_delivered_is_in_the_cache(tmp_path):
    report, cache = built(tmp_path / "toys.h5")
    assert (report.written, report.left_out, report.notes) == (12, {}, {"track_003": "odd"})
    for row, track in enumerate(toy_plan(tmp_path / "toys.h5").tracks):
        expected = toy_mel(track.stem).astype(np.float16)
        assert cache.length[row] == len(expected)
        start = cache.offset[row]
        np.testing.assert_array_equal(cache.mel[start : start + len(expected)], expected)
        np.testing.assert_array_equal(cache.features[row], [len(track.stem), np.nan])
        assert {TAGS[column] for column in np.flatnonzero(cache.targets[row])} == set(track.tags)
    assert verify_cache(cache.path) == []


def test_only_the_cache_is_left(tmp_path):
    built(tmp_path / "toys.h5")
    assert [path.name for path in tmp_path.iterdir()] == ["toys.h5"]


def test_long_spectrograms_go_to_the_end_and_all_other_rows_are_zero(tmp_path):
    _, cache = built(tmp_path / "toys.h5")
    slots = toy_plan(tmp_path / "toys.h5").slots
    moved = [row for row in range(12) if cache.offset[row] >= slots[-1]]
    assert moved == [row for row in range(12) if cache.length[row] > slots[row + 1] - slots[row]] == [0, 5, 10]
    used = np.zeros(len(cache.mel), bool)
    for start, length in zip(cache.offset, cache.length, strict=True):
        assert not used[start : start + length].any()
        used[start : start + length] = True
    assert not cache.mel[~used].view(np.uint16).any()


@pytest.mark.parametrize("per_job", [1, 5, 12])
@pytest.mark.parametrize("order", [1, -1])
def test_the_bytes_do_not_tell_in_which_order_tracks_arrived(tmp_path, undisturbed, per_job, order):
    path = tmp_path / "toys.h5"
    built(path, toy_jobs(toy_plan(path), per_job)[::order])
    assert path.read_bytes() == undisturbed


def test_the_bytes_do_not_tell_how_many_workers_there_were(tmp_path, undisturbed):
    path = tmp_path / "toys.h5"
    built(path, workers=2)
    assert path.read_bytes() == undisturbed


def test_spectrograms_and_features_may_come_from_different_jobs(tmp_path, undisturbed):
    path = tmp_path / "toys.h5"
    plan = toy_plan(path)
    stems = tuple(track.stem for track in plan.tracks)
    jobs = [
        Says(
            *(Delivery(stem, features=delivery(stem).features) for stem in stems), delivers=("features",), stems=stems
        ),
        Says(
            *(Delivery(stem, delivery(stem).mel, note=delivery(stem).note) for stem in stems[::-1]),
            delivers=("mel",),
            stems=stems,
        ),
    ]
    for order in permutations(jobs):
        path.unlink(missing_ok=True)
        built(path, order)
        assert path.read_bytes() == undisturbed


def test_features_that_are_refused_stay_unknown_and_the_track_stays(tmp_path):
    path = tmp_path / "toys.h5"
    jobs = [
        Says(*(Delivery(track.stem, toy_mel(track.stem)) for track in toy_plan(path, 2).tracks), delivers=("mel",)),
        Says(Delivery("00/0", refusal="no highlevel"), delivers=("features",)),
    ]
    report, cache = built(path, jobs, 2)
    assert report.written == 2
    assert report.notes == cache.notes == {"track_000": "no highlevel"}
    assert np.isnan(cache.features).all()


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Delivery("01/1", refusal="cut short"), "cut short"),
        (Delivery("01/1"), "no spectrogram"),
        (Delivery("01/1", np.zeros((0, 96), np.float32)), "no frames"),
        (Delivery("01/1", np.zeros((9, 95), np.float32)), "shape (9, 95), expected (frames, 96)"),
        (
            Delivery("01/1", np.full((9, 96), 1e6, np.float32)),
            "a value of 1e+06, expected dB within float16's +-65,504",
        ),
        (Delivery("01/1", np.full((2, 96), np.inf, np.float32)), "192 of 192 values are NaN or infinite, the first in"),
        (None, "no source holds it"),
    ],
)
def test_a_track_that_cannot_be_used_is_left_out_by_name(tmp_path, caplog, fault, reason):
    others = [delivery("00/0"), delivery("02/2")]
    with caplog.at_level(logging.INFO):
        report, cache = built(tmp_path / "toys.h5", [Says(*others, *filter(None, [fault]))], 3)
    assert report.written == 2
    assert set(report.left_out) == {"track_001"}
    assert report.left_out["track_001"].startswith(reason)
    assert cache.left_out == report.left_out
    assert cache.length[1] == 0
    assert f"left out 1 of 3 tracks: track_001 ({reason}" in caplog.text
    with pytest.raises(CorpusError, match=r"strict; without it the track would be left out"):
        built(tmp_path / "strict.h5", [Says(*others, *filter(None, [fault]))], 3, strict=True)
    assert not (tmp_path / "strict.h5").exists()


def test_the_log_names_all_and_the_summary_ten(tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        built(tmp_path / "toys.h5", [Says(delivery("00/0"))], 14)
    summary = next(record for record in caplog.records if record.levelno == logging.WARNING).getMessage()
    assert summary.count("no source holds it") == 10
    assert summary.endswith("and 3 more, all in the log")
    assert sum(record.getMessage().startswith("left out track_") for record in caplog.records) == 13


def test_a_strict_build_names_the_first_refusal_in_the_jobs_order(tmp_path):
    for workers in (0, 2):
        path = tmp_path / f"{workers}.h5"
        jobs = toy_jobs(toy_plan(path, 40), 2, bad=("08/8", "03/33", "09/39"), fault="broken")
        with pytest.raises(CorpusError, match=r"^08/8: broken \(strict"):
            built(path, jobs, 40, workers, strict=True)
        with pytest.raises(CorpusError, match=r"^track_008: broken \(strict"):
            built(path, jobs, 40, workers, strict=True)


def test_a_silent_track_is_kept_and_noted(tmp_path):
    silence = Delivery("00/0", np.full((47, 96), -200, np.float32), note="from a tape")
    report, cache = built(tmp_path / "toys.h5", [Says(silence, delivery("01/1"))], 2)
    assert report.notes == cache.notes == {"track_000": "from a tape; silent throughout"}
    assert cache.length[0] == 47


def test_nothing_usable_is_an_error_that_gives_the_first_reason(tmp_path):
    with pytest.raises(CorpusError, match="none of the 2 tracks can be used; the first, track_000: broken"):
        built(tmp_path / "toys.h5", [Says(Delivery("00/0", refusal="broken"))], 2)
    assert not (tmp_path / "toys.h5").exists()


def test_strangers_are_passed_over_and_doubles_are_named(tmp_path, caplog):
    other = Delivery("00/0", toy_mel("01/1"))
    jobs = [
        Says(delivery("99/99"), delivery("00/0"), stems=("00/0", "99/99"), name="first"),
        Says(other, delivery("01/1"), stems=("00/0", "01/1"), name="second"),
        Says(other, stems=("02/2",), name="third"),
    ]
    with caplog.at_level(logging.WARNING):
        report, cache = built(tmp_path / "toys.h5", jobs, 2)
    assert report.written == 2
    np.testing.assert_array_equal(cache.mel[cache.offset[0] :][: cache.length[0]], toy_mel("00/0").astype(np.float16))
    assert "second: 00/0 comes from an earlier source too, which is kept" in caplog.text


def test_a_source_that_holds_a_track_twice_gives_the_first(tmp_path):
    twice = Says(delivery("00/0"), Delivery("00/0", toy_mel("01/1")), Delivery("00/0", refusal="no"), stems=("00/0",))
    report, cache = built(tmp_path / "toys.h5", [twice], 1)
    assert report.left_out == {}
    np.testing.assert_array_equal(cache.mel[cache.offset[0] :][: cache.length[0]], toy_mel("00/0").astype(np.float16))


def test_a_build_that_was_killed_while_its_header_was_copied_goes_on(tmp_path, undisturbed, monkeypatch):
    path = tmp_path / "toys.h5"

    def die(cache: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("songmood.data.ingest.apply_commit", die)
        with pytest.raises(KeyboardInterrupt):
            built(path)
    partial = path.with_name("toys.h5.partial")
    half = partial.read_bytes()
    for length in (100, 4096, 50_000):
        partial.write_bytes(undisturbed[:length] + bytes(1000) + half[length + 1000 :] + b"a stray tail")
        with monkeypatch.context() as patch:
            patch.setattr("songmood.data.ingest.apply_commit", die)
            with pytest.raises(KeyboardInterrupt):
                built(path, [])
    report, _ = built(path, [])
    assert report.notes == {"track_003": "odd"}
    assert path.read_bytes() == undisturbed
    assert [left.name for left in tmp_path.iterdir()] == ["toys.h5"]


def test_an_unfinished_cache_takes_no_room_for_what_is_not_there_yet(tmp_path):
    path = tmp_path / "toys.h5"
    plan = toy_plan(path, 1000)

    def jobs():
        size = path.with_name("toys.h5.partial").stat()
        assert size.st_size > 20_000_000
        assert size.st_blocks * 512 < 2_000_000
        yield from toy_jobs(plan, 100)

    assert build_cache(plan, jobs(), workers=0).written == 1000


def test_a_long_reason_is_cut_between_characters(tmp_path):
    reason = "ä" * 79 + "日本"  # 164 bytes
    report, cache = built(tmp_path / "toys.h5", [Says(delivery("00/0"), Delivery("01/1", refusal=reason))], 2)
    assert cache.left_out == report.left_out == {"track_001": "ä" * 79}


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
        [sys.executable, TOYS, "kills", tmp_path / "toys.h5", "40"], capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 0, result.stderr
    assert int(result.stdout) >= 40


def test_killed_with_its_workers_it_ends_with_the_same_bytes(tmp_path):
    path = tmp_path / "toys.h5"
    command = [sys.executable, TOYS, "build", path, "400", "2"]
    subprocess.run(command, check=True, timeout=60)
    whole = path.read_bytes()
    path.unlink()
    partial = path.with_name("toys.h5.partial")
    for blocks in (0, 500, 2500):
        process = subprocess.Popen(command)
        while process.poll() is None and (not partial.exists() or partial.stat().st_blocks < blocks):
            os.sched_yield()
        process.kill()
        process.wait()
    assert not path.exists()
    subprocess.run(command, check=True, timeout=60)
    assert path.read_bytes() == whole


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
        "import threading\n"
        "def jobs(plan):\n"
        "    yield from toy_jobs(plan)[:2]\n"
        "    import multiprocessing as m; print(*[c.pid for c in m.active_children()], flush=True)\n"
        "    threading.Event().wait()\n"
        "if __name__ == '__main__':\n"
        "    plan = toy_plan(Path(sys.argv[2]))\n"
        "    build_cache(plan, jobs(plan), workers=2)\n"
    )
    (tmp_path / "script.py").write_text(script)
    process = subprocess.Popen(
        [sys.executable, tmp_path / "script.py", TOYS.parent, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout
    assert process.stderr
    workers = [int(pid) for pid in process.stdout.readline().split()]
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
    with pytest.raises(CacheError, match=r"the worker process on job of 06/6 was killed by signal 9"):
        build_cache(plan, jobs, workers=2)
    built(path)
    assert path.read_bytes() == undisturbed


def test_a_defect_in_a_job_keeps_its_traceback(tmp_path):
    plan = toy_plan(tmp_path / "toys.h5")
    with pytest.raises(RuntimeError, match=r"(?s)toy_corpus\.py.*ZeroDivisionError: a defect"):
        build_cache(plan, toy_jobs(plan, bad=("07/7",), fault="defect"), workers=1)


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
    built(path, replace_unfinished=True)
    assert path.read_bytes() == undisturbed


def test_after_a_crash_of_the_machine_lost_rows_are_read_again(tmp_path, undisturbed):
    path = tmp_path / "toys.h5"
    plan = toy_plan(path)

    def interrupted():
        yield from toy_jobs(plan)[:3]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_cache(plan, interrupted(), workers=0)
    partial = path.with_name("toys.h5.partial")
    lost = bytearray(partial.read_bytes())
    where = lost.find(toy_mel("01/1").astype(np.float16)[20:30].tobytes())
    lost[where : where + 1000] = bytes(1000)
    partial.write_bytes(lost)
    (path.parent / "toys.h5.partial.overflow" / "5.f16").unlink()
    path.with_name("toys.h5.lock").write_text('{"pid": 1, "host": "here", "boot": "before the crash"}')
    built(path)
    assert path.read_bytes() == undisturbed


def test_too_little_room_is_said_before_the_start_with_both_numbers(tmp_path):
    plan = toy_plan(tmp_path / "toys.h5", count=1000)
    for track in plan.tracks:
        object.__setattr__(track, "duration", 86_400.0)
    with pytest.raises(CacheError, match=r"needs 77[78]\.\d GB more on this disk and [\d,.]+ .B are free") as error:
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
