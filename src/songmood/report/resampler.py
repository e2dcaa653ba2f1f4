"""The table's metrics on resampled test sets, the same resamples for every submission, so that they can be compared."""

import numpy as np

from songmood.evaluation.bootstrap import Replicates, joined, replicate_areas, weight_chunks
from songmood.evaluation.metrics import precision_recall_f1
from songmood.evaluation.resampling import Rankings, Weights
from songmood.report.paper import METRICS
from songmood.report.runfolder import Split

SEED = 0  # of the draw; a report of the same runs is the same


class Resampler:
    """Draws test tracks with replacement, once, and scores submissions on every draw.

    Args:
        num_tracks: of the test split.
        resamples: how many draws.
    """

    def __init__(self, num_tracks: int, resamples: int) -> None:
        self._chunks = tuple(weight_chunks(num_tracks, resamples, SEED))

    def replicates(self, test: Split) -> Replicates:
        """Each of the table's metrics on each resample, (R,)."""
        rankings = Rankings.of(test.scores, test.targets, pooled=False)
        chunks = [replicate_areas(rankings, weights) | _f1(test, weights) for weights in self._chunks]
        values = joined(chunks)
        return {metric: values[metric] for metric in METRICS}


def _f1(test: Split, weights: Weights) -> Replicates:
    """F1 of each resample: `f1` (R, L) and `f1_micro` (R,)."""
    times = weights.T.astype(np.float64)  # a float product is fast, and exact for counts
    claims = (test.decisions & test.targets, test.decisions, test.targets)
    counts = [times @ claim.astype(np.float64) for claim in claims]
    pooled = precision_recall_f1(*(count.sum(axis=1) for count in counts))
    return {"f1": precision_recall_f1(*counts)["f1"], "f1_micro": pooled["f1"]}
