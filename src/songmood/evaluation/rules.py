"""Rules that fit a threshold for each tag: scores and targets in, thresholds (L,) out.

Rules choose among the scores that the fitting set holds, or +inf, so that fitting and then deciding gives back the very
point that was chosen. A tag with no positive or no negative in the fitting set gets +inf: it is never decided. Scores
and targets that do not fit each other, or hold values that are not allowed, are a `SubmissionError`.

Deviations from others' scripts:
    * The elbow's published script compares distances in floating point; here they are integers, and the last point
      among ties wins, which is what that script does where its arithmetic is exact.
    * `OrganisersF1` fits on `>=` and decides with `>`, as the organisers' script does, which costs each tag the track
      that lies at the threshold. It reproduces published decisions; fitted on the test set it flatters every F-score.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from songmood.errors import ConfigError
from songmood.evaluation.curves import Booleans, Curves, Floats, Integers


@dataclass(frozen=True)
class Elbow:
    """The paper's: the ROC point farthest, on either side, from the straight line through the curve's two ends.

    Example:
        >>> Elbow().fit([[0.9], [0.7], [0.4], [0.1]], [[1], [1], [0], [0]]).tolist()
        [0.7]
    """

    name: str = "elbow"

    def fit(self, scores: ArrayLike, targets: ArrayLike) -> Floats:
        """Thresholds (L,) from scores (N, L) and targets (N, L) of 0 and 1; +inf for a tag that is never decided."""
        return elbow_thresholds(Curves.of(scores, targets))


@dataclass(frozen=True)
class Youden:
    """The ROC point highest above the diagonal, or never where none is above it; the fewest decisions among ties."""

    name: str = "youden"

    def fit(self, scores: ArrayLike, targets: ArrayLike) -> Floats:
        """Thresholds (L,) from scores (N, L) and targets (N, L) of 0 and 1; +inf for a tag that is never decided."""
        curves = Curves.of(scores, targets)
        height = height_above_chord(curves)
        best = curves.best_points(height, last=False)
        return _thresholds_at(curves, best, height[best] > 0)


@dataclass(frozen=True)
class F1:
    """The largest F1 of each tag; the fewest decisions among ties. Noise where a tag has few positives."""

    name: str = "f1"

    def fit(self, scores: ArrayLike, targets: ArrayLike) -> Floats:
        """Thresholds (L,) from scores (N, L) and targets (N, L) of 0 and 1; +inf for a tag that is never decided."""
        curves = Curves.of(scores, targets)
        return _thresholds_at(curves, curves.best_points(f1_at_points(curves), last=False))


@dataclass(frozen=True)
class OrganisersF1:
    """The task organisers' script, to the bit: the largest F-score in their arithmetic, decided with `>`."""

    name: str = "organisers_f1"

    def fit(self, scores: ArrayLike, targets: ArrayLike) -> Floats:
        """Thresholds (L,) from scores (N, L) and targets (N, L) of 0 and 1; +inf for a tag that is never decided."""
        curves = Curves.of(scores, targets)
        precision = curves.true_positives / (curves.true_positives + curves.false_positives)
        recall = curves.true_positives / curves.per_point(curves.positives.clip(1))
        with np.errstate(invalid="ignore"):  # 0 / 0 is F = 0 in their script
            f_score = np.nan_to_num(2 * precision * recall / (precision + recall))
        best = curves.best_points(f_score, last=True)  # their curve runs upwards: its first is our last
        return np.nextafter(_thresholds_at(curves, best), np.inf)  # `score >= the next number` is `score > this one`


