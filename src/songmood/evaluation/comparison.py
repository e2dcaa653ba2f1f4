"""Two submissions on the same tracks: is one better, or was it the draw of the test set?

Both are scored on the same resamples, so that what makes a resample easy for both cancels. The p-value is two-sided,
from the difference over its bootstrap standard deviation; it has no floor at one over the number of resamples, which
a correction over 56 tags would lift past any level. The correction is Holm's: it bounds the chance of a single false
claim among all tags, however these depend on each other.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import erfc, isnan, nan, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from songmood.evaluation.bootstrap import ignore, joined, replicate_areas, spread, weight_chunks
from songmood.evaluation.curves import Floats
from songmood.evaluation.metrics import AREAS, evaluate
from songmood.evaluation.resampling import Rankings


@dataclass(frozen=True)
class Difference:
    """What separates A from B in one metric.

    Attributes:
        a: the metric of A.
        b: the metric of B.
        difference: a minus b: positive where A is better.
        low: the lower end of its interval.
        high: the upper end.
        p_value: of a difference this large, either way, where there is none; NaN without a difference.
        p_corrected: the same after Holm's correction over all tags; for a mean, which is one test, the p-value itself.
    """

    a: float
    b: float
    difference: float
    low: float
    high: float
    p_value: float
    p_corrected: float


@dataclass(frozen=True)
class Comparison:
    """All differences between two submissions.

    Attributes:
        summary: for `roc_auc_macro`, `pr_auc_macro`, `roc_auc_micro`, `pr_auc_micro`.
        tags: for each tag with both classes, `roc_auc` and `pr_auc`.
        left_out: tags with one class.
        resamples: how many there were.
        level: of the intervals.
    """

    summary: dict[str, Difference]
    tags: dict[str, dict[str, Difference]]
    left_out: tuple[str, ...]
    resamples: int
    level: float


def compare(
    scores_a: ArrayLike,
    scores_b: ArrayLike,
    targets: ArrayLike,
    tags: Sequence[str] | None = None,
    *,
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
    on_done: Callable[[int], None] = ignore,
) -> Comparison:
    """Compare two score matrices by a paired bootstrap over tracks.

    Args:
        scores_a: (N, L) finite.
        scores_b: (N, L) finite, of the same tracks and tags.
        targets: (N, L) of 0 and 1.
        tags: L different names; None calls them "column 0" and on.
        resamples: at least 2.
        seed: the same seed, the same resamples.
        level: of the intervals, in (0, 1).
        on_done: told how many resamples have been added, for a progress bar.

    Raises:
        SubmissionError: something has another shape or values that are not allowed, or there are too few resamples.

    Example:
        >>> targets = [[1], [0], [1], [0]]
        >>> found = compare([[0.9], [0.2], [0.4], [0.6]], [[0.1], [0.2], [0.4], [0.6]], targets, resamples=50)
        >>> found.summary["roc_auc_macro"].difference
        0.5
    """
    first, second = evaluate(scores_a, targets, None, tags), evaluate(scores_b, targets, None, tags)
    ranked = [Rankings.of(scores, targets) for scores in (scores_a, scores_b)]
    pairs = []
    for weights in weight_chunks(ranked[0].num_tracks, resamples, seed):
        pairs.append([replicate_areas(rankings, weights) for rankings in ranked])
        on_done(weights.shape[1])
    a, b = (joined(chunks) for chunks in zip(*pairs, strict=True))
    deviations = {name: a[name] - b[name] for name in a}

    z = NormalDist().inv_cdf((1 + level) / 2)

    def difference(of_a: float, of_b: float, replicates: Floats) -> Difference:
        value, deviation = of_a - of_b, spread(replicates)
        chance = p_value(value, deviation)
        return Difference(of_a, of_b, value, value - z * deviation, value + z * deviation, chance, chance)

    summary = {name: difference(v, second.summary[name], deviations[name]) for name, v in first.summary.items()}
    by_tag = {
        tag: {name: difference(first.tags[tag][name], second.tags[tag][name], deviations[name][:, i]) for name in AREAS}
        for i, tag in enumerate(first.tags)
        if tag not in first.left_out
    }
    return Comparison(summary, _corrected(by_tag), first.left_out, resamples, level)


def p_value(difference: float, deviation: float) -> float:
    """Two-sided, of a difference this many bootstrap standard deviations wide; NaN of NaN."""
    if isnan(difference):
        return nan
    if deviation == 0:
        return 0.0 if difference else 1.0  # every resample says the same
    return erfc(abs(difference) / deviation / sqrt(2))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction: each p-value times how many are at least as large, made monotone, at most 1.

    A NaN is no test: it stays, and does not count.
    """
    corrected = [nan] * len(p_values)
    num_tests = len(p_values) - sum(map(isnan, p_values))
    largest = 0.0
    for rank, index in enumerate(np.argsort(p_values, kind="stable")[:num_tests]):  # NaNs are last
        largest = max(largest, min(1.0, (num_tests - rank) * p_values[index]))
        corrected[index] = largest
    return corrected


def _corrected(by_tag: dict[str, dict[str, Difference]]) -> dict[str, dict[str, Difference]]:
    corrected = {name: holm([values[name].p_value for values in by_tag.values()]) for name in AREAS}
    return {
        tag: {name: replace(values[name], p_corrected=corrected[name][i]) for name in AREAS}
        for i, (tag, values) in enumerate(by_tag.items())
    }
