"""Percentiles from a table of quantiles: the share of tracks that score lower."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from songmood.evaluation.quantiles import percentiles, quantile_table

SCORES = st.lists(st.integers(0, 50).map(lambda value: value / 50), min_size=1, max_size=300)


def test_by_hand() -> None:
    table = quantile_table(np.arange(201)[:, None] / 200)  # the quantiles are 0, 0.01, 0.02 .. 1
    assert [percentiles([score], table)[0].round(9) for score in (0.0, 0.005, 0.01, 0.255, 1.0, 1.5)] == [
        0, 0.5, 1, 25.5, 100, 100
    ]  # fmt: skip


@given(SCORES, st.integers(0, 100).map(lambda value: value / 100))
def test_a_percentile_is_the_share_of_lower_scores(scores: list[float], score: float) -> None:
    share = 100 * np.mean(np.array(scores) < score)
    found = percentiles([score], quantile_table(np.array(scores)[:, None]))[0]
    # Ties can stand on both sides of a quantile: the share then lies between those of lower and of equal scores.
    below, upto = share, 100 * np.mean(np.array(scores) <= score)
    slack = 1 + 100 / len(scores)
    assert below - slack <= found <= upto + slack


@given(SCORES)
def test_percentiles_rise_with_scores_from_0_to_100(scores: list[float]) -> None:
    table = quantile_table(np.array(scores)[:, None])
    found = [percentiles([score], table)[0] for score in np.linspace(-0.1, 1.1, 60)]
    assert found[0] == 0
    assert found[-1] == 100
    assert all(a <= b for a, b in pairwise(found))


def test_each_tag_has_its_own_scale() -> None:
    table = quantile_table([[0.1, 0.8], [0.2, 0.9]])
    np.testing.assert_allclose(percentiles([0.15, 0.15], table), [50, 0])
