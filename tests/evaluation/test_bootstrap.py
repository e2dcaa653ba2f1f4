"""Intervals: do they cover, and do they say what they are made of?"""

from statistics import NormalDist

import numpy as np
import pytest

from songmood.errors import SubmissionError
from songmood.evaluation.bootstrap import (
    bootstrap,
    interval,
    joined,
    replicate_areas,
    replicates,
    spread,
    weight_chunks,
)
from songmood.evaluation.metrics import evaluate
from songmood.evaluation.resampling import Rankings


def simulated(generator, num_tracks, num_tags, prevalence, area):
    """Scores whose ROC-AUC is known: two normal distributions that far apart."""
    targets = generator.random((num_tracks, num_tags)) < prevalence
    distance = np.sqrt(2) * NormalDist().inv_cdf(area)
    return generator.normal(size=targets.shape) + distance * targets, targets


@pytest.mark.parametrize(
    ("num_tracks", "num_tags", "prevalence", "area"),
    [(300, 3, 0.1, 0.75), (150, 1, 0.3, 0.85)],
    ids=["macro", "one tag"],
)
def test_intervals_of_a_known_roc_auc_cover_it_as_often_as_they_say(num_tracks, num_tags, prevalence, area):
    generator = np.random.default_rng(7)
    simulations = 800  # the share that covers is then known to 0.8 %, one standard error
    tags = [str(tag) for tag in range(num_tags)]
    covered = 0
    for simulation in range(simulations):
        scores, targets = simulated(generator, num_tracks, num_tags, prevalence, area)
        intervals = bootstrap(scores, targets, None, tags, resamples=150, seed=simulation)
        low, high = intervals.summary["roc_auc_macro"]
        covered += low <= area <= high
    assert 0.93 <= covered / simulations <= 0.97


def test_each_metric_has_an_interval_around_its_estimate():
    scores, targets = simulated(np.random.default_rng(0), 400, 4, 0.2, 0.8)
    decisions, tags = scores > 1, ["a", "b", "c", "d"]
    estimate = evaluate(scores, targets, decisions, tags)
    intervals = bootstrap(scores, targets, decisions, tags, resamples=100)
    assert set(intervals.summary) == set(estimate.summary)
    for name, value in estimate.summary.items():
        low, high = intervals.summary[name]
        assert 0 < low < value < high < 1
    for tag in tags:
        assert set(intervals.tags[tag]) == {"roc_auc", "pr_auc", "precision", "recall", "f1"}
        assert intervals.tags[tag]["f1"][0] < estimate.tags[tag]["f1"] < intervals.tags[tag]["f1"][1]


def test_the_spread_of_f1_is_that_of_scoring_each_resample_anew():
    scores, targets = simulated(np.random.default_rng(1), 120, 3, 0.3, 0.8)
    decisions, tags = scores > 0.5, ["a", "b", "c"]
    intervals = bootstrap(scores, targets, decisions, tags, resamples=50, seed=3)
    seen = {name: [] for name in intervals.summary}
    for weights in weight_chunks(120, 50, 3):
        for times in weights.T:
            drawn = np.repeat(np.arange(120), times)
            for name, value in evaluate(scores[drawn], targets[drawn], decisions[drawn], tags).summary.items():
                seen[name].append(value)
    estimate = evaluate(scores, targets, decisions, tags).summary
    for name, values in seen.items():
        expected = interval(estimate[name], np.std(values, ddof=1), 0.95)
        assert intervals.summary[name] == pytest.approx(expected, abs=1e-12)


def test_a_tag_with_one_class_has_no_interval_and_does_not_spoil_the_mean():
    scores, targets = simulated(np.random.default_rng(2), 100, 3, 0.3, 0.7)
    targets[:, 1] = False
    intervals = bootstrap(scores, targets, scores > 0, ["a", "b", "c"], resamples=20)
    assert np.isnan(intervals.tags["b"]["roc_auc"]).all()
    assert np.isfinite(intervals.summary["roc_auc_macro"]).all()
    without = [0, 2]
    alone = bootstrap(scores[:, without], targets[:, without], scores[:, without] > 0, ["a", "c"], resamples=20)
    for name in ("roc_auc_macro", "pr_auc_macro", "recall_macro", "f1_macro"):
        assert intervals.summary[name] == pytest.approx(alone.summary[name], abs=1e-12)


