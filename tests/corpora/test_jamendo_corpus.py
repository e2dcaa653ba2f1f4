"""MTG-Jamendo as a corpus: splits and subsets over one cache, metadata that is right or refused."""

import hashlib
import pickle
import re
import shutil

import numpy as np
import pytest

from faulty_server import FaultyServer
from jamendo_tars import TAGS, documents_of, make_tracks, mels_of, publish, split_of
from songmood.corpora.jamendo import metadata
from songmood.corpora.jamendo.acousticbrainz import FeatureSet
from songmood.corpora.jamendo.build import build
from songmood.corpora.jamendo.catalogue import COMMIT, DATASETS, METADATA, MIRRORS, PINS, SUBSETS
from songmood.corpora.jamendo.corpus import JamendoCorpus
from songmood.corpora.jamendo.fetch import Sources
from songmood.corpora.jamendo.metadata import fetch_metadata, read_checksums, wanted
from songmood.errors import CacheError, ConfigError, CorpusError, DownloadError
from songmood.tracks import target_matrix, write_tracks

TRACKS = make_tracks(12, num_folders=2, duration=2.0)
LOW = FeatureSet("low", ["rhythm.bpm", "lowlevel.average_loudness"])
HIGH = FeatureSet("paper", ["highlevel.danceability.all.danceable", "rhythm.bpm"])


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    folder = tmp_path_factory.mktemp("published")
    publish(folder, TRACKS, mels_of(TRACKS), documents_of(TRACKS))
    return folder


@pytest.fixture(scope="module")
def built(published, tmp_path_factory):
    """The root of a corpus whose cache has spectrograms and features."""
    root = tmp_path_factory.mktemp("built") / "jamendo"
    corpus = corpus_at(root, published)
    shelves = tuple(published / "mirror" / "autotagging_moodtheme" / kind for kind in ("melspecs", "acousticbrainz"))
    build(corpus.store, ("melspecs", "acousticbrainz"), Sources((), shelves), workers=0)
    return root


def corpus_at(root, published, **options):
    corpus = JamendoCorpus(root, **options)
    fetch_metadata(corpus.store.dataset, corpus.store.metadata, str(published / "data"))
    return corpus


def test_split_0_of_the_task_has_its_tracks_tags_and_truth(reference, tmp_path):
    folder = tmp_path / "jamendo" / "metadata"
    (folder / "splits" / "split-0").mkdir(parents=True)
    (folder / "tags").mkdir()
    for part in ("train", "validation", "test"):
        name = f"autotagging_moodtheme-{part}.tsv"
        shutil.copy(reference / "jamendo" / name, folder / "splits" / "split-0" / name)
    shutil.copy(reference / "jamendo" / "moodtheme_split.txt", folder / "tags" / "moodtheme_split.txt")
    corpus = JamendoCorpus(tmp_path / "jamendo")
    assert {part: len(tracks) for part, tracks in corpus.splits.items()} == {
        "train": 9_949,
        "validation": 3_802,
        "test": 4_231,
    }
    assert list(corpus.tags) == (reference / "jamendo" / "moodtheme_split.txt").read_text().split()
    assert len(corpus.tags) == 56
    truth = np.load(reference / "jamendo" / "groundtruth.npy")
    assert np.array_equal(target_matrix(corpus.splits["test"], corpus.tags), truth)


def test_the_published_lists_of_checksums_are_read(reference):
    download = reference / "jamendo" / "download"
    mel = read_checksums(download / "autotagging_moodtheme_melspecs_sha256_tars.txt")
    assert list(mel) == [f"autotagging_moodtheme_melspecs-{i:02d}.tar" for i in range(100)]
    assert mel["autotagging_moodtheme_melspecs-00.tar"].startswith("81a21678")
    low = read_checksums(download / "autotagging_moodtheme_acousticbrainz_sha256_tars.txt")
    assert list(low) == [f"autotagging_moodtheme_acousticbrainz-{i:02d}.tar.gz" for i in range(100)]
    assert "63/78963.npy" in read_checksums(download / "melspecs_sha256_tracks.head400.txt")


def test_the_lists_of_checksums_of_the_commit_are_known(reference):
    assert re.fullmatch("[0-9a-f]{40}", COMMIT)
    assert f"/{COMMIT}/" in METADATA
    for path, pin in PINS.items():
        assert hashlib.sha256((reference / "jamendo" / path).read_bytes()).hexdigest() == pin
    assert set(PINS) <= set(wanted(DATASETS["autotagging_moodtheme"]))


