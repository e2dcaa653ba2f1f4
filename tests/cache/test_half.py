import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from songmood.cache.half import to_half


@given(hnp.arrays(np.float32, (7, 3), elements=st.floats(-65504, 65504, width=32)))
def test_rows_are_the_nearest_float16_numbers(mel):
    rows = to_half(mel, 3)
    assert rows.dtype == np.float16
    exact = mel.astype(np.float64)
    half_a_step = np.maximum(np.abs(exact) * 2.0**-11, 2.0**-25)  # 11 bits of mantissa; 2**-24 is the smallest number
    assert (np.abs(rows.astype(np.float64) - exact) <= half_a_step).all()


def test_a_transposed_view_becomes_contiguous_rows():
    bands_major = np.arange(12, dtype=np.float32).reshape(3, 4)
    rows = to_half(bands_major.T, 3)
    assert rows.flags.c_contiguous
    assert rows.tolist() == [[0, 4, 8], [1, 5, 9], [2, 6, 10], [3, 7, 11]]


@pytest.mark.parametrize(
    ("mel", "complaint"),
    [
        (np.zeros((3, 2)), r"shape \(3, 2\), expected \(frames, 3\)"),
        (np.zeros(3), "shape"),
        (np.zeros((0, 3)), "no frames"),
        (np.array([[0, 1, np.nan]]), "1 of 3 values are NaN or infinite, the first in frame 0"),
        (np.array([[0, 1, 65_600.0]]), "a value of 65600, expected dB within float16"),
        (np.array([[0, 1, -1e30]]), "a value of -1e[+]30"),
    ],
)
def test_what_float16_cannot_hold_is_refused(mel, complaint):
    with pytest.raises(ValueError, match=complaint):
        to_half(mel.astype(np.float32), 3)
