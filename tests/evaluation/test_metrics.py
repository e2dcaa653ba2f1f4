"""Metrics against scikit-learn and the organisers' published results."""

import json
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn import metrics as reference_metrics

from songmood.errors import SubmissionError
from songmood.evaluation.metrics import average_precision, evaluate, roc_auc


@st.composite
def submissions(draw):
    """Any scores, ties likely, and any truth, tags with one class likely."""
    shape = draw(st.tuples(st.integers(1, 25), st.integers(1, 4)))
    few = st.sampled_from([0.0, 0.1, 0.5, 0.5000000000000001, 1.0])
    elements = draw(st.sampled_from([few, st.floats(-1e300, 1e300), st.floats(0, 1, width=32)]))
    scores = draw(arrays.arrays(np.float64, shape, elements=elements))
    targets = draw(arrays.arrays(bool, shape))
    decisions = draw(arrays.arrays(bool, shape))
    return scores, targets, decisions


@given(submissions())
def test_every_value_equals_scikit_learns(submission):
    scores, targets, decisions = submission
    tags = [f"tag {i}" for i in range(scores.shape[1])]
    evaluation = evaluate(scores, targets, decisions, tags)
    both = targets.any(axis=0) & ~targets.all(axis=0)
    areas = {"roc_auc": reference_metrics.roc_auc_score, "pr_auc": reference_metrics.average_precision_score}
    for name, reference in areas.items():
        for i, tag in enumerate(tags):
            expected = reference(targets[:, i], scores[:, i]) if both[i] else np.nan
            assert evaluation.tags[tag][name] == pytest.approx(expected, abs=1e-9, nan_ok=True)
        macro = reference(targets[:, both], scores[:, both], average="macro") if both.any() else np.nan
        assert evaluation.summary[f"{name}_macro"] == pytest.approx(macro, abs=1e-9, nan_ok=True)
        has_both = targets.any() and not targets.all()
        micro = reference(targets.ravel(), scores.ravel()) if has_both else np.nan
        assert evaluation.summary[f"{name}_micro"] == pytest.approx(micro, abs=1e-9, nan_ok=True)


@given(submissions())
def test_every_value_of_the_decisions_equals_scikit_learns(submission):
    scores, targets, decisions = submission
    tags = [f"tag {i}" for i in range(scores.shape[1])]
    evaluation = evaluate(scores, targets, decisions, tags)
    both = targets.any(axis=0) & ~targets.all(axis=0)

    def reference(y, d, average):
        if y.shape[1] == 1:  # one column is no multilabel problem to scikit-learn, unless its lone 1 is the positive
            y, d, average = y.ravel(), d.ravel(), {"micro": "binary", "macro": "binary"}.get(average, average)
        scored = reference_metrics.precision_recall_fscore_support(y, d, average=average, zero_division=0)
        return dict(zip(("precision", "recall", "f1"), scored[:3], strict=True))

    for name, value in reference(targets.reshape(-1, 1), decisions.reshape(-1, 1), "binary").items():
        assert evaluation.summary[f"{name}_micro"] == pytest.approx(value, abs=1e-9)
    for i, tag in enumerate(tags):
        for name, value in reference(targets[:, [i]], decisions[:, [i]], "binary").items():
            assert evaluation.tags[tag][name] == pytest.approx(value, abs=1e-9)
    if both.any():
        for name, value in reference(targets[:, both], decisions[:, both], "macro").items():
            assert evaluation.summary[f"{name}_macro"] == pytest.approx(value, abs=1e-9)


def test_a_tag_with_one_class_is_left_out_and_named():
    scores = np.array([[0.9, 0.3, 0.2], [0.1, 0.4, 0.7]])
    targets = np.array([[1, 0, 1], [0, 0, 1]], dtype=bool)
    evaluation = evaluate(scores, targets, scores > 0.5, ["has both", "never", "always"])
    assert evaluation.left_out == ("never", "always")
    assert {name: evaluation.summary[f"{name}_macro"] for name in ("roc_auc", "pr_auc", "precision", "f1")} == {
        "roc_auc": 1,
        "pr_auc": 1,
        "precision": 1,
        "f1": 1,
    }
    assert np.isnan(evaluation.tags["never"]["roc_auc"])
    assert np.isnan(roc_auc(scores, targets)).tolist() == [False, True, True]
    assert np.isnan(average_precision(scores, targets)).tolist() == [False, True, True]


def test_where_no_tag_has_both_classes_there_is_no_macro_value():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        evaluation = evaluate(np.full((2, 2), 0.5), np.array([[0, 1], [0, 1]]), None, ["a", "b"])
    assert np.isnan(evaluation.summary["roc_auc_macro"])
    assert evaluation.left_out == ("a", "b")


def test_values_worked_by_hand():
    scores = np.array([[0.8], [0.6], [0.6], [0.3], [0.1]])
    targets = np.array([[1], [1], [0], [0], [1]])
    # six pairs: 0.8 beats both negatives, 0.6 ties with one and beats one, 0.1 loses both
    assert roc_auc(scores, targets)[0] == pytest.approx((2 + 1.5 + 0) / 6)
    # recall steps of 1/3 at precision 1/1, 2/3 and 3/5
    assert average_precision(scores, targets)[0] == pytest.approx((1 + 2 / 3 + 3 / 5) / 3)


def test_the_dictionary_is_json_with_null_for_what_has_no_value():
    targets = np.array([[0, 0], [1, 0]])
    evaluation = evaluate(
        np.array([[0.1, 0.2], [0.7, 0.2]]), targets, targets > 0, ["a", "b"], thresholds=[0.5, np.inf]
    )
    plain = json.loads(json.dumps(evaluation.to_dict(), allow_nan=False))
    assert plain["roc_auc_macro"] == 1
    assert plain["f1_micro"] == 1
    assert plain["left_out"] == ["b"]
    assert plain["num_tags_scored"] == 1
    assert plain["num_tracks"] == 2
    assert plain["tags"]["b"]["roc_auc"] is None
    assert plain["tags"]["b"]["threshold"] is None
    assert plain["tags"]["a"]["threshold"] == 0.5
    assert plain["tags"]["a"]["positives"] == 1
    assert plain["tags"]["a"]["decided"] == 1


def test_without_decisions_there_are_only_areas():
    evaluation = evaluate([[0.1], [0.2]], [[0], [1]], None, ["a"])
    assert list(evaluation.summary) == ["roc_auc_macro", "pr_auc_macro", "roc_auc_micro", "pr_auc_micro"]
    assert list(evaluation.tags["a"]) == ["roc_auc", "pr_auc", "positives"]


@pytest.mark.parametrize(
    ("decisions", "tags", "message"),
    [
        (np.zeros((2, 1), bool), ["a", "b"], "decisions of shape"),
        (np.zeros((2, 2)), ["a", "b"], "decisions of type float64"),
        (None, ["a"], "1 different tag names for 2 columns"),
        (None, ["a", "a"], "1 different tag names for 2 columns"),
    ],
)
def test_what_does_not_fit_the_scores_is_refused(decisions, tags, message):
    with pytest.raises(SubmissionError, match=message):
        evaluate(np.zeros((2, 2)), np.array([[0, 1], [1, 0]]), decisions, tags)


def test_without_names_tags_are_called_by_their_columns():
    scored = evaluate([[0.9, 0.1], [0.2, 0.3]], [[1, 0], [0, 1]])
    assert list(scored.tags) == ["column 0", "column 1"]
    assert "f1_macro" not in scored.summary, "nothing was decided"
