"""Several submissions' scores as one: how they are combined and weighted, where they disagree, what each one adds.

Every way is a mean on some scale: of the scores themselves, right where all members mean the same by a score; of each
tag's ranks over tracks, whatever the members' scales; of the logits, so that a confident member weighs more.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import ArrayLike

from songmood.errors import SubmissionError
from songmood.evaluation.bootstrap import ignore, interval, replicates, spread
from songmood.evaluation.curves import Booleans, Floats, checked
from songmood.evaluation.metrics import average_precision, mean_over_tags
from songmood.evaluation.submission import refuse_other_shape

EDGE = 2.0**-24  # a float32 sigmoid that says 0 or 1 means: less than this away
ROUNDS = 20  # of the search for weights: each is a multiple of a twentieth or more
LEVEL = 0.95  # of the intervals
RESAMPLED = 10  # choices of members of one size whose tracks are resampled: the others' spread is much the same
WAYS = ("mean", "rank", "logit")


@dataclass(frozen=True)
class Weighting:
    """Weights of an ensemble's members, chosen on a validation set.

    Attributes:
        weights: (M,) at least 0, they sum to 1.
        pr_auc: macro PR-AUC where each fold of the set is scored by weights that were chosen on the others.
        equal_pr_auc: of equal weights, on the same set.
    """

    weights: Floats
    pr_auc: float
    equal_pr_auc: float

    @property
    def is_worth_it(self) -> bool:
        """Whether weights that have not seen a track score it better than equal ones do."""
        return self.pr_auc > self.equal_pr_auc


@dataclass(frozen=True)
class SizeEstimate:
    """What ensembles of so many of the members score, equally weighted.

    Attributes:
        size: how many members.
        num_subsets: over how many choices of them the mean is.
        pr_auc: mean macro PR-AUC.
        low: lower end of its interval over tracks, by bootstrap.
        high: its upper end.
    """

    size: int
    num_subsets: int
    pr_auc: float
    low: float
    high: float


def combine(scores: Sequence[ArrayLike], how: str = "mean", weights: ArrayLike | None = None) -> Floats:
    """Combine score matrices (N, L) of the same tracks and tags into one.

    Args:
        scores: M of them, at least one; for `logit` in [0, 1].
        how: `mean` of the scores; `rank`, the mean of each tag's ranks over the number of tracks, in (0, 1], equal
            scores sharing theirs; `logit`, the sigmoid of the mean logit, 0 and 1 being taken as 2**-24 from the edge.
        weights: (M,) at least 0, one of them more; None for equal ones.

    Raises:
        SubmissionError: no scores, another way, different shapes, or weights that do not fit.

    Example:
        >>> combine([[[0.25], [0.5]], [[0.75], [1.0]]], weights=[3, 1]).tolist()
        [[0.375], [0.625]]
    """
    members = _on_one_scale(scores, how)
    combined = np.average(members, axis=0, weights=None if weights is None else _checked_weights(weights, len(members)))
    return np.asarray(1 / (1 + np.exp(-combined)) if how == "logit" else combined)


def choose_weights(
    scores: Sequence[ArrayLike],
    targets: ArrayLike,
    how: str = "mean",
    *,
    folds: int = 5,
    seed: int = 0,
    on_done: Callable[[int], None] = ignore,
) -> Weighting:
    """Weights that raise the macro PR-AUC of a validation set, cross-fitted: the mean over folds of those of the rest.

    Each search is greedy (Caruana et al., "Ensemble selection from libraries of models", 2004): the member that helps
    most is added, again and again, and what counts is how often each was added when it was best.

    Args:
        scores: M matrices (N, L), as for :func:`combine`.
        targets: (N, L) of 0 and 1.
        how: as for :func:`combine`.
        folds: at least 2, of tracks.
        seed: of the folds.
        on_done: told 1 when a fold is done.

    Raises:
        SubmissionError: see :func:`combine`; or fewer tracks than folds.
    """
    members = _on_one_scale(scores, how)
    _, truth = checked(members[0], targets)
    if not 2 <= folds <= len(truth):
        raise SubmissionError(f"{folds} folds of {len(truth)} tracks: expected at least 2, and no more than tracks")
    fold_of = np.random.default_rng(seed).permutation(len(truth)) % folds
    blind = np.empty_like(members[0])
    chosen = []
    for fold in range(folds):
        is_out = fold_of == fold
        chosen.append(_greedy_weights(members[:, ~is_out], truth[~is_out]))
        blind[is_out] = np.average(members[:, is_out], axis=0, weights=chosen[-1])
        on_done(1)
    return Weighting(np.mean(chosen, axis=0), _pr_auc(blind, truth), _pr_auc(members.mean(axis=0), truth))


def disagreement(scores: Sequence[ArrayLike]) -> Floats:
    """How differently the members order the tracks, for each tag, (L,): 0 is the same order, 1 no relation, 2 reversed.

    One minus Spearman's rank correlation, the mean over all pairs of members; NaN where a member scores all alike.

    Args:
        scores: at least two matrices (N, L) of any scale.

    Raises:
        SubmissionError: fewer than two, or different shapes.
    """
    ranks = _on_one_scale(scores, "rank")
    if len(ranks) < 2:
        raise SubmissionError("a single member cannot disagree: give at least two")
    centred = ranks - ranks.mean(axis=1, keepdims=True)
    deviation = centred.std(axis=1, keepdims=True)
    standard = centred / np.where(deviation > 0, deviation, np.nan)  # (M, N, L)
    return np.asarray(1 - ((standard.sum(axis=0) ** 2).mean(axis=0) / len(ranks) - 1) / (len(ranks) - 1))


def by_size(
    scores: Sequence[ArrayLike],
    targets: ArrayLike,
    how: str = "mean",
    *,
    subsets: int = 64,
    resamples: int = 200,
    seed: int = 0,
    on_done: Callable[[int], None] = ignore,
) -> list[SizeEstimate]:
    """What ensembles of 1, 2, ... M of the members score, equally weighted.

    Args:
        scores: M matrices (N, L), as for :func:`combine`.
        targets: (N, L) of 0 and 1.
        how: as for :func:`combine`.
        subsets: at most so many choices of members for each size: all where there are no more, else drawn, each once.
        resamples: of the tracks, for ten of the choices.
        seed: of the draws.
        on_done: told 1 when a size is done.

    Raises:
        SubmissionError: see :func:`combine`.
    """
    members = _on_one_scale(scores, how)
    _, truth = checked(members[0], targets)
    generator = np.random.default_rng(seed)
    found = []
    for size in range(1, len(members) + 1):
        means = [members[list(choice)].mean(axis=0) for choice in _choices(len(members), size, subsets, generator)]
        some = generator.permutation(len(means))[:RESAMPLED]
        drawn = [replicates(means[at], truth, None, resamples=resamples, seed=seed, pooled=False) for at in some]
        estimate = float(np.mean([_pr_auc(mean, truth) for mean in means]))
        ends = interval(estimate, spread(np.mean([of_mean["pr_auc_macro"] for of_mean in drawn], axis=0)), LEVEL)
        found.append(SizeEstimate(size, len(means), estimate, *ends))
        on_done(1)
    return found


def _choices(num: int, size: int, most: int, generator: np.random.Generator) -> list[tuple[int, ...]]:
    """Different choices of `size` out of `num`: all, or as many as `most`, drawn."""
    total = comb(num, size)
    drawn = set(combinations(range(num), size)) if total <= most else set()
    while len(drawn) < min(total, most):
        drawn.add(tuple(sorted(generator.permutation(num)[:size].tolist())))
    return sorted(drawn)


def _on_one_scale(scores: Sequence[ArrayLike], how: str) -> Floats:
    """(M, N, L) on the scale on which a way takes its mean, after the checks that all ways share."""
    if how not in WAYS:
        raise SubmissionError(f"unknown way to combine {how!r}: expected one of {', '.join(WAYS)}")
    if not (matrices := [np.asarray(matrix, dtype=np.float64) for matrix in scores]):
        raise SubmissionError("no scores to combine: give at least one matrix")
    for number, matrix in enumerate(matrices[1:], start=2):
        refuse_other_shape(matrix, f"matrix {number}", matrices[0], "matrix 1")
    if how == "rank":
        return np.stack([_ranks(matrix) / len(matrix) for matrix in matrices])
    return _logits(np.stack(matrices)) if how == "logit" else np.stack(matrices)


def _logits(scores: Floats) -> Floats:
    if scores.min() < 0 or scores.max() > 1:
        found = f"scores from {scores.min():.9g} to {scores.max():.9g}"
        raise SubmissionError(f"{found}, expected [0, 1] for the mean of logits; take the mean of ranks")
    inside = scores.clip(EDGE, 1 - EDGE)
    return np.asarray(np.log(inside / (1 - inside)))


def _ranks(scores: Floats) -> Floats:
    """Each column's ranks from 1 up, ties sharing their mean."""
    ranks = np.empty_like(scores)
    for tag, column in enumerate(scores.T):
        _, group, size = np.unique(column, return_inverse=True, return_counts=True)
        last = np.cumsum(size)
        ranks[:, tag] = (last - (size - 1) / 2)[group]
    return ranks


def _checked_weights(weights: ArrayLike, num_members: int) -> Floats:
    given = np.asarray(weights, dtype=np.float64)
    if given.shape != (num_members,) or not (np.isfinite(given) & (given >= 0)).all() or not given.any():
        raise SubmissionError(f"weights {given.tolist()}: expected {num_members}, at least 0, one of them more")
    return given


def _greedy_weights(members: Floats, truth: Booleans) -> Floats:
    """(M,) that sum to 1: how often each member was added when the sum of those added was best."""
    added, best = np.zeros(len(members)), (-np.inf, np.full(len(members), 1 / len(members)))
    total = np.zeros_like(members[0])
    for _ in range(ROUNDS):
        areas = [_pr_auc(total + member, truth) for member in members]
        pick = int(np.argmax(areas))
        total += members[pick]
        added[pick] += 1
        if areas[pick] > best[0]:
            best = (areas[pick], added / added.sum())
    return best[1]


def _pr_auc(scores: Floats, truth: Booleans) -> float:
    """Macro PR-AUC, over the tags with both classes."""
    return mean_over_tags(average_precision(scores, truth))
