"""DemoCorpus: from numbers to a cache, the same whoever builds it, and files to listen to."""

import hashlib
import logging
import shutil
from pathlib import Path

import numpy as np
import pytest

from songmood.audio.features import AUDIO_FEATURES
from songmood.audio.mel import MelSpectrogram
from songmood.audio.parameters import MelParameters
from songmood.audio.samples import load_audio
from songmood.cache.read import MelCache
from songmood.corpora.demo import DemoCorpus
from songmood.corpora.demo.catalogue import Catalogue
from songmood.corpora.demo.corpus import VERSION
from songmood.corpora.demo.mixing import synthesise
from songmood.corpora.folder import FolderCorpus
from songmood.errors import CacheError, ConfigError
from songmood.random_bits import Dice
from songmood.tracks import read_tracks, target_matrix

NUMBERS = {"num_tracks": 12, "num_artists": 6, "seed": 3, "seconds": 5.0}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> DemoCorpus:
    corpus = DemoCorpus(tmp_path_factory.mktemp("demo"), workers=0, **NUMBERS)
    corpus.open()
    return corpus


@pytest.fixture(scope="module")
def cache(built: DemoCorpus) -> MelCache:
    return MelCache.open(built.cache_path)


def test_the_cache_holds_every_track_with_its_tags_and_features(built: DemoCorpus, cache: MelCache) -> None:
    tracks = [track for split in ("train", "validation", "test") for track in built.splits[split]]
    assert cache.track_ids == tuple(track.track_id for track in tracks)
    assert cache.tags == built.tags
    assert cache.feature_names == built.feature_names == AUDIO_FEATURES
    assert np.array_equal(cache.targets, target_matrix(tracks, built.tags))
    assert np.isfinite(cache.features).all()
    assert not cache.left_out
    assert not cache.notes
    seconds = cache.length / 46.875
    assert seconds == pytest.approx([track.duration for track in tracks], abs=0.1)


def test_every_piece_is_there_to_listen_to_and_the_mel_is_that_of_its_file(built: DemoCorpus, cache: MelCache) -> None:
    files = sorted((built.root / "audio").glob("*/*"))
    assert {f"{file.parent.name}/{file.name}" for file in files} == {
        f"{track.stem}.flac" for tracks in built.splits.values() for track in tracks
    }
    for file in files[:3]:
        (row,) = cache.rows([f"track_{int(file.stem):07d}"])
        mel = MelSpectrogram()(load_audio(file, 12_000)).astype(np.float16)
        stored = cache.mel[cache.offset[row] : cache.offset[row] + cache.length[row]]
        assert np.array_equal(stored, mel)


def test_the_demo_is_a_folder_of_music_as_a_users_own(built: DemoCorpus, cache: MelCache, tmp_path: Path) -> None:
    folder = FolderCorpus(built.root, tmp_path / "folder.h5", workers=0)
    assert folder.splits == built.splits
    same = folder.open()
    columns = [same.targets[:, same.tags.index(tag)] for tag in cache.tags if tag in same.tags]
    assert np.array_equal(np.stack(columns, 1), cache.targets[:, [tag in same.tags for tag in cache.tags]])
    assert np.array_equal(same.mel, cache.mel)
    assert np.array_equal(same.features, cache.features)


def test_a_worker_process_builds_the_same_bytes(built: DemoCorpus, tmp_path: Path) -> None:
    other = DemoCorpus(tmp_path, workers=1, **NUMBERS)
    assert other.open().fingerprint == MelCache.open(built.cache_path).fingerprint
    for name in ["demo.h5", "attributes.tsv", "tracks-train.tsv", "tracks-test.tsv"]:
        assert (tmp_path / name).read_bytes() == (built.root / name).read_bytes()
    for file in sorted((built.root / "audio").glob("*/*.flac")):
        assert (tmp_path / file.relative_to(built.root)).read_bytes() == file.read_bytes()


def test_no_two_tracks_are_the_same_and_none_is_mostly_silent(cache: MelCache) -> None:
    assert len(set(cache.checksum.tolist())) == len(cache.track_ids)
    for offset, length in zip(cache.offset, cache.length, strict=True):
        loudest = np.asarray(cache.mel[offset : offset + length], dtype=np.float32).max(axis=1)
        assert (loudest < -150.0).mean() < 0.2


def test_the_tables_are_in_the_data_sets_format(built: DemoCorpus) -> None:
    for split, tracks in built.splits.items():
        assert read_tracks(built.root / f"tracks-{split}.tsv") == tracks
    rows = [line.split("\t") for line in (built.root / "attributes.tsv").read_text().splitlines()]
    assert len(rows) == 13
    assert rows[0][:3] == ["track_id", "tempo", "scale"]
    assert {len(row) for row in rows} == {len(rows[0])}


def test_a_cache_of_the_same_numbers_is_taken_as_it_is(built: DemoCorpus) -> None:
    before = built.cache_path.stat()
    DemoCorpus(built.root, workers=0, **NUMBERS).open()
    assert built.cache_path.stat().st_ino == before.st_ino
    assert built.cache_path.stat().st_mtime_ns == before.st_mtime_ns


def test_other_numbers_replace_the_cache_and_say_so(
    built: DemoCorpus, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copy(built.cache_path, tmp_path)
    caplog.set_level(logging.INFO)
    second = DemoCorpus(tmp_path, workers=0, **{**NUMBERS, "seconds": 1.0, "seed": 4}).open()
    assert second.fingerprint != MelCache.open(built.cache_path).fingerprint
    assert "seed 4" in second.source
    assert "building it again" in caplog.text


def test_a_cache_with_other_mel_parameters_is_refused(built: DemoCorpus) -> None:
    with pytest.raises(CacheError, match="num_bands=96"):
        DemoCorpus(built.root, workers=0, mel=MelParameters(num_bands=48), **NUMBERS).open()


def test_bad_numbers_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="num_tracks=11"):
        DemoCorpus(tmp_path / "demo", num_tracks=11, num_artists=6)
    assert not (tmp_path / "demo").exists()


def test_a_change_of_the_sound_needs_another_version() -> None:
    """Caches are told apart by VERSION; and a machine on which this fails makes another corpus than all others."""
    pieces = Catalogue(12, 6, 3, 4.0).pieces
    digest = hashlib.sha256()
    for piece in pieces:
        samples = synthesise(piece.attributes, Dice(*piece.key))
        digest.update(np.rint(samples * np.float32(2048.0)).astype(np.int16).tobytes())
    assert (VERSION, digest.hexdigest()[:16]) == (1, "5c15d0080e97acd9")
