"""Combining scores, by hand."""

import numpy as np
import pytest
from scipy.special import expit, logit
from scipy.stats import rankdata

from songmood.errors import SubmissionError
from songmood.evaluation.ensemble import combine

A = np.array([[0.2, 0.9], [0.6, 0.1], [0.6, 0.5]])
B = np.array([[0.4, 0.5], [0.2, 0.3], [0.8, 0.1]])


def test_the_mean_of_scores():
    np.testing.assert_allclose(combine([A, B]), [[0.3, 0.7], [0.4, 0.2], [0.7, 0.3]], atol=1e-15)


def test_the_mean_of_ranks_shares_ties_and_is_over_the_number_of_tracks():
    # ranks of A: 1, 2.5, 2.5 and 3, 1, 2; of B: 2, 1, 3 and 3, 2, 1
    expected = np.array([[1.5, 3], [1.75, 1.5], [2.75, 1.5]]) / 3
    np.testing.assert_allclose(combine([A, B], "rank"), expected, atol=1e-15)


def test_ranks_are_scipys():
    scores = np.random.default_rng(0).random((50, 3)).round(1)
    np.testing.assert_allclose(combine([scores], "rank"), rankdata(scores, axis=0) / 50)


def test_the_mean_of_logits():
    np.testing.assert_allclose(combine([A, B], "logit"), expit((logit(A) + logit(B)) / 2), atol=1e-12)
    assert combine([[[0.8]], [[0.5]]], "logit")[0, 0] == pytest.approx(2 / 3)  # odds 4 and 1: their mean is 2


def test_scores_of_0_and_1_do_not_break_the_mean_of_logits():
    combined = combine([[[0.0], [1.0], [0.0]], [[0.0], [1.0], [1.0]]], "logit")
    assert combined[:, 0] == pytest.approx([0, 1, 0.5], abs=1e-7)


def test_ranks_take_any_scale_and_logits_do_not():
    np.testing.assert_array_equal(combine([A * 10 - 5, B], "rank"), combine([A, B], "rank"))
    with pytest.raises(SubmissionError, match="scores from -4 to 4, expected \\[0, 1\\]"):
        combine([A * 10 - 5, B], "logit")


@pytest.mark.parametrize("how", ["mean", "rank", "logit"])
def test_the_order_of_submissions_does_not_matter(how):
    np.testing.assert_allclose(combine([A, B], how), combine([B, A], how), atol=1e-15)


@pytest.mark.parametrize(
    ("matrices", "how", "message"),
    [
        ([], "mean", "at least one"),
        ([A], "median", "expected one of mean, rank, logit"),
        ([A, B.T], "mean", "transposed"),
    ],
)
def test_what_cannot_be_combined_is_refused(matrices, how, message):
    with pytest.raises(SubmissionError, match=message):
        combine(matrices, how)
