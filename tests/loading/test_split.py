import logging
from pathlib import Path

import numpy as np
import pytest

from songmood.cache.read import MelCache
from songmood.errors import CacheError, CorpusError
from songmood.loading.split import read_split, report_short_tracks
from tiny_cache import tiny_cache


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> MelCache:
    lengths = {"a": 300, "b": 120, "c": 0, "d": 40, "e": 200, "f": 0}
    return tiny_cache(tmp_path_factory.mktemp("cache") / "tiny.h5", lengths, ("tempo", "loudness"))


def test_a_split_keeps_its_own_order(cache: MelCache) -> None:
    tracks = read_split(cache, "train", ["e", "a", "d"])
    assert tracks.track_ids == ("e", "a", "d")
    assert tracks.length.tolist() == [200, 300, 40]
    assert tracks.offset.tolist() == cache.offset[[4, 0, 3]].tolist()
    assert tracks.targets.tolist() == [[1, 0, 1], [1, 0, 0], [0, 0, 1]]  # the bits of 5, 1 and 4
    assert tracks.features is not None
    assert tracks.features[:, 0].tolist() == [4, 0, 3]


def test_a_track_without_spectrogram_is_skipped_and_named(cache: MelCache, caplog: pytest.LogCaptureFixture) -> None:
    tracks = read_split(cache, "validation", ["c", "b", "f"])
    assert tracks.track_ids == ("b",)
    assert caplog.messages == ["validation: skipped for want of a spectrogram, 2 of 3 tracks: c, f"]


def test_own_targets_take_the_place_of_the_caches(cache: MelCache) -> None:
    own = np.array([[1, 0], [1, 1], [0, 1]], np.uint8)
    assert read_split(cache, "train", ["a", "c", "b"], own).targets.tolist() == [[1, 0], [0, 1]]


def test_an_unknown_track_is_refused(cache: MelCache) -> None:
    with pytest.raises(CacheError, match="zebra"):
        read_split(cache, "train", ["a", "zebra"])


@pytest.mark.parametrize("track_ids", [["c", "f"], []])
def test_a_split_without_any_spectrogram_is_refused(cache: MelCache, track_ids: list[str]) -> None:
    with pytest.raises(CorpusError, match=f"the test split has {len(track_ids)} tracks, none with a spectrogram"):
        read_split(cache, "test", track_ids)


def test_a_cache_without_features_has_none(tmp_path: Path) -> None:
    assert read_split(tiny_cache(tmp_path / "plain.h5", {"a": 50}), "train", ["a"]).features is None


def test_short_tracks_are_reported_by_name_and_number(cache: MelCache, caplog: pytest.LogCaptureFixture) -> None:
    report_short_tracks(read_split(cache, "train", ["a", "b", "d", "e"]), 150)
    assert caplog.messages == [
        "train: shorter than a window of 150 frames and repeated to fill it, 2 of 4 tracks: b, d"
    ]


@pytest.mark.parametrize(("number", "rest"), [(5, ""), (6, " and 1 more"), (8, " and 3 more")])
def test_a_list_of_more_than_five_names_is_cut(
    caplog: pytest.LogCaptureFixture, tmp_path: Path, number: int, rest: str
) -> None:
    cache = tiny_cache(tmp_path / "many.h5", {f"t{index}": 10 for index in range(number)})
    caplog.clear()
    report_short_tracks(read_split(cache, "train", cache.track_ids), 11)
    assert caplog.messages[0].endswith(f": t0, t1, t2, t3, t4{rest}")


def test_nothing_is_said_where_every_track_holds_a_window(cache: MelCache, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        report_short_tracks(read_split(cache, "train", ["a", "b"]), 120)
    assert not caplog.messages


def test_a_tracks_key_is_its_own_in_every_split(cache: MelCache) -> None:
    first, second = read_split(cache, "train", ["a", "b"]), read_split(cache, "test", ["e", "b", "d"])
    assert first.keys[1] == second.keys[1]
    assert len({*first.keys.tolist(), *second.keys.tolist()}) == 4


def test_shuffled_targets_are_the_same_rows_elsewhere(tmp_path: Path) -> None:
    cache = tiny_cache(tmp_path / "many.h5", {f"t{number}": 10 for number in range(40)})
    tracks = read_split(cache, "train", cache.track_ids)
    shuffled = tracks.with_shuffled_targets(seed=1)
    assert sorted(shuffled.targets.tolist()) == sorted(tracks.targets.tolist())
    assert (shuffled.targets != tracks.targets).any(axis=1).mean() > 0.5
    assert shuffled.targets.tolist() == tracks.with_shuffled_targets(seed=1).targets.tolist()
    assert shuffled.targets.tolist() != tracks.with_shuffled_targets(seed=2).targets.tolist()
