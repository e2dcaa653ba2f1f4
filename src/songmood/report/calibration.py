"""Calibration: in bins of equally many scores, what the scores say and how often the tag is there."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from songmood.evaluation.curves import Floats, Integers


@dataclass(frozen=True)
class Reliability:
    """Bins by ascending score, none empty.

    Attributes:
        score: (B,) mean score of each bin.
        positives: (B,) how many of it have the tag.
        count: (B,) how many there are.
    """

    score: Floats
    positives: Integers
    count: Integers

    @property
    def expected_error(self) -> float:
        """Mean distance of score and share, weighted by the bins' counts."""
        return float(np.average(np.abs(self.score - self.positives / self.count), weights=self.count))


def reliability(scores: ArrayLike, targets: ArrayLike, num_bins: int) -> Reliability:
    """Bin scores.

    Args:
        scores: (N,) in [0, 1], at least one.
        targets: (N,) of 0 and 1.
        num_bins: at most so many; equal scores share a bin, so there may be fewer.
    """
    scores = np.asarray(scores, dtype=np.float64)
    order = np.argsort(scores, kind="stable")
    ranked, hits = scores[order], np.asarray(targets, dtype=np.int64)[order]
    edges = np.linspace(0, len(ranked), num_bins, endpoint=False).astype(np.int64)
    starts = np.unique(np.searchsorted(ranked, ranked[edges], side="left"))
    count = np.diff(starts, append=len(ranked))
    return Reliability(np.add.reduceat(ranked, starts) / count, np.add.reduceat(hits, starts), count)
