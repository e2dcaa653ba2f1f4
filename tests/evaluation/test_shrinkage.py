"""The rule that steadies rare tags."""

import numpy as np
import pytest

from songmood.errors import ConfigError
from songmood.evaluation.rules import F1
from songmood.evaluation.shrinkage import ShrunkenF1
from songmood.evaluation.thresholds import decide


def binormal(generator, num_tracks, positives, distance=1.5):
    """Scores of tags whose positives score higher by a distance, in standard deviations."""
    targets = np.zeros((num_tracks, len(positives)), bool)
    for tag, count in enumerate(positives):
        targets[generator.choice(num_tracks, count, replace=False), tag] = True
    return generator.normal(size=targets.shape) + distance * targets, targets


def f1(decisions, targets):
    hits = (decisions & targets).sum(axis=0)
    return 2 * hits / (decisions.sum(axis=0) + targets.sum(axis=0))


def test_without_pseudo_positives_and_resamples_it_is_the_f1_rule():
    generator = np.random.default_rng(0)
    scores, targets = binormal(generator, 200, [3, 20, 90])
    scores = scores.round(1)  # ties
    np.testing.assert_array_equal(ShrunkenF1(0, 0).fit(scores, targets), F1().fit(scores, targets))


def test_pseudo_positives_move_a_rare_tag_more_than_a_frequent_one():
    moved = np.zeros(2)
    for seed in range(20):
        scores, targets = binormal(np.random.default_rng(seed), 1000, [5, 300] * 4)
        plain, shrunken = (ShrunkenF1(k, 0).fit(scores, targets) for k in (0, 50))
        moved += np.abs(plain - shrunken).reshape(-1, 2).mean(axis=0)
    assert moved[0] > 2 * moved[1]


def test_the_more_pseudo_positives_the_closer_is_a_tag_to_the_average_ones_recall():
    generator = np.random.default_rng(1)
    scores, targets = binormal(generator, 400, [40] * 10)
    thresholds = ShrunkenF1(1e9, 0).fit(scores, targets)
    decided = decide(scores, thresholds).sum(axis=0)
    assert len(set(decided.tolist())) == 1  # all tags alike in positives get as many decisions


def test_it_decides_fresh_tracks_better_than_plain_f1_where_positives_are_few():
    plain, steadied = [], []
    for seed in range(15):
        generator = np.random.default_rng(seed)
        scores, targets = binormal(generator, 600, [15] * 10)
        fresh_scores, fresh_targets = binormal(generator, 4000, [100] * 10)
        for rule, seen in ((F1(), plain), (ShrunkenF1(resamples=20), steadied)):
            seen.append(f1(decide(fresh_scores, rule.fit(scores, targets)), fresh_targets).mean())
    assert np.mean(steadied) > np.mean(plain) + 0.01


def test_the_same_seed_gives_the_same_thresholds_and_another_seed_others():
    scores, targets = binormal(np.random.default_rng(2), 300, [20, 30, 40])
    first = ShrunkenF1(resamples=5).fit(scores, targets)
    np.testing.assert_array_equal(first, ShrunkenF1(resamples=5).fit(scores, targets))
    assert (first != ShrunkenF1(resamples=5, seed=1).fit(scores, targets)).any()


def test_resamples_that_miss_a_tags_only_positive_do_not_count():
    scores = np.array([[0.9], [0.5], [0.4], [0.1]])
    targets = np.array([[1], [0], [0], [0]])
    assert ShrunkenF1(0, resamples=30).fit(scores, targets).tolist() == [0.9]


@pytest.mark.parametrize(
    "wrong", [{"pseudo_positives": -1}, {"resamples": -1}, {"resamples": -1, "pseudo_positives": 0}]
)
def test_a_negative_setting_is_refused_by_its_name(wrong):
    with pytest.raises(ConfigError, match=f"threshold.{next(iter(wrong))}=-1"):
        ShrunkenF1(**wrong)
