"""Differences between two submissions: found where they are, not found where they are not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from songmood.errors import SubmissionError
from songmood.evaluation.comparison import compare, holm
from songmood.evaluation.metrics import evaluate


def pair(generator, num_tracks=300, num_tags=1, gain_a=1.0, gain_b=1.0, noise=0.7):
    """Two submissions that hear the same signal, each through noise of its own."""
    targets = generator.random((num_tracks, num_tags)) < 0.25
    heard = generator.normal(size=targets.shape)
    a, b = (gain * targets + heard + noise * generator.normal(size=targets.shape) for gain in (gain_a, gain_b))
    return a, b, targets


def test_where_there_is_no_difference_p_values_are_uniform():
    generator = np.random.default_rng(11)
    p_values = {"roc_auc_macro": [], "pr_auc_macro": []}
    for seed in range(400):
        found = compare(*pair(generator), ["a"], resamples=100, seed=seed).summary
        for name, values in p_values.items():
            values.append(found[name].p_value)
    for values in p_values.values():
        shares = [np.mean(np.array(values) < level) for level in (0.05, 0.25, 0.5, 0.75)]
        # three standard errors of 400 simulations, and a little for the bootstrap's own coarseness
        assert shares == pytest.approx([0.05, 0.25, 0.5, 0.75], abs=0.08)
        assert shares[0] <= 0.085


def test_a_known_difference_is_found_with_its_sign():
    a, b, targets = pair(np.random.default_rng(0), 1500, 4, gain_a=1.6, gain_b=1.0)
    found = compare(a, b, targets, ["a", "b", "c", "d"], resamples=200)
    macro = found.summary["roc_auc_macro"]
    assert macro.p_value < 1e-6
    assert 0 < macro.low < macro.difference < macro.high
    assert all(values["roc_auc"].p_corrected < 0.05 for values in found.tags.values())
    back = compare(b, a, targets, ["a", "b", "c", "d"], resamples=200).summary["roc_auc_macro"]
    assert back.difference == -macro.difference
    assert back.p_value == pytest.approx(macro.p_value)


def test_the_interval_excludes_zero_exactly_where_p_is_small():
    generator = np.random.default_rng(4)
    for _ in range(30):
        found = compare(*pair(generator, 100, gain_a=1.3), ["a"], resamples=60).summary["roc_auc_macro"]
        assert (found.p_value < 0.05) == (found.low > 0 or found.high < 0)


def test_pairing_finds_what_two_separate_intervals_would_not():
    a, b, targets = pair(np.random.default_rng(1), 800, gain_a=1.25, gain_b=1.0, noise=0.05)
    found = compare(a, b, targets, ["a"], resamples=200).summary["roc_auc_macro"]
    assert found.p_value < 0.01
    assert found.high - found.low < 0.5 * (1 - found.b) * 0.2


def test_a_submission_does_not_differ_from_itself():
    a, _, targets = pair(np.random.default_rng(2))
    found = compare(a, a, targets, ["a"], resamples=20)
    for difference in (*found.summary.values(), *found.tags["a"].values()):
        assert (difference.difference, difference.low, difference.high, difference.p_value) == (0, 0, 0, 1)


def test_metrics_are_those_of_evaluate_and_tags_with_one_class_are_left_out():
    a, b, targets = pair(np.random.default_rng(3), num_tags=3)
    targets[:, 1] = False
    found = compare(a, b, targets, ["a", "b", "c"], resamples=20)
    first, second = evaluate(a, targets, None, ["a", "b", "c"]), evaluate(b, targets, None, ["a", "b", "c"])
    assert found.left_out == ("b",)
    assert list(found.tags) == ["a", "c"]
    for name, difference in found.summary.items():
        assert (difference.a, difference.b) == (first.summary[name], second.summary[name])
    assert found.tags["c"]["pr_auc"].difference == first.tags["c"]["pr_auc"] - second.tags["c"]["pr_auc"]


def test_holms_correction_worked_by_hand():
    # sorted: 0.01 * 4, 0.02 * 3, 0.03 * 2 (raised to the one before), 0.5 * 1
    assert holm([0.03, 0.01, 0.5, 0.02]) == pytest.approx([0.06, 0.04, 0.5, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_what_is_undefined_is_no_test_and_has_no_p_value():
    assert holm([0.03, np.nan, 0.01]) == pytest.approx([0.03, np.nan, 0.02], nan_ok=True)  # 0.01 * 2, 0.03 * 1
    found = compare([[0.4, 0.6]], [[0.4, 0.6]], [[False, True]], resamples=5)  # one track: no tag has both classes
    assert np.isnan(found.summary["roc_auc_macro"].p_value)
    assert found.summary["roc_auc_micro"].p_value == 1


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_keeps_order_and_lies_between_none_and_bonferroni(p_values):
    corrected = holm(p_values)
    for p, c in zip(p_values, corrected, strict=True):
        assert p <= c <= min(1, p * len(p_values)) or c == pytest.approx(min(1, p * len(p_values)))
    order = np.argsort(p_values, kind="stable")
    assert (np.diff(np.array(corrected)[order]) >= 0).all()


def test_submissions_of_other_tracks_are_refused():
    with pytest.raises(SubmissionError, match="do not fit"):
        compare(np.zeros((3, 1)), np.zeros((2, 1)), [[0], [1], [1]], ["a"])


def test_without_names_tags_are_called_by_their_columns():
    a, b, targets = pair(np.random.default_rng(5), 40, 2)
    assert list(compare(a, b, targets, resamples=5).tags) == ["column 0", "column 1"]
