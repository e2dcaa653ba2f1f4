"""Several submissions' scores as one."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from songmood.errors import SubmissionError
from songmood.evaluation.curves import Floats
from songmood.evaluation.submission import refuse_other_shape

EDGE = 2.0**-24  # a float32 sigmoid that says 0 or 1 means: less than this away


def mean(scores: Sequence[Floats]) -> Floats:
    """The mean of the scores: right where all models mean the same by a score."""
    return np.asarray(np.mean(scores, axis=0))


def logit(scores: Sequence[Floats]) -> Floats:
    """The sigmoid of the mean logit, so that a confident model weighs more; 0 and 1 are taken as 2**-24 from the edge.

    Raises:
        SubmissionError: a score lies outside [0, 1].
    """
    stacked = np.asarray(scores, dtype=np.float64)
    if stacked.min() < 0 or stacked.max() > 1:
        found = f"scores from {stacked.min():.9g} to {stacked.max():.9g}"
        raise SubmissionError(f"{found}, expected [0, 1] for the mean of logits; take the mean of ranks")
    inside = stacked.clip(EDGE, 1 - EDGE)
    return np.asarray(1 / (1 + np.exp(-np.log(inside / (1 - inside)).mean(axis=0))))


def rank(scores: Sequence[Floats]) -> Floats:
    """The mean of each tag's ranks over tracks, over the number of tracks: in (0, 1], whatever the models' scales.

    The lowest score has rank 1; equal scores share the mean of their ranks.
    """
    return mean([_ranks(matrix) / len(matrix) for matrix in scores])


WAYS: dict[str, Callable[[Sequence[Floats]], Floats]] = {"mean": mean, "rank": rank, "logit": logit}


def combine(scores: Sequence[ArrayLike], how: str = "mean") -> Floats:
    """Combine score matrices (N, L) of the same tracks and tags into one.

    Args:
        scores: at least one.
        how: a name in `WAYS`.

    Raises:
        SubmissionError: none, another way, or different shapes.
    """
    matrices = [np.asarray(matrix, dtype=np.float64) for matrix in scores]
    if not matrices:
        raise SubmissionError("no scores to combine: give at least one matrix")
    if how not in WAYS:
        raise SubmissionError(f"unknown way to combine {how!r}: expected one of {', '.join(WAYS)}")
    for number, matrix in enumerate(matrices[1:], start=2):
        refuse_other_shape(matrix, f"matrix {number}", matrices[0], "matrix 1")
    return WAYS[how](matrices)


def _ranks(scores: Floats) -> Floats:
    """Each column's ranks from 1 up, ties sharing their mean."""
    ranks = np.empty_like(scores)
    for tag, column in enumerate(scores.T):
        _, group, size = np.unique(column, return_inverse=True, return_counts=True)
        last = np.cumsum(size)
        ranks[:, tag] = (last - (size - 1) / 2)[group]
    return ranks