@dataclass(frozen=True)
class Prior:
    """As many decisions of each tag as its frequency says, or as near as ties allow, rather fewer than more.

    Attributes:
        frequencies: (L,) shares of tracks, in [0, 1], as of the training set; None takes the fitting set's own.
    """

    frequencies: tuple[float, ...] | None = None
    name: str = "prior"

    def fit(self, scores: ArrayLike, targets: ArrayLike) -> Floats:
        """Thresholds (L,) from scores (N, L) and targets (N, L) of 0 and 1; +inf for a tag that is never decided.

        Raises:
            ConfigError: there is not one frequency in [0, 1] for each tag.
        """
        curves = Curves.of(scores, targets)
        num_tracks = curves.positives + curves.negatives
        wanted = curves.positives.astype(np.float64)
        if self.frequencies is not None:
            shares = np.asarray(self.frequencies, dtype=np.float64)
            if shares.shape != wanted.shape or not ((shares >= 0) & (shares <= 1)).all():
                raise ConfigError(f"frequencies of shape {shares.shape}: expected {len(wanted)} shares in [0, 1]")
            wanted = shares * num_tracks
        off_by = np.abs(curves.true_positives + curves.false_positives - np.repeat(wanted, curves.num_points))
        best = curves.best_points(-off_by, last=False)
        beats_deciding_nothing = off_by[best] < wanted
        return _thresholds_at(curves, best, beats_deciding_nothing)


@dataclass(frozen=True)
class MicroF1:
    """One threshold for all tags, with the largest F1 of all (track, tag) pairs."""

    name: str = "micro_f1"

    def fit(self, scores: ArrayLike, targets: ArrayLike) -> Floats:
        """Thresholds (L,) from scores (N, L) and targets (N, L) of 0 and 1; +inf for a tag that is never decided."""
        curves = Curves.of(scores, targets)
        return _shared(curves, pooled_f1_threshold(scores, targets))


@dataclass(frozen=True)
class Fixed:
    """One given threshold for all tags.

    Attributes:
        value: a score in [0, 1].
    """

    value: float = 0.5
    name: str = "fixed"

    def __post_init__(self) -> None:
        if not 0 <= self.value <= 1:
            raise ConfigError(f"threshold.value={self.value}: expected a score in [0, 1]")

    def fit(self, scores: ArrayLike, targets: ArrayLike) -> Floats:
        """Thresholds (L,) from scores (N, L) and targets (N, L) of 0 and 1; +inf for a tag that is never decided."""
        return _shared(Curves.of(scores, targets), self.value)


def elbow_thresholds(curves: Curves) -> Floats:
    """Each tag's elbow, (L,): the point farthest from the chord, the last among ties; +inf for a tag with one class."""
    return _thresholds_at(curves, curves.best_points(np.abs(height_above_chord(curves)), last=True))


def height_above_chord(curves: Curves) -> Integers:
    """How far each point (K,) lies above the line from (0, 0) to (1, 1), negative below.

    In units that all points of a tag share: (TPR - FPR) times positives times negatives, which is an integer. The
    orthogonal distance is (TPR - FPR) / sqrt(2), so both have their largest value at the same point.
    """
    per_positive = curves.per_point(curves.negatives)
    per_negative = curves.per_point(curves.positives)
    return curves.true_positives * per_positive - curves.false_positives * per_negative


def f1_at_points(curves: Curves) -> Floats:
    """F1 of deciding at each point, (K,). Quotients of two integers, so equal ones tie exactly."""
    decided = curves.true_positives + curves.false_positives
    return 2 * curves.true_positives / (decided + curves.per_point(curves.positives))


def pooled_f1_threshold(scores: ArrayLike, targets: ArrayLike) -> float:
    """The one threshold with the largest F1 over all pairs of the tags that have both classes; +inf where none has."""
    both = Curves.of(scores, targets).has_both_classes
    if not both.any():
        return np.inf
    pooled = Curves.of(np.asarray(scores)[:, both].reshape(-1, 1), np.asarray(targets)[:, both].reshape(-1, 1))
    return float(pooled.score[np.argmax(f1_at_points(pooled))])


def _shared(curves: Curves, threshold: float) -> Floats:
    return np.where(curves.has_both_classes, threshold, np.inf)


def _thresholds_at(curves: Curves, points: Integers, worth_deciding: Booleans | bool = True) -> Floats:
    return np.where(curves.has_both_classes & worth_deciding, curves.score[points], np.inf)
