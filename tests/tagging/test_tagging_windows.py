"""Windows of a stream: those of whole-track evaluation, however the frames come."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from songmood.loading.windows import AllWindows
from songmood.tagging.windows import Windower


def frames(count: int) -> np.ndarray:
    return np.arange(count, dtype=np.float32)[:, None] * np.ones((1, 2), np.float32)


def windows(count: int, window: int, hop: int, sizes: list[int]) -> tuple[list[int], list[np.ndarray]]:
    windower, found = Windower(window, hop), []
    rest = frames(count)
    for size in [*sizes, count]:
        found += list(windower.feed(rest[:size]))
        rest = rest[size:]
    return windower.starts, [*found, *windower.end()]


@given(st.integers(1, 80), st.integers(1, 20), st.integers(1, 30), st.lists(st.integers(0, 30), max_size=8))
def test_they_are_those_of_whole_track_evaluation(count: int, window: int, hop: int, sizes: list[int]) -> None:
    starts, found = windows(count, window, hop, sizes)
    expected = AllWindows(hop).draw(np.array([count]), window).start.tolist()
    assert starts == expected
    for start, frame in zip(starts, found, strict=True):
        np.testing.assert_array_equal(frame, frames(count)[(start + np.arange(window)) % count])


def test_a_short_track_is_repeated_from_its_start() -> None:
    (window,) = windows(3, 8, 4, [])[1]
    assert window[:, 0].tolist() == [0, 1, 2, 0, 1, 2, 0, 1]


def test_nothing_has_no_windows() -> None:
    assert windows(0, 8, 4, []) == ([], [])


@pytest.mark.parametrize("hop", [5, 10, 25])
def test_an_endless_stream_is_not_held(hop: int) -> None:
    windower = Windower(10, hop)
    for _ in range(200):
        list(windower.feed(frames(7)))
        assert windower._held is not None
        assert len(windower._held) <= 10 + 7
