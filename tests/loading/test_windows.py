import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from songmood.errors import ConfigError
from songmood.loading.windows import AllWindows, CentreWindow, FreshWindows, RandomWindows, Sampling

LENGTHS = st.lists(st.integers(1, 5_000), min_size=1, max_size=30).map(np.array)
SAMPLINGS = [CentreWindow(), RandomWindows(per_track=3, seed=5), FreshWindows(per_track=3, seed=5), AllWindows(hop=70)]


@pytest.mark.parametrize("sampling", SAMPLINGS, ids=repr)
@given(lengths=LENGTHS, window=st.integers(1, 2_000), epoch=st.integers(0, 20))
def test_windows_lie_within_their_tracks_and_are_ordered_by_track(
    sampling: Sampling, lengths: np.ndarray, window: int, epoch: int
) -> None:
    track, start = sampling.draw(lengths, window, epoch)
    assert track.dtype == start.dtype == np.int64
    assert (np.diff(track) >= 0).all()
    assert set(track) == set(range(len(lengths)))
    fits = lengths[track] >= window
    assert (start >= 0).all()
    assert (start[fits] + window <= lengths[track][fits]).all()
    assert (start[~fits] == 0).all()


def test_the_centre_window_leaves_as_much_before_as_behind() -> None:
    track, start = CentreWindow().draw(np.array([1366, 1367, 1368, 9518, 100]), 1366)
    assert track.tolist() == [0, 1, 2, 3, 4]
    assert start.tolist() == [0, 0, 1, 4076, 0]


def test_five_windows_per_track_make_the_papers_training_set() -> None:
    assert len(RandomWindows().draw(np.full(9_949, 9_000), 1366).track) == 49_745


def test_random_windows_are_the_same_in_every_epoch() -> None:
    first, later = (RandomWindows(seed=1).draw(np.array([9_000, 5_000]), 1366, epoch) for epoch in (0, 7))
    assert first.start.tolist() == later.start.tolist()


def test_fresh_windows_are_others_in_every_epoch_and_the_same_on_repetition() -> None:
    lengths = np.full(20, 9_000)
    drawn = [FreshWindows(seed=1).draw(lengths, 1366, epoch).start for epoch in (0, 1, 2, 1)]
    assert (drawn[0] != drawn[1]).mean() > 0.9
    assert (drawn[1] != drawn[2]).mean() > 0.9
    assert drawn[1].tolist() == drawn[3].tolist()


def test_fresh_windows_begin_with_the_random_windows_of_their_seed() -> None:
    lengths = np.array([9_000, 5_000])
    fresh, drawn_once = (sampling(seed=4).draw(lengths, 1366).start for sampling in (FreshWindows, RandomWindows))
    assert fresh.tolist() == drawn_once.tolist()


def test_another_seed_draws_other_windows() -> None:
    lengths = np.full(20, 9_000)
    starts = [RandomWindows(seed=seed).draw(lengths, 1366).start for seed in (0, 1)]
    assert (starts[0] != starts[1]).mean() > 0.9


def test_a_tracks_windows_depend_on_its_key_and_not_on_the_other_tracks() -> None:
    sampling = RandomWindows(per_track=4, seed=2)
    keys = np.array([11, 22, 33], np.uint64)
    together = sampling.draw(np.array([4_000, 5_000, 6_000]), 1366, keys=keys)
    alone = sampling.draw(np.array([6_000]), 1366, keys=keys[2:])
    assert together.start[together.track == 2].tolist() == alone.start.tolist()


def test_windows_drawn_on_another_machine_start_at_the_same_frames() -> None:
    # by hand, from the generator's definition, in whole numbers of Python
    def word(*coordinates: int) -> int:
        state, ones = 0, 2**64 - 1
        for coordinate in coordinates:
            state = (state + (coordinate + 1) * 0x9E3779B97F4A7C15) & ones
            state = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 & ones
            state = (state ^ state >> 27) * 0x94D049BB133111EB & ones
            state ^= state >> 31
        return state

    expected = [(word(6, 9, 0, index) >> 32) * (9_000 - 1366 + 1) >> 32 for index in range(3)]
    assert FreshWindows(per_track=3, seed=6).draw(np.array([9_000]), 1366, epoch=9).start.tolist() == expected


def test_random_windows_reach_both_ends_and_every_part_of_a_track() -> None:
    start = RandomWindows(per_track=20_000, seed=0).draw(np.array([13]), 4).start
    counts = np.bincount(start, minlength=10)
    assert len(counts) == 10  # frames 0 .. 9
    assert ((counts - 2_000) ** 2 / 2_000).sum() < 27.9  # chi-square of 9 degrees of freedom at 0.001


def test_all_windows_end_where_the_track_ends() -> None:
    track, start = AllWindows(hop=4).draw(np.array([10, 18, 19, 9, 22]), 10)
    windows = [start[track == number].tolist() for number in range(5)]
    assert windows == [[0], [0, 4, 8], [0, 4, 8, 9], [0], [0, 4, 8, 12]]


@given(LENGTHS, st.integers(1, 500), st.integers(1, 500))
def test_all_windows_leave_no_frame_out(lengths: np.ndarray, window: int, hop: int) -> None:
    hop = min(hop, window)
    track, start = AllWindows(hop).draw(lengths, window)
    for number, length in enumerate(lengths):
        starts = start[track == number]
        assert starts[0] == 0
        assert (np.diff(starts) > 0).all()
        assert (np.diff(starts) <= hop).all()
        assert starts[-1] == max(length - window, 0)


@pytest.mark.parametrize(
    ("make", "key"),
    [
        (lambda: RandomWindows(per_track=0), "per_track=0"),
        (lambda: FreshWindows(per_track=-1), "per_track=-1"),
        (lambda: RandomWindows(per_track=True), "per_track=True"),
        (lambda: RandomWindows(seed=-1), "seed=-1"),
        (lambda: FreshWindows(seed="x"), "seed='x'"),  # type: ignore[arg-type]
        (lambda: AllWindows(hop=0), "hop=0"),
        (lambda: AllWindows(hop=2.5), "hop=2.5"),  # type: ignore[arg-type]
        (lambda: CentreWindow().draw(np.array([10]), 0), "window=0"),
        (lambda: RandomWindows().draw(np.array([10]), -3), "window=-3"),
    ],
)
def test_a_value_that_makes_no_window_is_refused_by_name(make, key: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ConfigError, match=f"^{key}: expected .*at least|^{key}: expected .*or more"):
        make()
