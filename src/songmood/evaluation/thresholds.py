"""Decision thresholds: applying, writing and reading them.

A tag is decided where `score >= threshold`, which is what a point of a ROC curve means; +inf never decides. The paper's
published script fits on `>=` and decides with `>`, so it loses the track at the threshold itself: one decision a tag.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from songmood.errors import SubmissionError
from songmood.evaluation.curves import Booleans, Floats
from songmood.evaluation.files import write_atomically

COLUMNS = ("tag", "threshold", "positives", "negatives", "rule", "fitted_on")


def decide(scores: ArrayLike, thresholds: ArrayLike) -> Booleans:
    """Which tags each track gets, (N, L) bool: `score >= threshold`.

    Args:
        scores: (N, L).
        thresholds: (L,), +inf for a tag that is never decided.

    Raises:
        SubmissionError: another number of thresholds than of tags, or a threshold that is NaN, which is: not fitted.

    Example:
        >>> decide([[0.9, 0.2], [0.5, 0.8]], [0.5, float("inf")]).tolist()
        [[True, False], [True, False]]
    """
    scores, thresholds = np.asarray(scores, dtype=np.float64), np.asarray(thresholds, dtype=np.float64)
    if scores.ndim != 2 or thresholds.shape != scores.shape[1:]:
        raise SubmissionError(f"thresholds of shape {thresholds.shape} do not fit scores of shape {scores.shape}")
    if np.isnan(thresholds).any():
        raise SubmissionError(f"{int(np.isnan(thresholds).sum())} thresholds are NaN: fit them before deciding")
    return scores >= thresholds


def is_oracle(fitting_scores: Floats, scores: Floats) -> bool:
    """Whether a rule fitted on some scores would decide tracks that it has seen, in whatever order or company.

    A baseline that scores all tracks alike tells nothing by its rows: there the two matrices themselves must be equal.
    """
    if np.array_equal(fitting_scores, scores):
        return True
    if fitting_scores.shape[1:] != scores.shape[1:]:
        return False
    seen, rows = ({row.tobytes() for row in matrix + 0.0} for matrix in (fitting_scores, scores))  # -0.0 is 0.0
    return len(rows) > 1 and rows <= seen


class ThresholdRule(Protocol):
    """What fits thresholds."""

    @property
    def name(self) -> str:
        """What `thresholds.tsv` calls the rule."""

    def fit(self, scores: ArrayLike, targets: ArrayLike) -> Floats:
        """Thresholds (L,) from scores (N, L) and targets (N, L); +inf for a tag that is never decided."""


@dataclass(frozen=True)
class ThresholdTable:
    """What `thresholds.tsv` says; each attribute has one entry a tag.

    Attributes:
        tags: in column order.
        thresholds: (L,), +inf for never.
        positives: in the set on which they were fitted.
        negatives: the same for tracks without the tag.
        rule: which rule fitted it.
        fitted_on: the set, such as "validation" or, where it is the set that is scored, "test (oracle)".
    """

    tags: tuple[str, ...]
    thresholds: Floats
    positives: tuple[int, ...]
    negatives: tuple[int, ...]
    rule: tuple[str, ...]
    fitted_on: tuple[str, ...]


def write_thresholds(
    path: Path,
    tags: Sequence[str],
    thresholds: ArrayLike,
    positives: ArrayLike,
    negatives: ArrayLike,
    rule: str,
    fitted_on: str,
) -> None:
    """Write `thresholds.tsv`, every threshold with the digits that read back to the same number."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter="\t", lineterminator="\n")
    writer.writerow(COLUMNS)
    columns = (np.asarray(thresholds, dtype=np.float64), np.asarray(positives), np.asarray(negatives))
    for tag, threshold, with_tag, without in zip(tags, *(c.tolist() for c in columns), strict=True):
        writer.writerow((tag, repr(threshold), int(with_tag), int(without), rule, fitted_on))
    write_atomically(path, text.getvalue().encode())


def read_thresholds(path: Path) -> ThresholdTable:
    """Read what :func:`write_thresholds` wrote.

    Raises:
        SubmissionError: the file is missing, has other columns or an entry that is no number.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            header, *rows = list(csv.reader(file, delimiter="\t")) or [[]]
    except (OSError, UnicodeDecodeError) as error:
        raise SubmissionError(f"{path}: cannot be read ({error}); `songmood thresholds` writes such a file") from error
    if tuple(header) != COLUMNS:
        raise SubmissionError(f"{path}: the columns are {header}, expected {list(COLUMNS)}")
    for line, row in enumerate(rows, start=2):
        if len(row) != len(COLUMNS):
            raise SubmissionError(f"{path}:{line}: {len(row)} fields, expected {len(COLUMNS)}")
    tags, thresholds, positives, negatives, rule, fitted_on = zip(*rows, strict=True) if rows else ((),) * len(COLUMNS)
    try:
        return ThresholdTable(
            tags,
            np.array([float(value) for value in thresholds]),
            tuple(int(value) for value in positives),
            tuple(int(value) for value in negatives),
            rule,
            fitted_on,
        )
    except ValueError as error:
        raise SubmissionError(f"{path}: {error}; expected numbers") from error
