"""Scores and thresholds of all tags against scikit-learn, tag by tag.

python -m benchmarks.evaluation
"""

from collections.abc import Callable

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from benchmarks.harness import Row, rates
from songmood.evaluation.bootstrap import joined, replicate_areas, weight_chunks
from songmood.evaluation.curves import Booleans, Curves, Floats
from songmood.evaluation.metrics import precision_recall_areas, roc_areas
from songmood.evaluation.resampling import Rankings
from songmood.evaluation.rules import elbow_thresholds

TRACKS, TAGS = 4231, 56  # the task's test set
RESAMPLES = 1000


def made_up() -> tuple[Floats, Booleans]:
    """Scores and truth of the task's size, with 25 to 570 positives a tag and areas near the field's."""
    generator = np.random.default_rng(0)
    positives = np.geomspace(25, 570, TAGS).astype(int)
    ranks = generator.random((TRACKS, TAGS)).argsort(axis=0)
    targets = ranks < positives
    return 1 / (1 + np.exp(-generator.normal(size=targets.shape) - 1.0 * targets)), targets


def scikit_learns_thresholds_and_areas(scores: Floats, targets: Booleans) -> Floats:
    """Elbow, ROC-AUC and AP of each tag, as one would write it."""
    found = []
    for score, target in zip(scores.T, targets.T, strict=True):
        fpr, tpr, thresholds = roc_curve(target, score, drop_intermediate=False)
        distance = np.abs(tpr - fpr)
        elbow = thresholds[len(distance) - 1 - np.argmax(distance[::-1])]
        found.append((elbow, roc_auc_score(target, score), average_precision_score(target, score)))
    return np.array(found)


def our_thresholds_and_areas(scores: Floats, targets: Booleans) -> Floats:
    """The same from one sort."""
    curves = Curves.of(scores, targets)
    return np.stack([elbow_thresholds(curves), roc_areas(curves), precision_recall_areas(curves)], axis=1)


def scikit_learns_resamples(scores: Floats, targets: Booleans, resamples: int) -> Floats:
    """Macro ROC-AUC and PR-AUC of each resample, (2, R), scored anew."""
    found = []
    for weights in weight_chunks(len(scores), resamples, 0):
        for times in weights.T:
            drawn = np.repeat(np.arange(len(scores)), times)
            truth, score = targets[drawn], scores[drawn]
            found.append((roc_auc_score(truth, score), average_precision_score(truth, score)))
    return np.array(found).T


def our_resamples(scores: Floats, targets: Booleans, resamples: int) -> Floats:
    """The same from one sort and weights."""
    rankings = Rankings.of(scores, targets, pooled=False)
    replicates = joined([replicate_areas(rankings, weights) for weights in weight_chunks(len(scores), resamples, 0)])
    return np.stack([replicates["roc_auc_macro"], replicates["pr_auc_macro"]])


def rows() -> list[Row]:
    scores, targets = made_up()
    ours, theirs = our_thresholds_and_areas(scores, targets), scikit_learns_thresholds_and_areas(scores, targets)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)
    np.testing.assert_allclose(
        our_resamples(scores, targets, 4), scikit_learns_resamples(scores, targets, 4), rtol=0, atol=1e-12
    )

    def timed(work: Callable[..., Floats], amount: int, *more: int) -> Callable[[], int]:
        return lambda: (work(scores, targets, *more), amount)[1]

    areas = rates(
        {
            "theirs": timed(scikit_learns_thresholds_and_areas, TAGS),
            "ours": timed(our_thresholds_and_areas, TAGS),
        }
    )
    resamples = rates(
        {
            "theirs": timed(scikit_learns_resamples, 4, 4),
            "ours": timed(our_resamples, RESAMPLES, RESAMPLES),
        },
        rounds=3,
    )
    size = f"({TRACKS}, {TAGS})"
    same = "elbows, ROC-AUC and AP equal to 1e-12"
    same_resamples = "macro ROC-AUC and PR-AUC of the same resamples equal to 1e-12"
    what = f"elbow thresholds, ROC-AUC, AP of {size}"
    return [
        Row(what, areas["theirs"], areas["ours"], "tags/s", 5, same),
        Row(f"bootstrap of {size}", resamples["theirs"], resamples["ours"], "resamples/s", 20, same_resamples),
    ]


if __name__ == "__main__":
    for row in rows():
        assert row.obvious is not None
        assert row.ours is not None
        print(f"{row.what}: {row.obvious:,.1f} -> {row.ours:,.1f} {row.unit}, {row.ratio:.1f} times ({row.same})")
