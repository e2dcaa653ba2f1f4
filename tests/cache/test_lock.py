import errno
import json
import os
import socket
import subprocess
import sys
import threading
from concurrent import futures

import pytest

from songmood.cache.lock import build_lock
from songmood.corpora.demo import DemoCorpus
from songmood.corpora.folder import FolderCorpus
from songmood.errors import CacheError
from tiny import write_corpus

HOLD = """
import sys, time
from pathlib import Path
from songmood.cache.lock import build_lock
with build_lock(Path(sys.argv[1])):
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
    with build_lock(cache):
        text = json.loads((cache.parent / "cache.h5.lock").read_text())
        assert (text["pid"], text["host"]) == (os.getpid(), socket.gethostname())
    assert list(cache.parent.iterdir()) == []


def test_a_second_builder_is_told_who_the_first_is(cache, holder):
    who = rf"process {holder.pid} on {socket.gethostname()}"
    with pytest.raises(CacheError, match=rf"cache\.h5 is being built by {who}; wait for it"):
        build_lock(cache).__enter__()
    assert json.loads((cache.parent / "cache.h5.lock").read_text())["pid"] == holder.pid


def test_the_patient_wait_for_the_builders_end(cache, holder, caplog):
    caplog.set_level("INFO")
    assert holder.poll() is None
    threading.Timer(0.3, holder.stdin.close).start()
    with build_lock(cache, is_patient=True):
        assert holder.wait(10) == 0
        assert json.loads((cache.parent / "cache.h5.lock").read_text())["pid"] == os.getpid()
    assert f"waiting: {cache} is being built by process {holder.pid}" in caplog.text


@pytest.mark.parametrize("kind", ["folder", "demo"])
def test_a_corpus_that_somebody_else_builds_is_waited_for(tmp_path, kind):
    if kind == "folder":
        corpus = FolderCorpus(write_corpus(tmp_path / "corpus"), cache_path=tmp_path / "cache.h5", workers=0)
    else:
        corpus = DemoCorpus(tmp_path / "demo", num_tracks=12, num_artists=6, seconds=5.0, workers=0)
    with futures.ThreadPoolExecutor() as pool:
        with build_lock(corpus.cache_path):
            opened = pool.submit(corpus.open)
            with pytest.raises(futures.TimeoutError):
                opened.result(timeout=1)
        assert len(opened.result(timeout=60).track_ids) == sum(map(len, corpus.splits.values()))


def test_a_killed_holders_lock_is_free_at_once(cache, holder):
    holder.kill()
    holder.wait()
    with build_lock(cache):
        assert json.loads((cache.parent / "cache.h5.lock").read_text())["pid"] == os.getpid()


def test_a_file_system_without_locks_is_a_warning(cache, monkeypatch, caplog):
    def flock(descriptor, operation):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", flock)
    with build_lock(cache):
        pass
    assert f"{cache} is on a file system without locks: do not start a second build of it" in caplog.text


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 3}', "\0" * 40])
def test_a_lock_file_that_a_crash_cut_off_holds_nobody_up(cache, text):
    cache.parent.mkdir()
    (cache.parent / "cache.h5.lock").write_text(text)
    with build_lock(cache):
        pass


def test_a_place_where_no_folder_can_be_made_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(CacheError, match=r"no folder can be made for .*cache\.h5: Not a directory"):
        build_lock(tmp_path / "file" / "deep" / "cache.h5").__enter__()


def test_the_lock_is_given_back_after_an_error(cache):
    with pytest.raises(KeyError), build_lock(cache):
        raise KeyError
    with build_lock(cache):
        pass
