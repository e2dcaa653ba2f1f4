"""Resamples as weights: what scikit-learn gives for the tracks that were drawn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.metrics import average_precision_score, roc_auc_score

from songmood.evaluation.resampling import Rankings, draw_weights


@given(st.data())
def test_the_areas_of_a_resample_are_scikit_learns_for_its_tracks(data):
    shape = data.draw(st.tuples(st.integers(1, 20), st.integers(1, 3)))
    scores = data.draw(arrays.arrays(np.float64, shape, elements=st.sampled_from([0, 0.2, 0.4, 0.7, 1])))
    targets = data.draw(arrays.arrays(bool, shape))
    weights = draw_weights(np.random.default_rng(data.draw(st.integers(0, 99))), 3, shape[0])
    rankings = Rankings.of(scores, targets)
    columns = [(ranking, scores[:, i], targets[:, i], 1) for i, ranking in enumerate(rankings.tags)]
    columns.append((rankings.pooled, scores.ravel(), targets.ravel(), shape[1]))
    for ranking, column, target, repeats in columns:
        if ranking is None:
            assert target.all() or not target.any()
            continue
        areas = np.array(ranking.areas(np.ascontiguousarray(weights.T)))
        for resample, times in enumerate(weights):
            drawn = np.repeat(np.arange(len(column)), np.repeat(times, repeats))
            y, s = target[drawn], column[drawn]
            expected = (
                (roc_auc_score(y, s), average_precision_score(y, s)) if y.any() and not y.all() else (np.nan,) * 2
            )
            assert areas[:, resample] == pytest.approx(expected, abs=1e-9, nan_ok=True)


def test_each_resample_draws_as_many_tracks_as_there_are():
    weights = draw_weights(np.random.default_rng(0), 200, 50)
    assert weights.shape == (200, 50)
    assert (weights.sum(axis=1) == 50).all()
    assert weights.mean(axis=0) == pytest.approx(np.ones(50), abs=0.35)  # five standard errors
    assert weights.var() == pytest.approx(1, abs=0.1)


def test_drawing_in_pieces_gives_the_same_resamples():
    whole = draw_weights(np.random.default_rng(5), 40, 33)
    generator = np.random.default_rng(5)
    np.testing.assert_array_equal(np.vstack([draw_weights(generator, n, 33) for n in (1, 7, 32)]), whole)


def test_tags_with_one_class_have_no_ranking():
    rankings = Rankings.of([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]], [[0, 1, 0], [0, 1, 1]], pooled=False)
    assert [ranking is None for ranking in rankings.tags] == [True, True, False]
    assert rankings.pooled is None
