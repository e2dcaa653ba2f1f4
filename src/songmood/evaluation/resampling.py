"""Bootstrap resamples of tracks, as how often each track was drawn, and the areas under their curves.

A track that a resample draws three times counts three times, so no resample is sorted: the scores are sorted once,
and what a resample changes is how much each track weighs. Only points that gain a positive matter to either area, and
a tag has few of them, so weights are summed between those points and the rest is arithmetic on small arrays.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from songmood.evaluation.curves import Booleans, Floats, Integers, checked

Weights = NDArray[np.int32]


def draw_weights(generator: np.random.Generator, resamples: int, num_tracks: int) -> Weights:
    """Draw as many tracks as there are, with replacement, and count.

    Returns:
        (resamples, num_tracks), each row sums to `num_tracks`. Drawing in several calls gives the same rows.
    """
    drawn = generator.integers(num_tracks, size=(resamples, num_tracks))
    drawn += np.arange(resamples)[:, None] * num_tracks
    counts = np.bincount(drawn.ravel(), minlength=resamples * num_tracks)
    return counts.reshape(resamples, num_tracks).astype(np.int32)


@dataclass(frozen=True)
class Ranking:
    """One tag's scores, sorted once, as far as resamples need it.

    Attributes:
        track: (N,) tracks from the highest score to the lowest; a track may occur more than once, as it does for micro.
        bounds: (K,) ranks, from 0 up, between which weights are summed.
        before: (G,) which bound lies before each group of tracks that share a score and hold a positive.
        upto: (G,) which bound lies after it.
        positive_track: (P,) tracks of the positives, by rank.
        first_positive: (G,) where each group's positives begin in `positive_track`.
    """

    track: Integers
    bounds: Integers
    before: Integers
    upto: Integers
    positive_track: Integers
    first_positive: Integers

    @classmethod
    def of(cls, scores: Floats, targets: Booleans, track: Integers) -> "Ranking":
        """Rank (N,) scores, of which each belongs to a track; at least one target must be positive."""
        order = np.argsort(-scores)
        ranked = scores[order]
        starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
        stops = np.r_[starts[1:], len(ranked)]
        positives = np.flatnonzero(targets[order])
        group = np.searchsorted(starts, positives, side="right") - 1
        groups, first_positive = np.unique(group, return_index=True)
        bounds = np.unique(np.r_[0, starts[groups], stops[groups], len(ranked)])
        return cls(
            track=track[order],
            bounds=bounds[:-1],
            before=np.searchsorted(bounds, starts[groups]),
            upto=np.searchsorted(bounds, stops[groups]),
            positive_track=track[order][positives],
            first_positive=first_positive,
        )

    def areas(self, weights: Weights) -> tuple[Floats, Floats]:
        """ROC-AUC and average precision of each resample; NaN where one has no positive or no negative.

        Args:
            weights: (N, R), contiguous: how often each track was drawn.
        """
        between = np.add.reduceat(weights.take(self.track, axis=0), self.bounds, axis=0)
        reached = np.vstack([np.zeros_like(between[:1]), np.cumsum(between, axis=0)]).astype(np.float64)
        total, before, upto = reached[-1], reached[self.before], reached[self.upto]
        gained = np.add.reduceat(weights.take(self.positive_track, axis=0), self.first_positive, axis=0)
        found = np.cumsum(gained, axis=0, dtype=np.float64)
        positives = found[-1]
        negatives = total - positives
        negatives_before = before - (found - gained)
        tied_negatives = upto - before - gained
        pairs_in_order = (gained * (negatives - negatives_before - tied_negatives / 2)).sum(axis=0)
        precision_gained = (gained * (found / np.maximum(upto, 1))).sum(axis=0)
        both = (positives > 0) & (negatives > 0)
        roc_auc = pairs_in_order / np.maximum(positives * negatives, 1)
        return np.where(both, roc_auc, np.nan), np.where(both, precision_gained / np.maximum(positives, 1), np.nan)


@dataclass(frozen=True)
class Rankings:
    """All tags' scores, sorted once.

    Attributes:
        tags: for each tag its ranking, or None for a tag with one class.
        pooled: all (track, tag) pairs as one ranking, or None where they have one class.
        num_tracks: in the sample.
    """

    tags: tuple[Ranking | None, ...]
    pooled: Ranking | None
    num_tracks: int

    @classmethod
    def of(cls, scores: ArrayLike, targets: ArrayLike, *, pooled: bool = True) -> "Rankings":
        """Sort (N, L) scores; `pooled=False` saves what micro would cost, about as much again."""
        scores, targets = checked(scores, targets)
        num_tracks, num_tags = scores.shape
        each = np.arange(num_tracks)

        def ranking(column: Floats, target: Booleans, track: Integers) -> Ranking | None:
            return Ranking.of(column, target, track) if target.any() and not target.all() else None

        return cls(
            tags=tuple(ranking(scores[:, tag], targets[:, tag], each) for tag in range(num_tags)),
            pooled=ranking(scores.ravel(), targets.ravel(), np.repeat(each, num_tags)) if pooled else None,
            num_tracks=num_tracks,
        )
