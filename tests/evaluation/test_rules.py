"""Threshold rules against their definitions, by brute force."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn import metrics as reference_metrics

from songmood.errors import ConfigError
from songmood.evaluation.rules import F1, Elbow, Fixed, MicroF1, OrganisersF1, Prior, Youden
from songmood.evaluation.shrinkage import ShrunkenF1
from songmood.evaluation.thresholds import decide

RULES = [Elbow(), F1(), Youden(), Prior(), MicroF1(), Fixed(), OrganisersF1(), ShrunkenF1(resamples=3)]


@st.composite
def fitting_sets(draw, num_tags=2):
    """Few distinct scores, so that ties and tags below chance are common."""
    shape = (draw(st.integers(1, 30)), num_tags)
    scores = draw(arrays.arrays(np.float64, shape, elements=st.sampled_from(np.linspace(0, 1, 7).tolist())))
    return scores, draw(arrays.arrays(bool, shape))


def rates(decisions, targets):
    return decisions[targets].mean(), decisions[~targets].mean()


def distance_to_chord(point):
    """Orthogonal distance of (TPR, FPR) to the line through (0, 0) and (1, 1)."""
    true_positive_rate, false_positive_rate = point
    return abs(true_positive_rate - false_positive_rate) / np.sqrt(2)


def has_both(targets):
    return targets.any() and not targets.all()


@given(fitting_sets())
def test_no_point_lies_farther_from_the_chord_than_the_elbow(fitting_set):
    scores, targets = fitting_set
    thresholds = Elbow().fit(scores, targets)
    for column, target, threshold in zip(scores.T, targets.T, thresholds, strict=True):
        if not has_both(target):
            assert threshold == np.inf
            continue
        elbow = distance_to_chord(rates(column >= threshold, target))
        others = {t: distance_to_chord(rates(column >= t, target)) for t in [np.inf, *np.unique(column)]}
        assert elbow == pytest.approx(max(others.values()), abs=1e-12)
        as_far = [t for t, distance in others.items() if distance > elbow - 1e-9]
        assert threshold == min(as_far)  # the last on the curve, which runs down the scores


@given(fitting_sets())
def test_fitting_the_elbow_and_deciding_gives_back_a_point_of_scikit_learns_roc_curve(fitting_set):
    scores, targets = fitting_set
    decisions = decide(scores, Elbow().fit(scores, targets))
    for column, target, decided in zip(scores.T, targets.T, decisions.T, strict=True):
        if not has_both(target):
            assert not decided.any()
            continue
        fpr, tpr, _ = reference_metrics.roc_curve(target, column, drop_intermediate=False)
        farthest = np.abs(tpr - fpr) > np.abs(tpr - fpr).max() - 1e-9
        last = np.flatnonzero(farthest)[-1]
        assert rates(decided, target) == pytest.approx((tpr[last], fpr[last]), abs=1e-12)


def test_the_elbow_of_a_tag_below_chance_lies_below_the_diagonal():
    scores = np.array([[0.9], [0.8], [0.2], [0.1]])
    targets = np.array([[0], [0], [1], [1]])
    assert Elbow().fit(scores, targets).tolist() == [0.8]  # both negatives decided, no positive: as far as can be
    assert Youden().fit(scores, targets).tolist() == [np.inf]  # nowhere above the diagonal


@given(fitting_sets())
def test_no_point_has_a_larger_f1_than_the_f1_rule(fitting_set):
    scores, targets = fitting_set
    decisions = decide(scores, F1().fit(scores, targets))
    for column, target, decided in zip(scores.T, targets.T, decisions.T, strict=True):
        if has_both(target):
            best = max(reference_metrics.f1_score(target, column >= t) for t in np.unique(column))
            assert reference_metrics.f1_score(target, decided) == pytest.approx(best, abs=1e-12)


@given(fitting_sets())
def test_no_point_lies_higher_above_the_diagonal_than_youdens(fitting_set):
    scores, targets = fitting_set
    decisions = decide(scores, Youden().fit(scores, targets))
    for column, target, decided in zip(scores.T, targets.T, decisions.T, strict=True):
        if has_both(target):
            tpr, fpr = rates(decided, target)
            others = [np.subtract(*rates(column >= t, target)) for t in np.unique(column)]
            assert tpr - fpr == pytest.approx(max([0.0, *others]), abs=1e-12)


@given(fitting_sets(num_tags=3))
def test_no_shared_threshold_has_a_larger_micro_f1(fitting_set):
    scores, targets = fitting_set
    thresholds = MicroF1().fit(scores, targets)
    both = np.array([has_both(target) for target in targets.T])
    assert (thresholds[~both] == np.inf).all()
    if both.any():
        assert len(set(thresholds[both])) == 1
        pooled, truth = scores[:, both].ravel(), targets[:, both].ravel()
        best = max(reference_metrics.f1_score(truth, pooled >= t) for t in np.unique(pooled))
        assert reference_metrics.f1_score(truth, pooled >= thresholds[both][0]) == pytest.approx(best, abs=1e-12)


@given(fitting_sets(), st.lists(st.floats(0, 1), min_size=2, max_size=2))
def test_no_threshold_comes_nearer_to_the_wanted_number_of_decisions_than_prior(fitting_set, frequencies):
    scores, targets = fitting_set
    decided = decide(scores, Prior(tuple(frequencies)).fit(scores, targets)).sum(axis=0)
    for column, target, count, share in zip(scores.T, targets.T, decided, frequencies, strict=True):
        if has_both(target):
            wanted = share * len(column)
            counts = [int((column >= t).sum()) for t in [np.inf, *np.unique(column)]]
            nearest = min(abs(c - wanted) for c in counts)
            assert count == min(c for c in counts if abs(c - wanted) == nearest)


def test_prior_takes_the_fitting_sets_own_frequencies_where_none_are_given():
    scores = np.array([[0.9, 0.1], [0.7, 0.2], [0.5, 0.3], [0.3, 0.4]])
    targets = np.array([[0, 0], [1, 0], [1, 1], [0, 0]])
    assert decide(scores, Prior().fit(scores, targets)).sum(axis=0).tolist() == [2, 1]
    assert Prior().fit(scores, targets).tolist() == [0.7, 0.4]


@pytest.mark.parametrize("frequencies", [(0.5,), (0.5, 1.5), (0.5, float("nan"))])
def test_prior_refuses_frequencies_that_do_not_fit(frequencies):
    with pytest.raises(ConfigError, match="2 shares in \\[0, 1\\]"):
        Prior(frequencies).fit(np.array([[0.1, 0.2], [0.3, 0.4]]), np.array([[0, 1], [1, 0]]))


def test_fixed_is_the_same_for_all_tags_with_both_classes():
    thresholds = Fixed(0.3).fit(np.zeros((2, 2)), np.array([[0, 0], [1, 0]]))
    assert thresholds.tolist() == [0.3, np.inf]


def test_fixed_refuses_what_is_no_score():
    with pytest.raises(ConfigError, match=r"threshold\.value=1\.5: expected a score"):
        Fixed(1.5)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_tag_with_one_class_is_never_decided(rule):
    scores = np.array([[0.9, 0.8, 0.7], [0.6, 0.9, 1.0], [0.1, 0.2, 0.3]])
    targets = np.array([[1, 0, 1], [0, 0, 1], [0, 0, 1]])
    thresholds = rule.fit(scores, targets)
    assert np.isinf(thresholds).tolist() == [False, True, True]
    assert not decide(scores, thresholds)[:, 1:].any()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_thresholds_are_never_nan_and_do_not_depend_on_the_order_of_tracks(rule):
    generator = np.random.default_rng(3)
    scores = generator.random((60, 4)).round(2)
    targets = generator.random((60, 4)) < 0.2
    thresholds = rule.fit(scores, targets)
    assert not np.isnan(thresholds).any()
    if not isinstance(rule, ShrunkenF1):  # its resamples draw rows
        order = generator.permutation(60)
        np.testing.assert_array_equal(rule.fit(scores[order], targets[order]), thresholds)


@given(fitting_sets())
def test_the_organisers_rule_is_their_script(fitting_set):
    scores, targets = fitting_set
    decisions = decide(scores, OrganisersF1().fit(scores, targets))
    for column, target, decided in zip(scores.T, targets.T, decisions.T, strict=True):
        if has_both(target):
            precision, recall, candidates = reference_metrics.precision_recall_curve(target, column)
            with np.errstate(invalid="ignore"):
                f_score = np.nan_to_num(2 * precision * recall / (precision + recall))
            np.testing.assert_array_equal(decided, column > candidates[np.argmax(f_score)])


def test_among_equal_f_scores_the_organisers_script_takes_the_lowest_threshold_and_f1_the_highest():
    scores = np.array([[0.9], [0.8], [0.7], [0.6], [0.5]])
    targets = np.array([[1], [0], [0], [1], [0]])  # 2/3 for the first track alone and for the first four
    assert decide(scores, OrganisersF1().fit(scores, targets)).sum() == 3  # `>`: the fourth is lost
    assert decide(scores, F1().fit(scores, targets)).sum() == 1


def test_micro_f1_does_not_listen_to_tags_that_it_never_decides():
    scores = np.array([[0.9, 0.6], [0.5, 0.6], [0.4, 0.6], [0.3, 0.6]])
    targets = np.array([[1, 0], [1, 0], [0, 0], [0, 0]])
    assert MicroF1().fit(scores, targets).tolist() == [0.5, np.inf]


def test_fitted_on_the_test_set_the_organisers_rule_gives_the_published_decisions_to_the_bit(reference):
    folder = reference / "jamendo"
    scores = np.load(folder / "baseline" / "baseline_vggish_predictions.npy")
    decisions = decide(scores, OrganisersF1().fit(scores, np.load(folder / "groundtruth.npy")))
    np.testing.assert_array_equal(decisions, np.load(folder / "baseline" / "baseline_vggish_decisions.npy"))