def test_a_list_of_checksums_that_is_not_the_commit_s_is_refused_by_name(published, tmp_path, monkeypatch):
    dataset, path = DATASETS["autotagging_moodtheme"], "download/autotagging_moodtheme_melspecs_sha256_tars.txt"
    with FaultyServer(published) as server:
        monkeypatch.setattr(metadata, "METADATA", f"{server.url}/data")
        monkeypatch.setattr(metadata, "PINS", {path: "0" * 64})
        with pytest.raises(DownloadError) as caught:
            fetch_metadata(dataset, tmp_path)
        found = hashlib.sha256((published / "data" / path).read_bytes()).hexdigest()
        assert all(part in str(caught.value) for part in ("melspecs_sha256_tars.txt", "0" * 64, found))
        assert not (tmp_path / path).exists()
        monkeypatch.setattr(metadata, "PINS", {path: found})
        assert fetch_metadata(dataset, tmp_path)[-1].startswith("download/")
    assert (tmp_path / path).read_bytes() == (published / "data" / path).read_bytes()


def test_targets_are_the_split_files_in_the_order_of_the_tags(built):
    corpus = JamendoCorpus(built)
    cache = corpus.open()
    assert corpus.tags == cache.tags == TAGS
    for tracks in corpus.splits.values():
        rows = cache.rows([track.track_id for track in tracks])
        for row, track in zip(rows, tracks, strict=True):
            assert [tag for tag, is_set in zip(TAGS, cache.targets[row], strict=True) if is_set] == sorted(track.tags)


def test_another_split_is_another_list_over_the_same_cache(built):
    path = built / "metadata" / "splits" / "split-3" / "autotagging_moodtheme-train.tsv"
    smaller = split_of(TRACKS)["train"][1:]
    before = path.read_bytes()
    write_tracks(path, smaller)
    try:
        first, other = JamendoCorpus(built), JamendoCorpus(built, split=3)
        assert first.cache_path == other.cache_path
        assert len(other.splits["train"]) == len(first.splits["train"]) - 1
        dropped = first.splits["train"][0].track_id
        assert first.open().targets[first.open().rows([dropped])].any()
        assert not other.open().targets[other.open().rows([dropped])].any()
    finally:
        path.write_bytes(before)


def test_an_opened_cache_travels_with_its_selection(built):
    cache = JamendoCorpus(built, features=LOW).open()
    copy = pickle.loads(pickle.dumps(cache))
    assert (copy.tags, copy.feature_names, copy.fingerprint) == (cache.tags, cache.feature_names, cache.fingerprint)
    assert np.array_equal(copy.targets, cache.targets)
    assert np.array_equal(copy.features, cache.features)
    assert np.array_equal(copy.mel[:5], cache.mel[:5])


def test_features_are_the_set_s_columns_in_its_order(built):
    corpus = JamendoCorpus(built, features=LOW)
    cache = corpus.open()
    assert corpus.feature_names == cache.feature_names == ("rhythm.bpm", "lowlevel.average_loudness")
    assert cache.features[:, 0].tolist() == [100.0 + i for i in range(12)]
    assert set(cache.features[:, 1].tolist()) == {0.5}
    corpus.check_features(cache)


def test_absent_highlevel_is_named_and_the_distribution_s_set_offered(built):
    corpus = JamendoCorpus(built, features=HIGH)
    with pytest.raises(CorpusError) as caught:
        corpus.check_features(corpus.open())
    message = str(caught.value)
    assert "highlevel.danceability.all.danceable" in message
    assert "rhythm.bpm" not in message
    assert "corpus/features=distribution" in message


def test_a_cache_without_features_says_how_to_add_them(published, tmp_path):
    corpus = corpus_at(tmp_path / "jamendo", published, features=HIGH)
    build(corpus.store, ("melspecs",), Sources((), (published / "mirror/autotagging_moodtheme/melspecs",)), workers=0)
    with pytest.raises(CorpusError, match="--type acousticbrainz"):
        corpus.check_features(corpus.open())


def test_a_missing_cache_names_three_ways_on(tmp_path):
    with pytest.raises(CacheError) as caught:
        JamendoCorpus(tmp_path / "jamendo").open()
    message = str(caught.value)
    assert f"no mel cache at {tmp_path / 'jamendo.h5'}" in message
    assert "`make data` (68 GB to fetch, 36 GB kept)" in message
    assert "`corpus=demo`" in message
    assert "`corpus=folder corpus.root=DIR`" in message
    with pytest.raises(CacheError, match=r"--dataset raw_30s` \(229 GB to fetch"):
        JamendoCorpus(tmp_path / "jamendo", subset="genre").open()


