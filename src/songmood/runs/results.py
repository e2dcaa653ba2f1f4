"""What a run leaves behind: scores, decisions, thresholds, metrics, in the run folder's layout."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from songmood.evaluation.files import write_atomically
from songmood.evaluation.metrics import evaluate
from songmood.evaluation.submission import TARGETS, write_matrix, write_submission
from songmood.evaluation.thresholds import decide, write_thresholds
from songmood.training.scores import SplitScores


@dataclass(frozen=True)
class Thresholds:
    """Fitted thresholds and where they are from.

    Attributes:
        values: (L,), +inf for a tag that is never decided.
        positives: (L,) positive rows of each tag in the fitting set; None where the fitting set is not at hand.
        negatives: (L,) likewise.
        rule: the rule's name.
        fitted_on: the fitting set, such as ``validation``.
    """

    values: NDArray[np.float64]
    rule: str
    fitted_on: str
    positives: NDArray[np.int64] | None = None
    negatives: NDArray[np.int64] | None = None

    def rows(self, tags: Sequence[str]) -> list[list[Any]]:
        """(tag, threshold, positives, negatives) for a table."""
        unknown = [None] * len(tags)
        positives = unknown if self.positives is None else self.positives.tolist()
        negatives = unknown if self.negatives is None else self.negatives.tolist()
        return [list(row) for row in zip(tags, self.values.tolist(), positives, negatives, strict=True)]


def write_split(
    folder: Path, split: SplitScores, thresholds: Thresholds, tags: Sequence[str], track_ids: Sequence[str]
) -> dict[str, Any]:
    """Write one split's matrices and return its part of `metrics.json`.

    Args:
        folder: gets `predictions.npy`, `decisions.npy`, `targets.npy` and `tracks.txt`.
        split: rows to score and to write.
        thresholds: to decide with.
        tags: (L,) column names.
        track_ids: the split's tracks; `split.track` indexes it.
    """
    decisions = decide(split.scores, thresholds.values)
    write_submission(folder, split.scores, decisions)
    write_matrix(folder / TARGETS, split.targets)
    write_lines(folder / "tracks.txt", [track_ids[row] for row in split.track])
    scored = evaluate(split.scores, split.targets, decisions, tags).to_dict()
    return {**scored, "thresholds_fitted_on": thresholds.fitted_on}


def write_run(folder: Path, metrics: dict[str, Any], thresholds: Thresholds, tags: Sequence[str]) -> None:
    """Write what belongs to the run as a whole: `metrics.json` last, which marks the results as complete."""
    write_lines(folder / "tags.txt", list(tags))
    if thresholds.positives is not None and thresholds.negatives is not None:
        write_thresholds(
            folder / "thresholds.tsv",
            tags,
            thresholds.values,
            thresholds.positives,
            thresholds.negatives,
            thresholds.rule,
            thresholds.fitted_on,
        )
    write_json(folder / "metrics.json", metrics)


def write_lines(path: Path, lines: Sequence[str]) -> None:
    """A line each."""
    write_atomically(path, "".join(f"{line}\n" for line in lines).encode())


def write_json(path: Path, content: Any) -> None:
    """Readable JSON; NaN and infinity become null, which other languages can read."""
    write_atomically(path, (json.dumps(_finite(content), indent=2, allow_nan=False) + "\n").encode())


def _finite(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: _finite(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_finite(value) for value in content]
    if isinstance(content, float) and not np.isfinite(content):
        return None
    return content
