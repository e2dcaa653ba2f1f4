import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from songmood.cache.read import MelCache
from songmood.loading.gather import HostWindows, ResidentWindows, resident_bytes
from songmood.loading.sampler import Picks
from songmood.loading.split import SplitTracks, read_split
from tiny_cache import spectrogram, tiny_cache

LENGTHS = {"a": 300, "b": 64, "c": 0, "d": 40, "e": 200, "f": 7}
KEPT = {"e": 4, "a": 0, "f": 5, "b": 1, "d": 3}  # the split's order, and each one's number
WINDOW = 64


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> MelCache:
    return tiny_cache(tmp_path_factory.mktemp("cache") / "tiny.h5", LENGTHS)


@pytest.fixture(scope="module")
def tracks(cache: MelCache) -> SplitTracks:
    return read_split(cache, "train", [*KEPT, "c"])


def picks(track: list[int], start: list[int]) -> Picks:
    return Picks(np.arange(len(track)), np.array(track), np.array(start))


def expected(track: int, start: int) -> np.ndarray:
    """The window, taken from the track as it was before it went into the cache."""
    mel = spectrogram(list(KEPT.values())[track], list(LENGTHS.values())[list(KEPT.values())[track]])
    repeated = np.concatenate([mel] * (WINDOW // len(mel) + 1)) if len(mel) < WINDOW else mel
    return repeated[start : start + WINDOW].astype(np.float16)


PLACES = st.lists(
    st.one_of(
        st.tuples(st.just(0), st.integers(0, 200 - WINDOW)),
        st.tuples(st.just(1), st.integers(0, 300 - WINDOW)),
        st.tuples(st.sampled_from([2, 3, 4]), st.just(0)),  # two of them shorter than a window, one exactly as long
    ),
    min_size=1,
    max_size=20,
)


@given(PLACES)
def test_windows_are_the_frames_that_went_into_the_cache(
    cache: MelCache, tracks: SplitTracks, places: list[tuple[int, int]]
) -> None:
    wanted = picks([track for track, _ in places], [start for _, start in places])
    truth = np.stack([expected(*place) for place in places])
    host = HostWindows(cache, tracks, WINDOW).gather(wanted)
    assert host.dtype == torch.float16
    np.testing.assert_array_equal(host.numpy(), truth)
    resident = ResidentWindows(cache, tracks, WINDOW, torch.device("cpu"))
    gathered = resident.gather(torch.from_numpy(wanted.track), torch.from_numpy(wanted.start))
    np.testing.assert_array_equal(gathered.numpy(), truth)


def test_a_short_track_at_the_very_end_of_the_file_is_repeated(tmp_path: Path) -> None:
    cache = tiny_cache(tmp_path / "tiny.h5", {"a": 20})
    tracks = read_split(cache, "test", ["a"])
    window = 3 * len(cache.mel)  # longer than all that there is
    mel = HostWindows(cache, tracks, window).gather(picks([0], [0]))
    assert mel[0, :, 1].tolist() == [frame % 20 for frame in range(window)]


def test_a_batch_is_new_memory_each_time(cache: MelCache, tracks: SplitTracks) -> None:
    windows = HostWindows(cache, tracks, WINDOW)
    first = windows.gather(picks([0], [0]))
    before = first.clone()
    windows.gather(picks([1], [5]))
    assert torch.equal(first, before)
    first += 1  # and writable: the cache is not


def test_host_windows_are_cheap_to_send_to_a_worker(cache: MelCache, tracks: SplitTracks) -> None:
    windows = HostWindows(cache, tracks, WINDOW)
    windows.gather(picks([0], [0]))  # the memory map is open now and must stay behind
    sent = pickle.dumps(windows)
    assert len(sent) < 2_000
    assert torch.equal(pickle.loads(sent).gather(picks([1], [9])), windows.gather(picks([1], [9])))


def test_a_resident_copy_takes_what_it_says(cache: MelCache, tracks: SplitTracks) -> None:
    assert resident_bytes(cache, tracks) == (200 + 300 + 7 + 64 + 40) * 96 * 2
    resident = ResidentWindows(cache, tracks, WINDOW, torch.device("cpu"))
    assert resident._frames.nbytes == resident_bytes(cache, tracks)


def test_tracks_larger_than_a_block_are_copied_whole(
    cache: MelCache, tracks: SplitTracks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("songmood.loading.gather.BLOCK", 30)
    resident = ResidentWindows(cache, tracks, WINDOW, torch.device("cpu"))
    gathered = resident.gather(torch.tensor([1, 0]), torch.tensor([200, 100]))
    np.testing.assert_array_equal(gathered.numpy(), np.stack([expected(1, 200), expected(0, 100)]))
