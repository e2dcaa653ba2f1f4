"""Killed at any moment and started again, a build ends in the same bytes, and nothing is left lying about."""

import itertools
import logging
import multiprocessing
import os
import random
import shutil
import signal
import sys

import pytest

from faulty_server import FaultyServer
from jamendo_tars import make_tracks, mels_of, publish
from songmood.cache.verify import verify_cache
from songmood.corpora.jamendo.build import build
from songmood.corpora.jamendo.corpus import JamendoCorpus
from songmood.corpora.jamendo.fetch import Sources
from songmood.corpora.jamendo.metadata import fetch_metadata

BOTH = ("melspecs", "acousticbrainz")
TRACKS = make_tracks(24)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("published")
    publish(folder, TRACKS, mels_of(TRACKS))
    with FaultyServer(folder) as server:
        yield server


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch, tmp_path):
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))  # reading all authorities takes longer than what is fetched here
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def undisturbed(server, tmp_path_factory):
    """The bytes of a cache that was built without any trouble."""
    return make(server, tmp_path_factory.mktemp("undisturbed") / "jamendo").cache_path.read_bytes()


def prepared(server, root):
    corpus = JamendoCorpus(root)
    fetch_metadata(corpus.store.dataset, corpus.store.metadata, str(server.files / "data"))
    return corpus


def make(server, root):
    corpus = prepared(server, root)
    build(corpus.store, BOTH, Sources((f"{server.url}/mirror",)), workers=0)
    return corpus


STEPS = {"open", "os.rename", "os.remove", "os.truncate", "os.mkdir", "os.rmdir", "socket.connect"}


def build_in_process(url, root, last_step):
    """Builds in this process, which kills itself (SIGKILL) just before its `last_step`-th step on disk or network."""
    logging.disable(logging.CRITICAL)
    corpus = JamendoCorpus(root)
    steps, write = itertools.count(1), os.pwrite

    def step(event, arguments):
        is_ours = event == "socket.connect" or str(root.parent) in str(arguments[:1])
        if event in STEPS and is_ours and next(steps) == last_step:
            os.kill(os.getpid(), signal.SIGKILL)

    def counted_write(*arguments):
        step("open", (root.parent,))
        return write(*arguments)

    os.pwrite = counted_write  # of the rows; no audit event tells of it
    sys.addaudithook(step)
    build(corpus.store, BOTH, Sources((f"{url}/mirror",)), workers=0)


def build_with_worker(url, root, has_begun):
    logging.disable(logging.CRITICAL)
    corpus = JamendoCorpus(root)
    has_begun.set()
    build(corpus.store, BOTH, Sources((f"{url}/mirror",)), workers=1)


def state_of(root):
    """How far a build has come, in a word."""
    names = {path.name for path in root.parent.iterdir()}
    if "jamendo.h5.partial" in names:
        return "ingesting"
    if "jamendo.h5" in names:
        return "adding features"
    return "reading features" if (root / "features.journal").exists() else "fetching"


@pytest.fixture(scope="module")
def context():
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["songmood.corpora.jamendo.build", "songmood.audio.mel", "pytest", __name__])
    return context


def assert_right_and_tidy(corpus, expected):
    assert corpus.cache_path.read_bytes() == expected
    assert verify_cache(corpus.cache_path) == []
    root = corpus.store.root
    assert [path.name for path in root.parent.iterdir() if path != root] == ["jamendo.h5"]
    assert sorted(path.name for path in root.iterdir()) == ["features.journal", "metadata"]


def test_killed_at_twenty_random_moments_it_ends_in_the_same_bytes(server, tmp_path, undisturbed, context):
    moments = random.Random(int(os.environ.get("SONGMOOD_KILL_SEED", "0")))
    root, states = tmp_path / "jamendo", []
    corpus = prepared(server, root)
    while len(states) < 20:
        process = context.Process(target=build_in_process, args=(server.url, root, moments.randint(1, 150)))
        process.start()
        process.join()
        assert process.exitcode in (0, -signal.SIGKILL)
        if process.exitcode:
            states.append(state_of(root))
        else:  # it came to its end before the kill: again from the beginning
            assert_right_and_tidy(corpus, undisturbed)
            shutil.rmtree(tmp_path)
            prepared(server, root)
    logging.getLogger(__name__).info("killed while %s", ", ".join(states))
    corpus = make(server, root)
    assert_right_and_tidy(corpus, undisturbed)


def test_killed_while_others_work_for_it_it_ends_in_the_same_bytes(server, tmp_path, undisturbed, context):
    """The kill is of the parent alone: its workers must not go on and write beside the next build's."""
    root = tmp_path / "jamendo"
    prepared(server, root)
    for seconds in (0.2, 0.6, 1.0):
        has_begun = context.Event()
        process = context.Process(target=build_with_worker, args=(server.url, root, has_begun))
        process.start()
        assert has_begun.wait(timeout=60)
        process.join(timeout=seconds)
        process.kill()
        process.join()
    corpus = make(server, root)
    assert_right_and_tidy(corpus, undisturbed)
