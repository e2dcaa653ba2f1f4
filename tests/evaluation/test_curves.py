"""One sort, all points."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.metrics import confusion_matrix

from songmood.errors import SubmissionError
from songmood.evaluation.curves import Curves

SCORES = np.array([[0.9, 0.2], [0.9, 0.2], [0.5, 0.2], [0.1, 0.2]])
TARGETS = np.array([[1, 0], [0, 1], [1, 0], [0, 0]])


def test_points_count_what_a_threshold_at_each_distinct_score_decides():
    curves = Curves.of(SCORES, TARGETS)
    assert curves.start.tolist() == [0, 3]
    assert curves.score.tolist() == [0.9, 0.5, 0.1, 0.2]
    assert curves.true_positives.tolist() == [1, 2, 2, 1]
    assert curves.false_positives.tolist() == [1, 1, 2, 3]
    assert curves.positives.tolist() == [2, 1]
    assert curves.negatives.tolist() == [2, 3]


@given(st.data())
def test_every_point_is_the_confusion_matrix_of_its_threshold(data):
    shape = data.draw(st.tuples(st.integers(1, 12), st.integers(1, 3)))
    scores = data.draw(arrays.arrays(np.float64, shape, elements=st.sampled_from([0, 0.1, 0.25, 0.5, 1])))
    targets = data.draw(arrays.arrays(bool, shape))
    curves = Curves.of(scores, targets)
    tag_of_point = np.repeat(np.arange(shape[1]), curves.num_points)
    for point, tag in enumerate(tag_of_point):
        decided = scores[:, tag] >= curves.score[point]
        ((_, false_positives), (_, true_positives)) = confusion_matrix(targets[:, tag], decided, labels=[False, True])
        assert curves.true_positives[point] == true_positives
        assert curves.false_positives[point] == false_positives
    assert all(len(np.unique(scores[:, tag])) == count for tag, count in enumerate(curves.num_points))


def test_the_best_point_is_the_first_or_the_last_among_ties():
    curves = Curves.of(SCORES, TARGETS)
    criterion = np.array([3, 1, 3, 7])
    assert curves.best_points(criterion, last=False).tolist() == [0, 3]
    assert curves.best_points(criterion, last=True).tolist() == [2, 3]


@pytest.mark.parametrize(
    ("scores", "targets", "message"),
    [
        (np.zeros((2, 3)), np.zeros((3, 2)), "do not fit"),
        (np.zeros(3), np.zeros(3), "expected \\(tracks, tags\\)"),
        (np.zeros((0, 3)), np.zeros((0, 3)), "at least one of each"),
        (np.array([[np.nan], [0.5]]), np.zeros((2, 1)), "1 NaN or infinite"),
        (np.array([[np.inf], [0.5]]), np.zeros((2, 1)), "1 NaN or infinite"),
        (np.zeros((2, 1)), np.array([[0.5], [1]]), "other than 0 and 1"),
        (np.zeros((2, 1)), np.array([[np.nan], [1]]), "other than 0 and 1"),
    ],
)
def test_what_cannot_be_scored_is_refused(scores, targets, message):
    with pytest.raises(SubmissionError, match=message):
        Curves.of(scores, targets)
