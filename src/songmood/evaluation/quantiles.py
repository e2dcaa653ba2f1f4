"""One scale for all tags: the share of a set's tracks that score lower, from a small table of quantiles."""

import numpy as np
from numpy.typing import ArrayLike

from songmood.evaluation.curves import Floats

STEPS = 101  # the minimum, each hundredth, the maximum


def quantile_table(scores: ArrayLike) -> Floats:
    """The scores below which 0 %, 1 % .. 100 % of a set's tracks lie.

    Args:
        scores: (N, L), N at least 1.

    Returns:
        (L, 101), ascending in each row.
    """
    table: Floats = np.quantile(np.asarray(scores, dtype=np.float64), np.linspace(0.0, 1.0, STEPS), axis=0).T
    return table


def percentiles(scores: ArrayLike, table: ArrayLike) -> Floats:
    """How many percent of the set's tracks score lower, tag by tag; linear between two quantiles.

    Args:
        scores: (L,).
        table: (L, 101), of `quantile_table`.

    Returns:
        (L,) from 0 to 100. It is off by less than 1 from the share itself, plus what one track makes.
    """
    table = np.asarray(table, dtype=np.float64)
    return np.array([_percentile(score, row) for score, row in zip(np.asarray(scores), table, strict=True)])


def _percentile(score: float, quantiles: Floats) -> float:
    above = int(np.searchsorted(quantiles, score, side="left"))  # of equal quantiles the lowest, for *lower* scores
    if above in (0, STEPS):
        return 100.0 if above else 0.0
    low, high = quantiles[above - 1], quantiles[above]
    return above - 1 + float((score - low) / (high - low))
