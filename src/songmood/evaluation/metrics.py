"""The task's metrics, per tag, macro and micro, equal to scikit-learn's.

Conventions:
    * ROC-AUC is the trapezoid under the ROC curve; PR-AUC is average precision: precision times step in recall, summed.
    * Precision without a decision and F1 without a hit are 0, as in scikit-learn.
    * Micro pools all (track, tag) pairs, tags with one class included.

Deviations from the organisers' script (which calls scikit-learn):
    * A tag that has one class only is left out of every macro mean, and named. The script stops at such a tag for
      ROC-AUC; a tag without positives enters its other macro means as 0, so they are lower than ours. The task's own
      test set has no such tag: there the values are the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from songmood.errors import SubmissionError
from songmood.evaluation.curves import Booleans, Curves, Floats, Integers

AREAS = ("roc_auc", "pr_auc")
DECISION_METRICS = ("precision", "recall", "f1")


def roc_auc(scores: ArrayLike, targets: ArrayLike) -> Floats:
    """Area under each tag's ROC curve, (L,), from scores (N, L) and targets (N, L); NaN for a tag with one class.

    Raises:
        SubmissionError: see :meth:`~songmood.evaluation.curves.Curves.of`.
    """
    return roc_areas(Curves.of(scores, targets))


def average_precision(scores: ArrayLike, targets: ArrayLike) -> Floats:
    """Average precision of each tag, (L,), from scores (N, L) and targets (N, L); NaN for a tag with one class.

    Raises:
        SubmissionError: see :meth:`~songmood.evaluation.curves.Curves.of`.
    """
    return precision_recall_areas(Curves.of(scores, targets))


def roc_areas(curves: Curves) -> Floats:
    """Area under each ROC curve, (L,); NaN for a tag with one class."""
    width = _steps(curves.false_positives, curves.start)
    twice_height = 2 * curves.true_positives - _steps(curves.true_positives, curves.start)
    doubled = np.add.reduceat(width * twice_height, curves.start)
    return _where_both_classes(curves, doubled / (2.0 * curves.positives.clip(1) * curves.negatives.clip(1)))


def precision_recall_areas(curves: Curves) -> Floats:
    """Average precision from each tag's points, (L,); NaN for a tag with one class."""
    precision = curves.true_positives / (curves.true_positives + curves.false_positives)
    total = np.add.reduceat(_steps(curves.true_positives, curves.start) * precision, curves.start)
    return _where_both_classes(curves, total / curves.positives.clip(1))


def precision_recall_f1(hits: ArrayLike, decided: ArrayLike, positives: ArrayLike) -> dict[str, Floats]:
    """Precision, recall and F1 from counts of any shape; 0 where their denominator is 0."""
    hits, decided, positives = (np.asarray(count, dtype=np.float64) for count in (hits, decided, positives))
    return {
        "precision": hits / np.maximum(decided, 1),
        "recall": hits / np.maximum(positives, 1),
        "f1": 2 * hits / np.maximum(decided + positives, 1),
    }


@dataclass(frozen=True)
class Evaluation:
    """What a submission scores.

    Attributes:
        summary: `roc_auc_macro`, `pr_auc_macro` and, where there are decisions, `precision_macro`, `recall_macro`,
            `f1_macro`; the same with `_micro`. NaN where no tag, or no pair, has both classes.
        tags: for each tag `roc_auc`, `pr_auc` (NaN with one class), `positives` (a count); where there are decisions
            `precision`, `recall`, `f1`, `decided` (a count); where thresholds were given, `threshold`.
        left_out: the tags with one class, which the macro means leave out.
        num_tracks: the rows that were scored.
    """

    summary: dict[str, float]
    tags: dict[str, dict[str, float]]
    left_out: tuple[str, ...]
    num_tracks: int

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, the summary's keys at the top; null for what is undefined and for a threshold of +inf."""
        return {
            **_plain(self.summary),
            "num_tracks": self.num_tracks,
            "num_tags_scored": len(self.tags) - len(self.left_out),
            "left_out": list(self.left_out),
            "tags": {tag: _plain(values) for tag, values in self.tags.items()},
        }


