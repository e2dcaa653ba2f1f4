"""From a real server that misbehaves to a verified cache, byte for byte the same whatever happens on the way."""

import json
import os
import shutil

import numpy as np
import pytest

from faulty_server import (
    FaultyServer,
    content_length,
    error_page,
    no_ranges_truncated,
    other_range,
    reset,
    stall,
    status,
    truncate,
    wrong_bytes,
)
from jamendo_tars import DATASET, make_tracks, mel_of, mels_of, npy, publish, split_of, tar_bytes
from songmood.cache.lock import build_lock
from songmood.cache.verify import verify_cache
from songmood.corpora.folder import FolderCorpus
from songmood.corpora.jamendo import build as build_module
from songmood.corpora.jamendo import download
from songmood.corpora.jamendo.acousticbrainz import FeatureSet
from songmood.corpora.jamendo.build import build, fetch_archives
from songmood.corpora.jamendo.corpus import JamendoCorpus
from songmood.corpora.jamendo.fetch import Sources
from songmood.corpora.jamendo.metadata import fetch_metadata
from songmood.errors import CacheError, CorpusError, DownloadError
from songmood.tracks import read_tracks, write_tracks

TRACKS = make_tracks(24)
MELS = mels_of(TRACKS)
BOTH = ("melspecs", "acousticbrainz")
MEL_TAR = f"/mirror/{DATASET}/melspecs/{DATASET}_melspecs-%s.tar"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch, tmp_path):
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))  # reading all authorities takes longer than what is fetched here
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    for name, value in (("ATTEMPTS", 5), ("STALL", 0.3), ("LONGEST_PAUSE", 0.0)):
        monkeypatch.setattr(download, name, value)


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    folder = tmp_path_factory.mktemp("published")
    publish(folder, TRACKS, MELS)
    return folder


@pytest.fixture(scope="module")
def undisturbed(published, tmp_path_factory):
    """The bytes of a cache that was built without any trouble."""
    root = tmp_path_factory.mktemp("undisturbed") / "jamendo"
    with FaultyServer(published) as server:
        corpus, _ = make(server, root)
    return corpus.cache_path.read_bytes()


@pytest.fixture
def server(published):
    with FaultyServer(published) as server:
        yield server


def prepared(server, root):
    corpus = JamendoCorpus(root)
    fetch_metadata(corpus.store.dataset, corpus.store.metadata, str(server.files / "data"))
    return corpus


def make(server, root, kinds=BOTH, workers=0, strict=False, **options):
    corpus = prepared(server, root)
    sources = Sources(**({"mirrors": (f"{server.url}/mirror",)} | options))
    return corpus, build(corpus.store, kinds, sources, workers=workers, strict=strict)


