"""The rule that steadies F1 thresholds of rare tags, by borrowing from the other tags and by averaging over resamples.

The largest F1 of a tag with thirty positives is a lottery: a few tracks more or less move its threshold across half the
scores. Two remedies, each an attribute to switch off:

* *Pseudo-positives.* Before F1 is computed, each tag is given some more positives, spread over its ranking as those of
  the average tag are. A tag with many positives does not notice; a rare one is drawn towards the average tag.
* *Resamples.* The threshold is the mean over bootstrap resamples of the tracks, which turns a jump into a slope.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from songmood.errors import ConfigError
from songmood.evaluation.curves import Booleans, Floats, checked
from songmood.evaluation.resampling import draw_weights


@dataclass(frozen=True)
class ShrunkenF1:
    """The largest F1 of each tag, shrunken towards the average tag the more, the fewer its positives are.

    Attributes:
        pseudo_positives: how many positives each tag borrows; 0 for none.
        resamples: bootstrap resamples, besides the fitting set itself; 0 for none.
        seed: of the resamples.
    """

    pseudo_positives: float = 20.0
    resamples: int = 50
    seed: int = 0
    name: str = "shrunken_f1"

    def __post_init__(self) -> None:
        if self.pseudo_positives < 0 or self.resamples < 0:
            wrong = "pseudo_positives" if self.pseudo_positives < 0 else "resamples"
            raise ConfigError(f"threshold.{wrong}={getattr(self, wrong)}: expected 0 or more")

    def fit(self, scores: ArrayLike, targets: ArrayLike) -> Floats:
        """Thresholds (L,) from scores (N, L) and targets (N, L); +inf for a tag with one class."""
        scores, targets = checked(scores, targets)
        num_tracks, num_tags = scores.shape
        drawn = draw_weights(np.random.default_rng(self.seed), self.resamples, num_tracks)
        weights = np.vstack([np.ones((1, num_tracks), drawn.dtype), drawn])
        order = np.argsort(-scores, axis=0, kind="stable")
        average = _average_recall(np.take_along_axis(targets, order, axis=0))
        thresholds = np.full(num_tags, np.inf)
        for tag in np.flatnonzero(targets.any(axis=0) & ~targets.all(axis=0)):
            ranks = order[:, tag]
            thresholds[tag] = self._threshold(scores[ranks, tag], targets[ranks, tag], weights[:, ranks], average)
        return thresholds

    def _threshold(self, ranked: Floats, hits: Booleans, weights: NDArray[np.int32], average: Floats) -> float:
        """The mean over resamples of one tag's best score; all arguments run from its highest score (N,) down."""
        found = np.cumsum(weights * hits, axis=1)
        positives = found[:, -1:]
        weights, found = weights[positives[:, 0] > 0], found[positives[:, 0] > 0]
        positives = found[:, -1:]
        share = (found + self.pseudo_positives * average) / (positives + self.pseudo_positives)  # recall, steadied
        f1 = 2 * share * positives / (np.cumsum(weights, axis=1) + positives)
        f1[:, :-1][:, ranked[:-1] == ranked[1:]] = 0  # no threshold lies inside a tie
        best = ranked[np.argmax(f1, axis=1)]
        return float(best[0] + (best - best[0]).mean())  # rounds to no other number where all resamples agree


def _average_recall(ranked_targets: Booleans) -> Floats:
    """Recall of the average tag when this many tracks are decided, (N,); tags without positives do not count."""
    found = np.cumsum(ranked_targets, axis=0, dtype=np.float64)
    has_any = found[-1] > 0
    return np.asarray((found[:, has_any] / found[-1, has_any]).mean(axis=1)) if has_any.any() else found[:, 0]
