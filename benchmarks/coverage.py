"""How often 95 % bootstrap intervals cover, over more settings than a test has time for.

    python -m benchmarks.coverage

Scores are two normal distributions, so ROC-AUC is known; the expected PR-AUC at the set's size is the simulations' own
mean.
"""

from statistics import NormalDist

import numpy as np

from songmood.evaluation.bootstrap import bootstrap
from songmood.evaluation.metrics import evaluate

SIMULATIONS, RESAMPLES = 1000, 300
SETTINGS = [  # tracks, tags, share of positives, ROC-AUC
    (200, 1, 0.3, 0.75),
    (500, 1, 0.05, 0.75),
    (500, 1, 0.1, 0.9),
    (300, 5, 0.1, 0.8),
    (1000, 5, 0.03, 0.7),
    (1000, 20, 0.03, 0.75),
]


def coverage(num_tracks: int, num_tags: int, share: float, area: float) -> tuple[float, float]:
    """The shares of simulations whose macro intervals cover: for ROC-AUC, for PR-AUC."""
    generator = np.random.default_rng(0)
    distance = np.sqrt(2) * NormalDist().inv_cdf(area)
    tags = [str(tag) for tag in range(num_tags)]
    estimates, intervals = [], []
    for simulation in range(SIMULATIONS):
        targets = generator.random((num_tracks, num_tags)) < share
        scores = generator.normal(size=targets.shape) + distance * targets
        estimates.append(evaluate(scores, targets, None, tags).summary["pr_auc_macro"])
        found = bootstrap(scores, targets, None, tags, resamples=RESAMPLES, seed=simulation).summary
        intervals.append([found["roc_auc_macro"], found["pr_auc_macro"]])
    truth = np.array([area, np.mean(estimates)])
    low, high = np.moveaxis(np.array(intervals), 2, 0)
    roc_auc, pr_auc = ((low <= truth) & (truth <= high)).mean(axis=0)
    return float(roc_auc), float(pr_auc)


if __name__ == "__main__":
    print("tracks  tags  positives  ROC-AUC   covered: ROC-AUC  PR-AUC")
    for setting in SETTINGS:
        roc_auc, pr_auc = coverage(*setting)
        print("{:6d} {:5d} {:9.0%} {:8.2f}".format(*setting), f"{roc_auc:17.1%} {pr_auc:7.1%}")