def test_an_unfinished_cache_says_how_to_go_on(tmp_path):
    (tmp_path / "jamendo.h5.partial").touch()
    with pytest.raises(CacheError, match="is not finished; `songmood data build`"):
        JamendoCorpus(tmp_path / "jamendo").open()


def test_missing_metadata_says_how_to_get_it(tmp_path):
    with pytest.raises(CorpusError, match="songmood data fetch --metadata-only"):
        _ = JamendoCorpus(tmp_path / "jamendo").splits


def test_larger_subsets_need_the_larger_data_set(tmp_path):
    assert JamendoCorpus(tmp_path).store.dataset.name == "autotagging_moodtheme"
    assert JamendoCorpus(tmp_path, dataset="raw_30s").cache_path.name.endswith("-raw_30s.h5")
    for subset in ("genre", "instrument", "top50tags", "all"):
        assert JamendoCorpus(tmp_path, subset=subset).store.dataset.name == "raw_30s"
        with pytest.raises(ConfigError, match=r"corpus\.dataset=raw_30s does"):
            JamendoCorpus(tmp_path, subset=subset, dataset="autotagging_moodtheme")


@pytest.mark.parametrize("options", [{"split": 5}, {"split": -1}, {"subset": "moods"}, {"dataset": "raw"}])
def test_values_that_make_no_sense_are_named(tmp_path, options):
    [(key, value)] = options.items()
    with pytest.raises(ConfigError, match=rf"corpus\.{key}={value}, expected"):
        JamendoCorpus(tmp_path, **options)


def test_the_metadata_of_a_data_set_is_every_split_of_its_subsets():
    small, large = wanted(DATASETS["autotagging_moodtheme"]), wanted(DATASETS["raw_30s"])
    assert len([path for path in small if path.startswith("splits/")]) == 15
    assert len([path for path in large if path.startswith("splits/")]) == 15 * len(SUBSETS)
    assert "splits/split-4/autotagging-validation.tsv" in large  # the subset "all"
    assert "download/autotagging_moodtheme_melspecs_sha256_tars.txt" in small
    assert "download/raw_30s_acousticbrainz_sha256_tars.txt" in large
    assert all(url.startswith("https://") for url in MIRRORS)


@pytest.mark.parametrize(
    "line", ["", "abc name.tar", "g" * 64 + " name.tar", "a" * 64, "a" * 64 + " two names", "c" * 64 + " one.tar"]
)
def test_a_list_that_is_none_of_checksums_is_refused_with_its_line(tmp_path, line):
    path = tmp_path / "sums.txt"
    path.write_text("b" * 64 + " one.tar\n" + line + "\n" + "b" * 64 + " two.tar\n")
    with pytest.raises(CorpusError, match=r"sums\.txt:2"):
        read_checksums(path)


def test_metadata_that_makes_no_sense_is_not_taken(published, tmp_path):
    source = tmp_path / "data"
    shutil.copytree(published / "data", source)
    (source / "splits/split-2/autotagging_moodtheme-test.tsv").write_text("<html>Not here</html>")
    dataset, folder = DATASETS["autotagging_moodtheme"], tmp_path / "metadata"
    with pytest.raises(DownloadError, match=r"autotagging_moodtheme-test\.tsv is not what it should be.*--metadata"):
        fetch_metadata(dataset, folder, str(source))
    assert not (folder / "splits/split-2/autotagging_moodtheme-test.tsv").exists()
    shutil.copy(published / "data/splits/split-2/autotagging_moodtheme-test.tsv", source / "splits/split-2")
    assert "splits/split-2/autotagging_moodtheme-test.tsv" in fetch_metadata(dataset, folder, str(source))
    assert fetch_metadata(dataset, folder, str(source)) == []  # nothing comes twice


def test_metadata_that_lacks_a_file_is_named_and_the_rest_is_kept(published, tmp_path):
    source = tmp_path / "data"
    shutil.copytree(published / "data", source)
    (source / "autotagging_moodtheme.tsv").unlink()
    dataset = DATASETS["autotagging_moodtheme"]
    with pytest.raises(DownloadError, match=r"^1 of 19 metadata files .* no .*/autotagging_moodtheme\.tsv"):
        fetch_metadata(dataset, tmp_path / "metadata", str(source))
    shutil.copy(published / "data/autotagging_moodtheme.tsv", source)
    assert fetch_metadata(dataset, tmp_path / "metadata", str(source)) == ["autotagging_moodtheme.tsv"]