def files_below(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def assert_equal_caches(one, other):
    """The same tracks with the same spectrograms and targets, whatever the order of rows."""
    assert sorted(one.track_ids) == sorted(other.track_ids)
    for row, track_id in enumerate(one.track_ids):
        there = other.rows([track_id])[0]
        assert one.length[row] == other.length[there] > 0
        rows = [
            cache.mel[cache.offset[r] : cache.offset[r] + cache.length[r]] for cache, r in ((one, row), (other, there))
        ]
        assert np.array_equal(*rows)
        assert np.array_equal(one.targets[row], other.targets[there])


def as_folder(root, tracks, mels):
    """The same files as `corpus=folder` takes them."""
    for stem, mel in mels.items():
        path = root / "melspecs" / f"{stem}.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(npy(mel))
    for part, members in split_of(tracks).items():
        write_tracks(root / f"tracks-{part}.tsv", members)
    return FolderCorpus(root, root / "folder.h5", workers=0)


def test_the_cache_is_that_of_a_folder_with_the_same_files(server, tmp_path):
    corpus, report = make(server, tmp_path / "jamendo")
    assert (report.written, report.cache.left_out, report.strays) == (24, {}, ())
    assert_equal_caches(corpus.open(), as_folder(tmp_path / "folder", TRACKS, MELS).open())
    assert verify_cache(corpus.cache_path) == []
    assert not corpus.store.downloads.exists()


def test_real_spectrograms_make_the_cache_of_a_folder_with_the_same_files(reference, tmp_path):
    music = reference / "gamemusic"
    tracks = read_tracks(music / "tracks.tsv")
    mels = {track.stem: np.load(music / "melspecs" / f"{track.stem}.npy") for track in tracks}
    publish(tmp_path, tracks, mels, tags=sorted({tag for track in tracks for tag in track.tags}))
    with FaultyServer(tmp_path) as server:
        corpus, report = make(server, tmp_path / "here" / "jamendo", kinds=("melspecs",))
    assert report.written == len(tracks) == 48
    assert_equal_caches(corpus.open(), as_folder(tmp_path / "folder", tracks, mels).open())


def test_any_number_of_workers_and_connections_makes_the_same_bytes(server, tmp_path, undisturbed):
    corpus, _ = make(server, tmp_path / "jamendo", workers=2, connections=1)
    assert corpus.cache_path.read_bytes() == undisturbed


FAULTS = {
    "cut": [truncate(30_000)],
    "cut again and again": [truncate(step) for step in (10_000, 80_000, 150_000, 220_000)],
    "not found": [status(404)],
    "busy": [status(503, Retry_After="1"), status(429)],
    "reset": [reset(50_000), reset(0)],
    "stall": [stall(20_000)],
    "wrong bytes": [wrong_bytes],
    "error page": [error_page],
    "no ranges": [no_ranges_truncated(60_000), no_ranges_truncated(90_000)],
    "other range": [truncate(10_000), other_range],
    "length too long": [content_length(+1_000)],
    "length too short": [content_length(-1_000)],
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_mirror_with_faults_beside_a_good_one_ends_in_the_same_bytes(server, published, tmp_path, undisturbed, fault):
    with FaultyServer(published) as faulty:
        for tar in ("00", "01", "02", "03"):
            faulty.faults[MEL_TAR % tar] = list(FAULTS[fault])
        corpus, _ = make(server, tmp_path / "jamendo", mirrors=(f"{faulty.url}/mirror", f"{server.url}/mirror"))
        assert any("melspecs" in path for path, _ in faulty.seen)
    assert corpus.cache_path.read_bytes() == undisturbed
    assert not corpus.store.downloads.exists()


def test_archives_that_cannot_be_had_are_named_and_the_next_run_fetches_only_them(server, tmp_path, undisturbed):
    server.faults[MEL_TAR % "01"] = status(404)
    server.faults[MEL_TAR % "03"] = wrong_bytes
    with pytest.raises(DownloadError) as caught:
        make(server, tmp_path / "jamendo")
    assert "2 of 4 archives" in str(caught.value)
    assert f"{DATASET}_melspecs-01.tar" in str(caught.value)
    assert f"{DATASET}_melspecs-03.tar" in str(caught.value)
    assert not (tmp_path / "jamendo.h5").exists()
    server.faults.clear()
    server.seen.clear()
    corpus, _ = make(server, tmp_path / "jamendo")
    assert sorted(path for path, _ in server.seen if "mirror" in path) == [MEL_TAR % "01", MEL_TAR % "03"]
    assert corpus.cache_path.read_bytes() == undisturbed


def test_a_finished_cache_needs_nothing_more(server, tmp_path):
    corpus, _ = make(server, tmp_path / "jamendo")
    before = corpus.cache_path.stat().st_mtime_ns
    server.seen.clear()
    _, report = make(server, tmp_path / "jamendo")
    assert report.written == 24
    assert server.seen == []
    assert corpus.cache_path.stat().st_mtime_ns == before


def test_features_may_come_later_and_end_in_the_same_bytes(server, tmp_path, undisturbed):
    corpus, _ = make(server, tmp_path / "jamendo", kinds=("melspecs",))
    assert np.isnan(corpus.open().features).all()
    server.seen.clear()
    make(server, tmp_path / "jamendo", kinds=("acousticbrainz",))
    assert not any("melspecs" in path for path, _ in server.seen)
    bpm = JamendoCorpus(corpus.store.root, features=FeatureSet("one", ["rhythm.bpm"])).open().features[:, 0]
    assert bpm.tolist() == [100.0 + i for i in range(24)]
    assert corpus.open().notes == {}  # none says that it has no features
    assert corpus.cache_path.read_bytes() == undisturbed
    assert verify_cache(corpus.cache_path) == []


def test_features_of_another_archive_are_read_anew(server, tmp_path, undisturbed):
    corpus, _ = make(server, tmp_path / "jamendo")
    journal = corpus.store.root / "features.journal"
    lines = journal.read_text().splitlines(keepends=True)
    lines[2] = lines[2].replace('"sha256": "', '"sha256": "0', 1)
    journal.write_text("".join(lines)[:-50])  # the last line is torn
    spoiled = sorted(json.loads(line)["tar"] for line in (lines[2], lines[-1]))
    server.seen.clear()
    make(server, tmp_path / "jamendo")
    assert sorted(path.rpartition("/")[2] for path, _ in server.seen) == spoiled
    assert corpus.cache_path.read_bytes() == undisturbed


def test_what_a_kill_left_beside_a_finished_cache_is_removed(server, tmp_path, undisturbed):
    corpus, _ = make(server, tmp_path / "jamendo")
    corpus.cache_path.with_name("jamendo.h5.journal").write_bytes(b'{"plan": "x"}\n{')
    corpus.cache_path.with_name("jamendo.h5.overflow").mkdir()
    corpus.store.downloads.mkdir()
    left = f"{DATASET}_melspecs-01.tar"
    (corpus.store.downloads / left).write_bytes(b"whole")
    (corpus.store.downloads / f"{left}.part").write_bytes(b"half")
    make(server, tmp_path / "jamendo")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["jamendo", "jamendo.h5"]
    assert not corpus.store.downloads.exists()
    assert corpus.cache_path.read_bytes() == undisturbed


@pytest.mark.parametrize("workers", [0, 1])
def test_what_came_is_read_to_its_end_before_missing_archives_end_the_build(server, tmp_path, workers):
    server.faults[MEL_TAR % "00"] = status(404)
    with pytest.raises(DownloadError, match=r"1 of 4 archives .*melspecs-00\.tar"):
        make(server, tmp_path / "jamendo", kinds=("melspecs",), workers=workers)
    store = JamendoCorpus(tmp_path / "jamendo").store
    assert [file.name[-6:] for file in store.pending("melspecs")] == ["00.tar"]
    assert list(store.downloads.iterdir()) == []


def test_features_without_a_cache_say_what_to_do(server, tmp_path):
    with pytest.raises(CacheError, match="--type melspecs,acousticbrainz"):
        make(server, tmp_path / "jamendo", kinds=("acousticbrainz",))


def test_a_local_folder_of_archives_is_read_where_it_stands(server, published, tmp_path, undisturbed):
    shelves = tuple(published / "mirror" / DATASET / kind for kind in BOTH)
    before = [files_below(shelf) for shelf in shelves]
    corpus, _ = make(server, tmp_path / "jamendo", mirrors=(), shelves=shelves)
    assert not any("mirror" in path for path, _ in server.seen)
    assert [files_below(shelf) for shelf in shelves] == before
    assert corpus.cache_path.read_bytes() == undisturbed


def test_a_local_archive_with_wrong_bytes_is_never_read(server, published, tmp_path):
    shelf = tmp_path / "shelf"
    shutil.copytree(published / "mirror" / DATASET / "melspecs", shelf)
    spoiled = shelf / f"{DATASET}_melspecs-02.tar"
    data = bytearray(spoiled.read_bytes())
    data[10_000] ^= 1
    spoiled.write_bytes(data)
    with pytest.raises(DownloadError, match=r"1 of 4 archives.*melspecs-02\.tar has SHA-256"):
        make(server, tmp_path / "jamendo", kinds=("melspecs",), mirrors=(), shelves=(shelf,))
    assert spoiled.exists()


def test_fetched_archives_are_kept_on_request_and_used_by_a_later_build(server, tmp_path, undisturbed):
    corpus = prepared(server, tmp_path / "jamendo")
    sources = Sources((f"{server.url}/mirror",))
    fetch_archives(corpus.store, BOTH, sources)
    assert len(files_below(corpus.store.downloads)) == 8
    server.seen.clear()
    make(server, tmp_path / "jamendo", keep_tars=True)
    assert server.seen == []
    assert len(files_below(corpus.store.downloads)) == 8
    assert corpus.cache_path.read_bytes() == undisturbed


def test_few_archives_lie_about_at_once(server, tmp_path, monkeypatch):
    most = []
    original = build_module.MelTar

    def counting(path, *others):
        most.append(len([file for file in path.parent.iterdir() if file.name.endswith((".tar", ".part"))]))
        return original(path, *others)

    monkeypatch.setattr(build_module, "MelTar", counting)
    monkeypatch.setattr("songmood.corpora.jamendo.fetch.AHEAD", 1)
    make(server, tmp_path / "jamendo", kinds=("melspecs",), connections=1)
    assert len(most) == 4
    assert max(most) <= 2


def hostile_publication(folder):
    """Archives in which each kind of hostility is there once, with right checksums."""
    mels = dict(MELS)
    stems = [stem for stem in mels if stem.startswith("02")]
    members = [(f"{stem}.npy", npy(mels[stem])) for stem in stems]
    members[0] = (members[0][0], b"\x80\x04N.")
    members[1:1] = [("../../escaped.npy", b"x"), ("02/9999902.npy", npy(mel_of(1, 20)))]
    publish(folder, TRACKS, mels, tars={f"{DATASET}_melspecs-02.tar": tar_bytes(members)})
    return stems[0]


def test_hostile_archives_lose_only_what_is_hostile_and_the_end_lists_it(tmp_path):
    refused = hostile_publication(tmp_path / "published")
    with FaultyServer(tmp_path / "published") as server:
        corpus, report = make(server, tmp_path / "here" / "jamendo", kinds=("melspecs",))
    by_id = {track.track_id: track.stem for track in TRACKS}
    assert {by_id[track_id] for track_id in report.cache.left_out} == {refused}
    assert report.written == 23
    assert [stray.split(" in ")[0] for stray in report.strays] == ["../../escaped.npy", "02/9999902.npy"]
    assert not list(tmp_path.rglob("escaped*"))
    assert corpus.open().length.min() == 0


def test_strict_stops_at_hostile_archives(tmp_path):
    hostile_publication(tmp_path / "published")
    with FaultyServer(tmp_path / "published") as server, pytest.raises(CorpusError, match="strict"):
        make(server, tmp_path / "here" / "jamendo", kinds=("melspecs",), strict=True)
    assert not (tmp_path / "here" / "jamendo.h5").exists()


def test_a_second_build_says_who_is_building(server, tmp_path):
    root = tmp_path / "jamendo"
    with build_lock(root), pytest.raises(CacheError, match=f"process {os.getpid()}"):
        make(server, root)


def test_too_small_a_disk_is_said_before_anything_is_fetched(server, tmp_path, monkeypatch):
    corpus = prepared(server, tmp_path / "jamendo")
    server.seen.clear()
    usage = shutil.disk_usage(tmp_path)._replace(free=1_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(CacheError, match=r"MB more are needed .* 1\.0 MB are free; make room"):
        build(corpus.store, BOTH, Sources((f"{server.url}/mirror",)), workers=0)
    assert server.seen == []
