import json
import os
import socket
import subprocess
import sys
import threading

import pytest

from songmood.data.lock import BuildLock, patiently
from songmood.errors import CacheError

HOLD = """
import sys, time
from pathlib import Path
from songmood.data.lock import BuildLock
with BuildLock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "deep" / "cache.h5"


@pytest.fixture
def holder(cache):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, cache], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stdin
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.stdin.close()
    process.stdout.close()
    process.wait()


def test_a_lock_names_its_holder_and_goes_away(cache):
    with BuildLock(cache) as lock:
        text = json.loads(lock.path.read_text())
        assert (text["pid"], text["host"]) == (os.getpid(), socket.gethostname())
    assert list(cache.parent.iterdir()) == []


def test_a_second_builder_is_told_who_the_first_is(cache, holder):
    who = rf"process {holder.pid} on {socket.gethostname()}"
    with pytest.raises(CacheError, match=rf"cache\.h5 is being built by {who}; wait for it"):
        BuildLock(cache).__enter__()
    assert json.loads((cache.parent / "cache.h5.lock").read_text())["pid"] == holder.pid


def test_the_patient_wait_for_the_builders_end_and_try_again(cache, holder, caplog):
    caplog.set_level("INFO")
    attempts = []

    def attempt():
        attempts.append(holder.poll())
        if len(attempts) == 1:
            threading.Timer(0.3, holder.stdin.close).start()
        with BuildLock(cache):
            return "built"

    assert patiently(cache, attempt) == "built"
    assert attempts[0] is None
    assert len(attempts) == 2
    assert f"waiting: {cache} is being built by process {holder.pid}" in caplog.text


def test_a_killed_holders_lock_is_free_at_once(cache, holder):
    holder.kill()
    holder.wait()
    with BuildLock(cache) as lock:
        assert json.loads(lock.path.read_text())["pid"] == os.getpid()
        assert not lock.is_after_crash


def test_a_lock_from_before_the_machine_was_started_tells_of_a_crash(cache):
    cache.parent.mkdir()
    (cache.parent / "cache.h5.lock").write_text('{"pid": 1, "host": "here", "boot": "earlier"}')
    with BuildLock(cache) as lock:
        assert lock.is_after_crash
    with BuildLock(cache) as lock:
        assert not lock.is_after_crash


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 3}', "\0" * 40])
def test_a_lock_file_that_a_crash_cut_off_holds_nobody_up(cache, text):
    cache.parent.mkdir()
    (cache.parent / "cache.h5.lock").write_text(text)
    with BuildLock(cache):
        pass


def test_the_lock_is_given_back_after_an_error(cache):
    with pytest.raises(KeyError), BuildLock(cache):
        raise KeyError
    with BuildLock(cache):
        pass
