"""Applying, writing and reading thresholds."""

import numpy as np
import pytest

from songmood.errors import SubmissionError
from songmood.evaluation.thresholds import decide, is_oracle, read_thresholds, write_thresholds


def test_a_score_at_the_threshold_is_decided():
    assert decide([[0.5], [0.4999]], [0.5]).tolist() == [[True], [False]]


def test_an_infinite_threshold_never_decides():
    assert not decide([[1.0], [1e300]], [np.inf]).any()


@pytest.mark.parametrize(
    ("thresholds", "message"), [([0.5], "do not fit"), ([0.5, np.nan], "1 thresholds are NaN: fit them")]
)
def test_thresholds_that_cannot_decide_are_refused(thresholds, message):
    with pytest.raises(SubmissionError, match=message):
        decide(np.zeros((3, 2)), thresholds)


def test_what_is_written_reads_back_to_the_bit(tmp_path):
    thresholds = np.array([0.1 + 0.2, np.nextafter(0.5, 1), np.inf, 5e-324])
    tags = ["mood/theme---happy", 'a "quoted" tag', "b", "c"]
    write_thresholds(
        tmp_path / "new" / "thresholds.tsv", tags, thresholds, [1, 2, 0, 4], [9, 8, 10, 6], "elbow", "test (oracle)"
    )
    table = read_thresholds(tmp_path / "new" / "thresholds.tsv")
    assert table.tags == tuple(tags)
    np.testing.assert_array_equal(table.thresholds, thresholds)
    assert table.positives == (1, 2, 0, 4)
    assert table.negatives == (9, 8, 10, 6)
    assert set(table.rule) == {"elbow"}
    assert set(table.fitted_on) == {"test (oracle)"}


def test_the_file_is_tab_separated_with_named_columns(tmp_path):
    write_thresholds(tmp_path / "t.tsv", ["happy"], [0.25], [3], [7], "f1", "validation")
    expected = "tag\tthreshold\tpositives\tnegatives\trule\tfitted_on\nhappy\t0.25\t3\t7\tf1\tvalidation\n"
    assert (tmp_path / "t.tsv").read_text() == expected


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read"),
        ("", "the columns are \\[\\]"),
        ("tag\tvalue\n", "the columns are"),
        ("tag\tthreshold\tpositives\tnegatives\trule\tfitted_on\na\t0.5\n", ":2: 2 fields, expected 6"),
        ("tag\tthreshold\tpositives\tnegatives\trule\tfitted_on\na\thigh\t1\t2\tf1\tx\n", "expected numbers"),
    ],
)
def test_a_damaged_file_is_one_clear_line(tmp_path, content, message):
    if content is not None:
        (tmp_path / "t.tsv").write_text(content)
    with pytest.raises(SubmissionError, match=message) as error:
        read_thresholds(tmp_path / "t.tsv")
    assert "\n" not in str(error.value)


def test_fitting_on_the_same_tracks_is_seen_in_any_order_and_company():
    scores = np.random.default_rng(0).random((6, 3))
    assert is_oracle(scores, scores.copy())
    assert is_oracle(scores, scores[::-1])
    assert is_oracle(scores, scores[:3])
    assert is_oracle(np.vstack([scores, scores / 2]), scores)
    assert not is_oracle(scores, scores / 2)
    assert not is_oracle(scores[:3], scores)
    assert not is_oracle(scores, scores[:, :2])


def test_two_sets_that_a_baseline_scores_alike_are_not_the_same_set():
    assert not is_oracle(np.full((5, 3), 0.1), np.full((4, 3), 0.1))
    assert is_oracle(np.full((5, 3), 0.1), np.full((5, 3), 0.1))
