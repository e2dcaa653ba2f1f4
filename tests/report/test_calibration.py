import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from songmood.report.calibration import reliability


def test_bins_hold_equally_many_scores() -> None:
    found = reliability([0.1, 0.2, 0.3, 0.4, 0.7, 0.9], [0, 1, 0, 0, 1, 1], num_bins=3)
    assert found.score == pytest.approx([0.15, 0.35, 0.8])
    assert found.positives.tolist() == [1, 0, 2]
    assert found.count.tolist() == [2, 2, 2]


def test_equal_scores_share_a_bin() -> None:
    found = reliability([0.1, 0.5, 0.5, 0.5, 0.5, 0.9], [1, 0, 0, 1, 0, 1], num_bins=3)
    assert found.count.tolist() == [1, 5], "a cut among equal scores moves before them"
    assert found.score == pytest.approx([0.1, 0.58])
    assert found.positives.tolist() == [1, 2]
    assert reliability([0.2, 0.2, 0.2], [1, 0, 0], 8).count.tolist() == [3]


@given(
    arrays(float, st.integers(1, 60), elements=st.sampled_from(np.linspace(0, 1, 9).tolist())),
    st.integers(1, 12),
)
def test_every_score_is_in_one_bin_and_no_tie_is_split(scores: np.ndarray, num_bins: int) -> None:
    targets = (np.arange(len(scores)) % 3 == 0).astype(int)
    found = reliability(scores, targets, num_bins)
    assert found.count.sum() == len(scores)
    assert found.positives.sum() == targets.sum()
    assert (found.count > 0).all()
    assert len(found.count) <= num_bins
    stops = np.cumsum(found.count)[:-1]
    ranked = np.sort(scores)
    assert (ranked[stops - 1] < ranked[stops]).all()
    assert np.sum(found.score * found.count) == pytest.approx(scores.sum())
