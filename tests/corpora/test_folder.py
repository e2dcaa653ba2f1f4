import logging
import os
import shutil
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from songmood.audio.features import AUDIO_FEATURES
from songmood.audio.mel import MelSpectrogram
from songmood.audio.parameters import MelParameters
from songmood.cache.build import build_cache
from songmood.cache.lock import build_lock
from songmood.cache.read import MelCache
from songmood.corpora.corpus import check_splits, corpus_tags
from songmood.corpora.files import read_audio
from songmood.corpora.folder import FolderCorpus, default_cache_path
from songmood.errors import CacheError, ConfigError, CorpusError
from songmood.tracks import Track, write_tracks

RATE = 12_000


def track(number: int, *tags: str, seconds: float = 2.0, path: str | None = None) -> Track:
    return Track(f"track_{number}", f"artist_{number}", "album", path or f"{number:02}/{number}.mp3", seconds, tags)


SPLITS = {
    "train": (track(1, "happy"), track(2, "sad")),
    "validation": (track(3, "happy", "sad"),),
    "test": (track(4, "sad"), track(5, "happy")),
}


def folder(root: Path, splits=SPLITS, names: str = "tracks-{}.tsv") -> Path:
    root.mkdir(exist_ok=True)
    for split, tracks in splits.items():
        write_tracks(root / names.format(split), tracks)
    return root


def save_mels(root: Path, *numbers: int, frames: int = 94) -> None:
    for number in numbers:
        path = root / "melspecs" / f"{number:02}" / f"{number}.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, np.asfortranarray(np.random.default_rng(number).normal(-60, 9, (96, frames)).astype(np.float32)))


