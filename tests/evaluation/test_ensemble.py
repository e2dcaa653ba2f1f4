"""Combining scores, by hand."""

from itertools import combinations

import numpy as np
import pytest
from scipy.special import expit, logit
from scipy.stats import rankdata, spearmanr
from sklearn.metrics import average_precision_score

from songmood.errors import SubmissionError
from songmood.evaluation.bootstrap import bootstrap
from songmood.evaluation.ensemble import by_size, choose_weights, combine, disagreement

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


def members_of(skills, seed=0, num_tracks=300, num_tags=3):
    """Targets, and a member for each skill, which hears them through noise of its own."""
    generator = np.random.default_rng(seed)
    targets = generator.random((num_tracks, num_tags)) < 0.25
    return [expit(skill * targets + generator.normal(size=targets.shape)) for skill in skills], targets


def macro(scores, targets):
    return average_precision_score(targets, scores, average="macro")


def test_weights_weigh_whatever_their_sum_and_equal_ones_are_none():
    np.testing.assert_allclose(combine([A, B], weights=[3, 1]), (3 * A + B) / 4, atol=1e-15)
    np.testing.assert_allclose(combine([A, B], weights=[0, 2]), B, atol=1e-15)
    for how in ("mean", "rank", "logit"):
        np.testing.assert_allclose(combine([A, B], how, [0.5, 0.5]), combine([A, B], how), atol=1e-15)
    np.testing.assert_allclose(combine([A, B], "logit", [3, 1]), expit((3 * logit(A) + logit(B)) / 4), atol=1e-12)


@pytest.mark.parametrize("weights", [[1], [1, 2, 3], [-1, 2], [0, 0], [np.nan, 1], [np.inf, 1]])
def test_weights_that_do_not_fit_are_refused(weights):
    with pytest.raises(SubmissionError, match="expected 2, at least 0, one of them more"):
        combine([A, B], weights=weights)


def test_chosen_weights_find_the_member_that_hears_something():
    members, targets = members_of([2.5, 0, 0, 0])
    found = choose_weights(members, targets)
    assert found.weights.sum() == pytest.approx(1)
    assert found.weights[0] > 0.7
    assert found.is_worth_it
    assert found.equal_pr_auc == pytest.approx(macro(np.mean(members, axis=0), targets))
    assert found.pr_auc > found.equal_pr_auc + 0.1
    assert found.pr_auc == pytest.approx(macro(members[0], targets), abs=0.05)


def test_chosen_weights_are_scored_on_tracks_that_they_have_not_seen():
    seen, unseen = [], []
    for seed in range(16):  # members of noise: whatever their weights gain, they gain on what they were chosen on
        members, targets = members_of([0] * 10, seed, 60)
        found = choose_weights(members, targets, folds=3, seed=seed)
        seen.append(macro(combine(members, weights=found.weights), targets) - found.equal_pr_auc)
        unseen.append(found.pr_auc - found.equal_pr_auc)
    assert np.mean(seen) > 0.03
    assert np.mean(unseen) < np.mean(seen) / 2


def test_one_member_in_two_copies_gains_nothing_and_equal_weights_stay():
    members, targets = members_of([1.0])
    found = choose_weights(members * 2, targets, "rank")
    assert found.pr_auc == pytest.approx(found.equal_pr_auc)
    assert not found.is_worth_it


def test_every_fold_is_reported_and_the_seed_decides_the_folds():
    members, targets = members_of([1.0, 0.5], num_tracks=60)
    done = []
    first, again, other = (choose_weights(members, targets, seed=s, folds=3, on_done=done.append) for s in (0, 0, 1))
    assert done == [1] * 9
    assert first.pr_auc == again.pr_auc != other.pr_auc


@pytest.mark.parametrize("folds", [1, 4])
def test_folds_that_cannot_be_are_refused(folds):
    with pytest.raises(
        SubmissionError, match=f"{folds} folds of 3 tracks: expected at least 2, and no more than tracks"
    ):
        choose_weights([A, B], np.array([[1, 0], [0, 1], [1, 0]]), folds=folds)


def test_tags_with_one_class_leave_equal_weights():
    assert choose_weights([A, B], np.zeros((3, 2)), folds=3).weights.tolist() == [0.5, 0.5]


def test_disagreement_is_one_minus_spearmans_mean_over_pairs():
    members = [np.random.default_rng(seed).random((40, 3)).round(1) for seed in range(3)]  # ties
    pairs = [(0, 1), (0, 2), (1, 2)]
    for tag, found in enumerate(disagreement(members)):
        expected = np.mean([1 - spearmanr(members[a][:, tag], members[b][:, tag]).statistic for a, b in pairs])
        assert found == pytest.approx(expected)


def test_the_same_order_is_no_disagreement_and_the_reverse_is_two():
    assert disagreement([A, A**2]) == pytest.approx([0, 0])
    assert disagreement([A, -A]) == pytest.approx([2, 2])
    assert np.isnan(disagreement([A, np.zeros_like(A)])).all(), "a constant has no order"
    with pytest.raises(SubmissionError, match="a single member cannot disagree"):
        disagreement([A])


def test_each_size_scores_as_the_mean_of_its_ensembles_and_the_whole_as_its_bootstrap_says():
    members, targets = members_of([1.0, 1.2, 0.6], num_tracks=120)
    done = []
    one, two, three = by_size(members, targets, "logit", resamples=30, on_done=done.append)
    assert [(size.size, size.num_subsets) for size in (one, two, three)] == [(1, 3), (2, 3), (3, 1)]
    assert done == [1, 1, 1]
    assert one.pr_auc == pytest.approx(np.mean([macro(member, targets) for member in members]))
    pairs = [(0, 1), (0, 2), (1, 2)]
    assert two.pr_auc == pytest.approx(
        np.mean([macro(combine([members[a], members[b]], "logit"), targets) for a, b in pairs])
    )
    whole = combine(members, "logit")
    assert three.pr_auc == pytest.approx(macro(whole, targets))
    interval = bootstrap(whole, targets, resamples=30).summary["pr_auc_macro"]
    assert (three.low, three.high) == pytest.approx(interval)
    assert one.pr_auc < two.pr_auc < three.pr_auc, "independent noise averages out"


def test_the_choices_of_members_are_different_ones():
    members, targets = members_of([0.2, 1.0, 3.0], num_tracks=60)
    alone = [macro(member, targets) for member in members]
    pairs = [np.mean([alone[a], alone[b]]) for a, b in ((0, 1), (0, 2), (1, 2))]
    for seed in range(12):
        one = by_size(members, targets, subsets=2, resamples=2, seed=seed)[0]
        assert any(one.pr_auc == pytest.approx(pair) for pair in pairs)


def test_all_choices_of_six_members_count():
    members, targets = members_of([0.4, 0.8, 1.2, 1.6, 2.0, 2.4], num_tracks=60)
    triples = [macro(np.mean(three, axis=0), targets) for three in combinations(members, 3)]
    three = by_size(members, targets, resamples=2)[2]
    assert (three.num_subsets, three.pr_auc) == (20, pytest.approx(np.mean(triples)))


def test_many_choices_of_members_are_drawn_without_repeating_one_in_a_choice():
    members, targets = members_of([1.0] * 5, num_tracks=40)
    sizes = by_size(members, targets, subsets=4, resamples=5)
    assert [size.num_subsets for size in sizes] == [4, 4, 4, 4, 1]
    drawn = by_size([members[0]] * 4 + [np.zeros_like(members[0])], targets, subsets=3, resamples=5)
    assert drawn[3].pr_auc == pytest.approx(macro(members[0], targets)), "the member that says nothing is there once"
