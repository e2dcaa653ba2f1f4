"""ROC and precision-recall points of every tag, from one sort.

Conventions: a point belongs to a distinct score of its tag and counts the tracks that a threshold *at* that score
decides, `score >= threshold`; the points of a tag run from its highest score to its lowest. The ROC curve's own first
point (0, 0), whose threshold is +inf, is implied and not stored. Counts are integers, so that ties are exact.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from songmood.errors import SubmissionError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]


@dataclass(frozen=True)
class Curves:
    """The points of L tags, one tag after the other in flat arrays of length K.

    Attributes:
        score: (K,) the distinct scores of each tag, descending within the tag.
        true_positives: (K,) positives that score at least this much.
        false_positives: (K,) negatives that score at least this much.
        start: (L,) where each tag's points begin; every tag has at least one.
        positives: (L,) tracks that have the tag.
        negatives: (L,) tracks that do not.
    """

    score: Floats
    true_positives: Integers
    false_positives: Integers
    start: Integers
    positives: Integers
    negatives: Integers

    @classmethod
    def of(cls, scores: ArrayLike, targets: ArrayLike) -> "Curves":
        """Sort the scores of all tags once and count along them.

        Args:
            scores: (N, L) finite, of any scale: only their order matters.
            targets: (N, L) of 0 and 1.

        Raises:
            SubmissionError: the shapes differ, there is no track or tag, or a value is none that is allowed.
        """
        checked_scores, checked_targets = checked(scores, targets)
        by_tag = np.ascontiguousarray(checked_scores.T)
        num_tags, num_tracks = by_tag.shape
        order = np.argsort(-by_tag, axis=1)
        ranked = np.take_along_axis(by_tag, order, axis=1)
        hits = np.take_along_axis(np.ascontiguousarray(checked_targets.T), order, axis=1)
        counts = np.cumsum(hits, axis=1, dtype=np.int64)
        ends_a_tie = np.ones((num_tags, num_tracks), dtype=bool)
        np.not_equal(ranked[:, :-1], ranked[:, 1:], out=ends_a_tie[:, :-1])
        points = np.flatnonzero(ends_a_tie)
        per_tag = np.count_nonzero(ends_a_tie, axis=1)
        true_positives = counts.ravel()[points]
        positives = counts[:, -1]
        return cls(
            score=ranked.ravel()[points],
            true_positives=true_positives,
            false_positives=points % num_tracks + 1 - true_positives,
            start=np.cumsum(per_tag) - per_tag,
            positives=positives,
            negatives=num_tracks - positives,
        )

    @property
    def num_points(self) -> Integers:
        """(L,) points of each tag."""
        return np.diff(self.start, append=len(self.score))

    @property
    def has_both_classes(self) -> Booleans:
        """(L,) whether the tag has positives and negatives; without, it has no ROC curve."""
        return (self.positives > 0) & (self.negatives > 0)

    def per_point(self, values: Integers) -> Integers:
        """Spread one value a tag, (L,), over the tag's points, (K,)."""
        return np.repeat(values, self.num_points)

    def best_points(self, criterion: NDArray[np.float64] | Integers, *, last: bool) -> Integers:
        """The point of each tag, (L,), at which a criterion (K,) is largest; the first or the last among ties."""
        stops = self.start + self.num_points
        best = [
            stop - 1 - np.argmax(criterion[start:stop][::-1]) if last else start + np.argmax(criterion[start:stop])
            for start, stop in zip(self.start, stops, strict=True)
        ]
        return np.asarray(best, dtype=np.int64)


def checked(scores: ArrayLike, targets: ArrayLike) -> tuple[Floats, Booleans]:
    """Scores as float64 and targets as bool, after the checks that :meth:`Curves.of` names."""
    scores = np.asarray(scores, dtype=np.float64)
    targets = np.asarray(targets)
    if scores.ndim != 2 or scores.size == 0:
        raise SubmissionError(f"scores of shape {scores.shape}: expected (tracks, tags), at least one of each")
    if targets.shape != scores.shape:
        raise SubmissionError(f"targets of shape {targets.shape} do not fit scores of shape {scores.shape}")
    if not np.isfinite(scores).all():
        raise SubmissionError(f"scores hold {int((~np.isfinite(scores)).sum())} NaN or infinite values: expected none")
    if targets.dtype != np.bool_ and not np.isin(targets, (0, 1)).all():
        raise SubmissionError("targets hold values other than 0 and 1: expected whether a track has a tag")
    return scores, targets.astype(bool)