def test_a_rare_tags_estimate_lies_inside_its_pr_auc_interval():
    scores, targets = simulated(np.random.default_rng(3), 2000, 12, 0.01, 0.75)
    tags = [str(i) for i in range(12)]
    low, high = bootstrap(scores, targets, None, tags, resamples=200).summary["pr_auc_macro"]
    assert low < evaluate(scores, targets, None, tags).summary["pr_auc_macro"] < high
    replicates = joined([replicate_areas(Rankings.of(scores, targets), w) for w in weight_chunks(2000, 200, 0)])
    assert np.quantile(replicates["pr_auc_macro"], 0.025) > low  # the percentile interval is the one that is too high


@pytest.mark.parametrize(
    ("values", "deviation"),
    [([], 0), ([np.nan], 0), ([0.4], 0), ([np.nan, 0.4], 0), ([0.4, np.nan, 0.6], np.sqrt(0.02)), ([0.5, 0.5], 0)],
)
def test_the_spread_is_over_resamples_that_have_a_value_and_needs_two(values, deviation):
    assert spread(np.array(values, dtype=float)) == pytest.approx(deviation)


def test_a_tag_that_one_resample_alone_has_is_an_interval_without_width():
    scores, targets = np.array([[0.2], [0.8], [0.5], [0.4]]), np.array([[0], [0], [1], [0]])
    for seed in range(20):
        drawn = replicates(scores, targets, None, resamples=2, seed=seed)
        if np.isfinite(drawn["roc_auc"]).sum() == 1:
            break
    estimate = evaluate(scores, targets, None, ["a"]).tags["a"]["roc_auc"]
    assert bootstrap(scores, targets, None, ["a"], resamples=2, seed=seed).tags["a"]["roc_auc"] == (estimate, estimate)


def test_without_the_pooled_ranking_only_the_micro_areas_are_lost():
    scores, targets = simulated(np.random.default_rng(8), 60, 3, 0.4, 0.7)
    whole, spared = (replicates(scores, targets, scores > 0, resamples=5, pooled=pooled) for pooled in (True, False))
    for name, values in whole.items():
        lost = name in ("roc_auc_micro", "pr_auc_micro")
        np.testing.assert_array_equal(spared[name], np.full(5, np.nan) if lost else values)


def test_the_same_seed_gives_the_same_interval_and_more_level_a_wider_one():
    scores, targets = simulated(np.random.default_rng(4), 100, 2, 0.3, 0.7)
    first, again, other, wide = (
        bootstrap(scores, targets, None, ["a", "b"], resamples=40, seed=seed, level=level).summary["roc_auc_macro"]
        for seed, level in ((0, 0.95), (0, 0.95), (1, 0.95), (0, 0.99))
    )
    assert first == again != other
    assert wide[0] < first[0] < first[1] < wide[1]


def test_every_resample_is_reported_to_the_progress_bar():
    done = []
    scores, targets = simulated(np.random.default_rng(5), 50, 1, 0.4, 0.7)
    bootstrap(scores, targets, None, ["a"], resamples=70, on_done=done.append)
    assert sum(done) == 70
    assert len(done) > 1


def test_an_interval_worked_by_hand():
    # logit 0.8 = log 4; deviation 0.04 / (0.8 * 0.2) = 0.25 on that scale; 1.959964 * 0.25 = 0.489991
    low, high = interval(0.8, 0.04, 0.95)
    assert low == pytest.approx(1 / (1 + np.exp(-(np.log(4) - 0.489991))), abs=1e-6)
    assert high == pytest.approx(1 / (1 + np.exp(-(np.log(4) + 0.489991))), abs=1e-6)


@pytest.mark.parametrize("estimate", [0.0, 1.0])
def test_at_the_edge_an_interval_has_no_width(estimate):
    assert interval(estimate, 0.0, 0.95) == (estimate, estimate)


def test_one_resample_has_no_spread():
    with pytest.raises(SubmissionError, match="1 bootstrap resamples: expected at least 2"):
        bootstrap([[0.1], [0.2]], [[0], [1]], None, ["a"], resamples=1)