def evaluate(
    scores: ArrayLike,
    targets: ArrayLike,
    decisions: ArrayLike | None = None,
    tags: Sequence[str] | None = None,
    thresholds: ArrayLike | None = None,
) -> Evaluation:
    """Score a submission.

    Args:
        scores: (N, L) finite, of any scale.
        targets: (N, L) of 0 and 1.
        decisions: (N, L) bool, or None to leave out precision, recall and F1.
        tags: L different names, in column order; None calls them "column 0" and on.
        thresholds: (L,), only reported beside the tag's values.

    Raises:
        SubmissionError: something has another shape, or values that are not allowed.

    Example:
        >>> scored = evaluate([[0.9, 0.3], [0.2, 0.8], [0.4, 0.1]], [[1, 1], [0, 1], [1, 0]], tags=["calm", "epic"])
        >>> scored.summary["roc_auc_macro"], scored.tags["epic"]["positives"]
        (1.0, 2)
    """
    curves = Curves.of(scores, targets)
    num_tags = len(curves.start)
    tags = column_names(num_tags) if tags is None else tags
    if len(tags) != num_tags or len(set(tags)) != num_tags:
        raise SubmissionError(f"{len(set(tags))} different tag names for {num_tags} columns: expected one for each")
    pooled = Curves.of(np.reshape(scores, (-1, 1)), np.reshape(targets, (-1, 1)))
    values, pooled_values = _areas(curves), _areas(pooled)
    counts: dict[str, Floats | Integers] = {"positives": curves.positives}
    if decisions is not None:
        hits, decided = _decision_counts(decisions, np.asarray(targets, dtype=bool))
        values |= precision_recall_f1(hits, decided, curves.positives)
        pooled_values |= precision_recall_f1(hits.sum(), decided.sum(), pooled.positives[0])
        counts["decided"] = decided
    if thresholds is not None:
        counts["threshold"] = np.broadcast_to(np.asarray(thresholds, dtype=np.float64), (num_tags,))
    both = curves.has_both_classes
    macro = {f"{name}_macro": float(v[both].mean()) if both.any() else np.nan for name, v in values.items()}
    micro = {f"{name}_micro": float(np.squeeze(v)) for name, v in pooled_values.items()}
    columns = values | counts
    return Evaluation(
        summary=macro | micro,
        tags={tag: {name: column[i].item() for name, column in columns.items()} for i, tag in enumerate(tags)},
        left_out=tuple(tag for tag, has_both in zip(tags, both, strict=True) if not has_both),
        num_tracks=len(np.asarray(scores)),
    )


def mean_over_tags(areas: Floats) -> float:
    """The mean of (L,) over the tags that have a value; NaN where none has."""
    defined = areas[~np.isnan(areas)]
    return float(defined.mean()) if len(defined) else np.nan


def column_names(num_tags: int) -> tuple[str, ...]:
    """What tags are called where nothing names them."""
    return tuple(f"column {number}" for number in range(num_tags))


def _areas(curves: Curves) -> dict[str, Floats]:
    return {"roc_auc": roc_areas(curves), "pr_auc": precision_recall_areas(curves)}


def _decision_counts(decisions: ArrayLike, targets: Booleans) -> tuple[Integers, Integers]:
    """How many decisions of each tag are right, and how many there are; both (L,)."""
    decisions = np.asarray(decisions)
    if decisions.shape != targets.shape:
        raise SubmissionError(f"decisions of shape {decisions.shape} do not fit targets of shape {targets.shape}")
    if decisions.dtype != np.bool_:
        raise SubmissionError(f"decisions of type {decisions.dtype}: expected bool")
    return np.count_nonzero(decisions & targets, axis=0), np.count_nonzero(decisions, axis=0)


def _steps(counts: Integers, start: Integers) -> Integers:
    """What each point adds to a count that starts at 0 for each tag."""
    steps = np.diff(counts, prepend=0)
    steps[start] = counts[start]
    return steps


def _where_both_classes(curves: Curves, values: Floats) -> Floats:
    return np.where(curves.has_both_classes, values, np.nan)


def _plain(values: dict[str, float]) -> dict[str, float | None]:
    return {name: value if np.isfinite(value) else None for name, value in values.items()}
