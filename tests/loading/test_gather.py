import gc
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from songmood.cache.read import MelCache
from songmood.loading.gather import BatchMemory, HostWindows, ResidentWindows, resident_bytes
from songmood.loading.sampler import Picks, SplitWindows
from songmood.loading.split import SplitTracks, Stretches, read_split
from songmood.loading.windows import AllWindows, CentreWindow, RandomWindows, Sampling, Windows
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


@pytest.fixture(scope="module")
def both(cache: MelCache, tracks: SplitTracks) -> tuple[HostWindows, ResidentWindows]:
    return HostWindows(cache, tracks, WINDOW), ResidentWindows(cache, tracks, WINDOW, torch.device("cpu"))


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
    both: tuple[HostWindows, ResidentWindows], places: list[tuple[int, int]]
) -> None:
    host, resident = both
    wanted = picks([track for track, _ in places], [start for _, start in places])
    truth = np.stack([expected(*place) for place in places])
    copied = host.gather(wanted)
    assert copied.dtype == torch.float16
    np.testing.assert_array_equal(copied.numpy(), truth)
    gathered = resident.gather(torch.from_numpy(wanted.track), torch.from_numpy(wanted.start))
    np.testing.assert_array_equal(gathered.numpy(), truth)


def test_a_short_track_at_the_very_end_of_the_file_is_repeated(tmp_path: Path) -> None:
    cache = tiny_cache(tmp_path / "tiny.h5", {"a": 20})
    tracks = read_split(cache, "test", ["a"])
    window = 3 * len(cache.mel)  # longer than all that there is
    mel = HostWindows(cache, tracks, window).gather(picks([0], [0]))
    assert mel[0, :, 1].tolist() == [frame % 20 for frame in range(window)]


def test_a_batch_stays_as_it_is_while_it_is_held(cache: MelCache, tracks: SplitTracks) -> None:
    windows = HostWindows(cache, tracks, WINDOW)
    first = windows.gather(picks([0], [0]))
    before = first.clone()
    windows.gather(picks([1], [5]))
    assert torch.equal(first, before)
    first += 1  # and writable: the cache is not


def test_memory_comes_back_when_the_last_view_of_it_is_gone() -> None:
    memory = BatchMemory((3, 2))
    lent = memory.lend(4)
    place = lent.data_ptr()
    view = lent.transpose(1, 2)[1:].unsqueeze(1)
    array = view.numpy()
    del lent
    assert memory.lend(4).data_ptr() != place
    del view
    assert memory.lend(4).data_ptr() != place
    del array
    again = memory.lend(3)  # a smaller batch takes the first of it
    assert again.data_ptr() == place
    assert again.shape == (3, 3, 2)


def test_a_larger_batch_than_the_memory_gets_new_one() -> None:
    memory = BatchMemory((3, 2))
    memory.lend(2)
    assert memory.lend(5).shape == (5, 3, 2)


def test_what_is_lent_outlives_its_lender() -> None:
    memory = BatchMemory((3, 2))
    lent = memory.lend(4).fill_(3)
    del memory
    gc.collect()
    assert torch.equal(lent, torch.full((4, 3, 2), 3, dtype=torch.float16))


def test_a_resident_copy_takes_what_it_says(cache: MelCache, tracks: SplitTracks) -> None:
    assert resident_bytes(cache, tracks.whole) == (200 + 300 + 7 + 64 + 40) * 96 * 2
    resident = ResidentWindows(cache, tracks, WINDOW, torch.device("cpu"))
    assert resident._frames.nbytes == resident_bytes(cache, tracks.whole)


def test_centre_windows_take_a_window_a_track(cache: MelCache, tracks: SplitTracks) -> None:
    stretches = SplitWindows(tracks, CentreWindow(), WINDOW).stretches(0)
    assert stretches.first.tolist() == [68, 118, 0, 0, 0]  # (200 - 64) / 2, (300 - 64) / 2
    assert stretches.frames.tolist() == [64, 64, 7, 64, 40]
    assert resident_bytes(cache, stretches) == (64 + 64 + 7 + 64 + 40) * 96 * 2


@pytest.mark.parametrize("sampling", [CentreWindow(), AllWindows(hop=50), RandomWindows(per_track=3, seed=1)])
def test_windows_of_a_part_are_those_of_the_whole(cache: MelCache, tracks: SplitTracks, sampling: Sampling) -> None:
    windows = SplitWindows(tracks, sampling, WINDOW)
    stretches, drawn = windows.stretches(0), windows.draw(0)
    resident = ResidentWindows(cache, tracks, WINDOW, torch.device("cpu"), stretches)
    assert resident._frames.nbytes == resident_bytes(cache, stretches)
    host = HostWindows(cache, tracks, WINDOW).gather(Picks(np.arange(len(drawn.track)), *drawn))
    gathered = resident.gather(torch.from_numpy(drawn.track), torch.from_numpy(drawn.start))
    assert torch.equal(gathered, host)


def test_a_track_without_windows_takes_nothing(tracks: SplitTracks) -> None:
    class OfTheFirst(CentreWindow):
        def draw(self, *arguments: object, **more: object) -> Windows:
            return Windows(np.array([0]), np.array([10]))

    assert SplitWindows(tracks, OfTheFirst(), WINDOW).stretches(0) == Stretches(
        pytest.approx([10, 300, 7, 64, 40]), pytest.approx([64, 0, 0, 0, 0])
    )


def test_tracks_larger_than_a_block_are_copied_whole(
    cache: MelCache, tracks: SplitTracks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("songmood.loading.gather.BLOCK", 30)
    resident = ResidentWindows(cache, tracks, WINDOW, torch.device("cpu"))
    gathered = resident.gather(torch.tensor([1, 0]), torch.tensor([200, 100]))
    np.testing.assert_array_equal(gathered.numpy(), np.stack([expected(1, 200), expected(0, 100)]))