def save_audio(path: Path, number: int, seconds: float = 2.0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(number).normal(0, 0.1, int(seconds * RATE)).astype(np.float32)
    soundfile.write(path, noise, RATE)


@pytest.fixture
def mels(tmp_path):
    root = folder(tmp_path / "music")
    save_mels(root, 1, 2, 3, 4, 5)
    return root


def opened(root: Path, **options) -> MelCache:
    return FolderCorpus(root, root.parent / "cache.h5", **options).open()


def test_spectrogram_files_become_a_cache(mels):
    corpus = FolderCorpus(mels, mels.parent / "cache.h5")
    cache = corpus.open()
    assert corpus.name == "music"
    assert corpus.tags == cache.tags == ("happy", "sad")
    assert [len(corpus.splits[split]) for split in ("train", "validation", "test")] == [2, 1, 2]
    assert cache.track_ids == tuple(f"track_{number}" for number in range(1, 6))
    assert cache.feature_names == ()
    assert cache.targets.tolist() == [[1, 0], [0, 1], [1, 1], [0, 1], [1, 0]]
    start = cache.offset[3]
    np.testing.assert_array_equal(
        cache.mel[start : start + 94], np.load(mels / "melspecs/04/4.npy").T.astype(np.float16)
    )


@pytest.mark.parametrize("place", ["audio/{0:02}/{0}.wav", "{0:02}/{0}.flac", "{0:02}/{0}.ogg"])
def test_audio_files_become_spectrograms_and_features(tmp_path, place):
    root = folder(tmp_path / "music")
    for number in range(1, 6):
        save_audio(root / place.format(number), number)
    cache = opened(root, workers=0)
    assert cache.feature_names == AUDIO_FEATURES
    assert np.isfinite(cache.features).all()
    assert cache.left_out == {}
    samples, _ = soundfile.read(root / place.format(2), dtype="float32")
    expected = MelSpectrogram()(samples)
    found = cache.mel[cache.offset[1] : cache.offset[1] + cache.length[1]].astype(np.float32)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= 0.13  # float16 steps are 0.125 dB below -128 dB


@pytest.mark.parametrize("mel", [MelParameters(sample_rate=16_000), MelParameters(num_bands=64)], ids=str)
def test_features_are_computed_with_the_corpus_s_mel_parameters(tmp_path, mel):
    clicks = np.random.default_rng(0).normal(0, 1e-4, 10 * mel.sample_rate)
    clicks[:: mel.sample_rate // 2] = 0.9
    path = tmp_path / "clicks.wav"
    soundfile.write(path, clicks, mel.sample_rate)
    _, features = read_audio(path, mel, with_features=True)
    assert features[AUDIO_FEATURES.index("tempo.bpm")] == pytest.approx(120, rel=0.02)


def test_audio_gives_the_same_bytes_in_a_worker_process(tmp_path):
    root = folder(tmp_path / "music")
    for number in range(1, 6):
        save_audio(root / f"{number:02}/{number}.wav", number)
    content = []
    for workers in (0, 1):
        path = tmp_path / f"{workers}.h5"
        FolderCorpus(root, path, workers=workers).open()
        content.append(path.read_bytes())
    assert content[0] == content[1]


def test_a_row_may_name_its_audio_file_itself(tmp_path):
    splits = {
        split: tuple(replace(row, path=f"{row.track_id}.wav") for row in tracks) for split, tracks in SPLITS.items()
    }
    root = folder(tmp_path / "music", splits)
    for number in range(1, 6):
        save_audio(root / f"track_{number}.wav", number)
    cache = opened(root, workers=0, features=False)
    assert cache.left_out == {}
    assert cache.feature_names == ()


def test_files_that_cannot_be_used_are_left_out_by_name(mels, caplog):
    directory = mels / "melspecs"
    (directory / "01/1.npy").unlink()
    (directory / "02/2.npy").write_bytes((directory / "02/2.npy").read_bytes()[:-9])
    np.save(directory / "03/3.npy", np.zeros((96, 9)))
    np.save(directory / "04/4.npy", np.full((96, 9), np.nan, np.float32))
    with caplog.at_level(logging.WARNING):
        cache = opened(mels)
    assert cache.left_out == {
        "track_1": "no melspecs/01/1.npy in music",
        "track_2": "2.npy: truncated, 36,087 bytes of values where the header says 36,096",
        "track_3": "3.npy: dtype <f8, expected <f4 (little-endian float32)",
        "track_4": "4.npy: 864 of 864 values are NaN or infinite, the first in frame 0",
    }
    assert "left out 4 of 5 tracks" in caplog.text


def test_audio_that_cannot_be_used_is_left_out_by_name(tmp_path):
    root = folder(tmp_path / "music")
    for number in (1, 2, 3):
        save_audio(root / f"audio/{number:02}/{number}.wav", number)
    wave = root / "audio/02/2.wav"
    wave.write_bytes(b"no audio")
    soundfile.write(root / "audio/03/3.wav", np.zeros(0, np.float32), RATE)
    (root / "audio/04").mkdir()
    soundfile.write(root / "audio/04/4.wav", np.zeros(2 * RATE, np.float32), RATE)
    cache = opened(root, workers=0)
    assert set(cache.left_out) == {"track_2", "track_3", "track_5"}
    assert cache.left_out["track_2"].startswith("2.wav")
    assert cache.left_out["track_3"].startswith("3.wav")
    assert cache.left_out["track_5"] == "no audio file for 05/5 in music"
    assert cache.notes == {"track_4": "silent throughout"}


def test_strict_stops_at_the_first_file_that_cannot_be_used(mels):
    (mels / "melspecs/02/2.npy").unlink()
    with pytest.raises(CorpusError, match=r"02/2: no melspecs/02/2\.npy in music \(strict"):
        opened(mels, strict=True)
    opened(mels)
    with pytest.raises(CorpusError, match=r"track_2: no melspecs/02/2\.npy in music \(strict"):
        opened(mels, strict=True)


def test_a_cache_is_opened_while_nothing_changed(mels):
    opened(mels)
    before = (mels.parent / "cache.h5").stat()
    cache = opened(mels)
    assert os.path.samestat(before, cache.path.stat())


@pytest.mark.parametrize("change", ["file", "same size", "tsv", "tags", "new file"])
def test_a_cache_is_built_again_after_a_change(mels, change):
    (mels / "melspecs/05/5.npy").rename(mels / "5.npy")
    first = opened(mels)
    if change == "file":
        save_mels(mels, 2, frames=95)
    elif change == "same size":
        (mels / "melspecs/03/3.npy").replace(mels / "melspecs/02/2.npy")
        save_mels(mels, 3)
    elif change == "tsv":
        folder(mels, {**SPLITS, "test": (track(4, "happy"), track(5, "happy"))})
    elif change == "new file":
        (mels / "5.npy").rename(mels / "melspecs/05/5.npy")
    second = opened(mels, tags=["sad", "happy"] if change == "tags" else None)
    assert second.fingerprint != first.fingerprint


def test_a_cache_that_somebody_finishes_while_the_lock_is_awaited_is_taken(mels, monkeypatch):
    @contextmanager
    def held_by_somebody(path, **options):
        monkeypatch.undo()
        opened(mels)
        (mels / "melspecs/05/5.npy").unlink()  # a second build would miss it
        with build_lock(path, **options):
            yield

    monkeypatch.setattr("songmood.cache.build.build_lock", held_by_somebody)
    assert opened(mels).left_out == {}


def test_a_cache_that_somebody_replaces_as_soon_as_it_is_built_is_not_taken(mels, monkeypatch):
    @contextmanager
    def given_to_somebody(path, **options):
        with build_lock(path, **options):
            yield
        monkeypatch.undo()
        other = FolderCorpus(mels, path, tags=["sad", "happy", "epic"])
        build_cache(other.plan, other.jobs(), workers=0)

    opened(mels)
    monkeypatch.setattr("songmood.cache.build.build_lock", given_to_somebody)
    assert opened(mels, tags=["sad", "happy"]).tags == ("sad", "happy")
    assert MelCache.open(opened(mels).path).tags == ("happy", "sad")


def test_a_moved_folder_keeps_its_cache(mels):
    first = opened(mels)
    elsewhere = mels.parent / "elsewhere"
    mels.rename(elsewhere)
    assert os.path.samestat(first.path.stat(), opened(elsewhere).path.stat())


def test_a_cache_with_other_mel_parameters_is_refused(mels):
    opened(mels)
    with pytest.raises(CacheError, match=r"made with hop=256 \(not 128\)"):
        opened(mels, mel=MelParameters(hop=128))


def test_a_damaged_cache_is_refused_and_not_replaced(mels):
    path = opened(mels).path
    os.truncate(path, path.stat().st_size - 1)
    with pytest.raises(CacheError, match="delete it to build anew"):
        opened(mels)


def test_tsvs_may_have_other_names(mels):
    for split in SPLITS:
        (mels / f"tracks-{split}.tsv").rename(mels / f"my_{split}.tsv")
    names = {split: f"my_{split}.tsv" for split in SPLITS}
    assert len(opened(mels, splits=names).track_ids) == 5
    with pytest.raises(CorpusError, match=r"cannot read .*tracks-train\.tsv"):
        opened(mels)
    with pytest.raises(
        ConfigError, match=r"corpus\.splits names train, expected a TSV for each of train, validation, test"
    ):
        opened(mels, splits={"train": "my_train.tsv"})


def test_a_tag_list_gives_the_order_and_what_lacks_is_said(mels, caplog):
    (mels / "tags.txt").write_text("sad\nhappy\nepic\n")
    with caplog.at_level(logging.WARNING):
        corpus = FolderCorpus(mels, mels.parent / "cache.h5", tags=mels / "tags.txt")
    assert corpus.tags == ("sad", "happy", "epic")
    assert "1 of 3 tags are on no track" in caplog.text
    assert caplog.text.count("epic") == 1


def test_an_unknown_tag_is_named_with_its_track_and_the_remedy(mels):
    with pytest.raises(CorpusError, match=r"track track_2 of split train has the tag 'sad', .*; add it to the list or"):
        FolderCorpus(mels, tags=["happy"])


def test_tags_without_a_positive_in_a_split_are_said_once(caplog):
    splits = {"train": (track(1, "a", "b"),), "validation": (track(2, "a"),), "test": (track(3, "b"),)}
    with caplog.at_level(logging.WARNING):
        assert corpus_tags(splits, None, "here") == ("a", "b")
    assert [record.getMessage() for record in caplog.records] == [
        "1 of 2 tags have no positive in split validation: b",
        "1 of 2 tags have no positive in split test: a",
    ]


@pytest.mark.parametrize(
    ("other", "complaint"),
    [
        (track(1, "a", path="99/99.mp3"), "track track_1 is in the splits train and test"),
        (track(9, "a", path="01/1.flac"), "path 01/1 is in the splits train and test"),
    ],
)
def test_a_track_in_two_splits_is_refused(other, complaint):
    with pytest.raises(CorpusError, match=complaint):
        check_splits({"train": (track(1, "a"),), "test": (other,)})


def test_an_artist_in_two_splits_is_a_warning(caplog):
    double = Track("track_2", "artist_1", "album", "02/2.mp3", 2.0, ("a",))
    with caplog.at_level(logging.WARNING):
        check_splits({"train": (track(1, "a"),), "test": (double,)})
    assert "1 artists are in both train and test (artist_1): scores will flatter" in caplog.text


def test_a_missing_folder_and_nonsense_are_named(tmp_path):
    with pytest.raises(CorpusError, match=r"no folder .*absent; set corpus\.root"):
        FolderCorpus(tmp_path / "absent")
    with pytest.raises(ConfigError, match=r"corpus\.workers=-1"):
        FolderCorpus(tmp_path, workers=-1)
    empty = {split: (track(number),) for number, split in enumerate(SPLITS)}
    with pytest.raises(CorpusError, match="has 0 tags"):
        FolderCorpus(folder(tmp_path / "music", empty))


def test_each_folder_has_a_cache_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("SONGMOOD_DATA", str(tmp_path / "data"))
    one, two = tmp_path / "one" / "music", tmp_path / "two" / "music"
    assert default_cache_path(one).parent == tmp_path / "data"
    assert default_cache_path(one) != default_cache_path(two)
    assert default_cache_path(one).name.startswith("music-")


def test_real_pieces_go_through(reference, tmp_path):
    root = tmp_path / "gamemusic"
    root.mkdir()
    for path in (reference / "gamemusic").glob("tracks-*.tsv"):
        shutil.copy(path, root)
    (root / "melspecs").symlink_to(reference / "gamemusic" / "melspecs")
    cache = FolderCorpus(root, tmp_path / "cache.h5", workers=0).open()
    assert len(cache.track_ids) == 48
    assert cache.left_out == {}
    row = cache.rows(["track_9000017"])[0]
    expected = np.load(root / "melspecs/17/9000017.npy").T.astype(np.float16)
    np.testing.assert_array_equal(cache.mel[cache.offset[row] :][: cache.length[row]], expected)
