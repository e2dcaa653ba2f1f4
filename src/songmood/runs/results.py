"""What a run leaves behind: scores, decisions, thresholds, metrics, in the run folder's layout."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
from numpy.typing import NDArray

from songmood.evaluation.files import write_atomically
from songmood.evaluation.metrics import evaluate
from songmood.evaluation.submission import TARGETS, write_matrix, write_submission
from songmood.evaluation.thresholds import decide, write_thresholds
from songmood.training.scores import SplitScores
from songmood.training.tagger import Tagger

COLUMNS = {"roc_auc_macro": "ROC-AUC", "pr_auc_macro": "PR-AUC", "f1_micro": "F1 micro", "f1_macro": "F1 macro"}


def score_validation(trainer: pl.Trainer, tagger: Tagger, data: pl.LightningDataModule) -> SplitScores:
    """The validation windows, as thresholds are fitted on them; every process must call it."""
    trainer.validate(tagger, datamodule=data, verbose=False)
    return tagger.validation_scores()


def score_test(trainer: pl.Trainer, tagger: Tagger, data: pl.LightningDataModule) -> SplitScores:
    """The windows of the test split; every process must call it."""
    trainer.test(tagger, datamodule=data, verbose=False)
    return tagger.collected.gather()


@dataclass(frozen=True)
class Thresholds:
    """Fitted thresholds and where they are from.

    Attributes:
        values: (L,), +inf for a tag that is never decided.
        rule: the rule's name.
        fitted_on: the fitting set, such as ``validation``.
        positives: (L,) positive rows of each tag in the fitting set; None where the fitting set is not at hand.
        negatives: (L,) likewise.
    """

    values: NDArray[np.float64]
    rule: str
    fitted_on: str = "validation"
    positives: NDArray[np.int64] | None = None
    negatives: NDArray[np.int64] | None = None

    @classmethod
    def of(cls, tagger: Tagger, rule: str, validation: SplitScores | None = None) -> "Thresholds":
        """A tagger's, with the counts of the set that they were fitted on where it is at hand."""
        values: NDArray[np.float64] = tagger.thresholds.cpu().double().numpy()
        if validation is None:
            return cls(values, rule)
        positives = validation.targets.sum(axis=0, dtype=np.int64)
        return cls(values, rule, "validation", positives, len(validation.targets) - positives)

    def rows(self, tags: Sequence[str]) -> list[list[Any]]:
        """(tag, threshold, positives, negatives) for a table."""
        unknown = [None] * len(tags)
        positives = unknown if self.positives is None else self.positives.tolist()
        negatives = unknown if self.negatives is None else self.negatives.tolist()
        return [list(row) for row in zip(tags, self.values.tolist(), positives, negatives, strict=True)]


def write_results(
    folder: Path,
    splits: Mapping[str, SplitScores],
    thresholds: Thresholds,
    tags: Sequence[str],
    track_ids: Mapping[str, Sequence[str]],
) -> dict[str, Any]:
    """Write what was scored; `metrics.json` comes last, which marks the results as complete.

    Args:
        folder: gets `predictions.npy`, `decisions.npy`, `targets.npy` and `tracks.txt` of the last split, and a
            folder with those of each split before it.
        splits: rows to score and to write.
        thresholds: to decide with.
        tags: (L,) column names.
        track_ids: each split's tracks; `SplitScores.track` indexes them.

    Returns:
        The content of `metrics.json`.
    """
    metrics: dict[str, Any] = {}
    for number, (name, split) in enumerate(splits.items(), 1):
        place = folder if number == len(splits) else folder / name
        decisions = decide(split.scores, thresholds.values)
        write_submission(place, split.scores, decisions)
        write_matrix(place / TARGETS, split.targets)
        _write_lines(place / "tracks.txt", [track_ids[name][row] for row in split.track])
        scored = evaluate(split.scores, split.targets, decisions, tags).to_dict()
        metrics[name] = {**scored, "thresholds_fitted_on": thresholds.fitted_on}
    _write_lines(folder / "tags.txt", tags)
    if thresholds.positives is not None and thresholds.negatives is not None:
        counts = (thresholds.positives, thresholds.negatives)
        path = folder / "thresholds.tsv"
        write_thresholds(path, tags, thresholds.values, *counts, thresholds.rule, thresholds.fitted_on)
    write_json(folder / "metrics.json", metrics)
    return metrics


def write_json(path: Path, content: Any) -> None:
    """Readable JSON; NaN and infinity become null, which other languages can read."""
    write_atomically(path, (json.dumps(_finite(content), indent=2, allow_nan=False) + "\n").encode())


def announce(folder: Path, name: str, metrics: Mapping[str, Any], rows: Mapping[str, Mapping[str, Any]]) -> None:
    """Print the results table and where the run folder and its pictures are.

    Args:
        folder: the run folder.
        name: of the run.
        metrics: `metrics.json`'s content.
        rows: summaries of the test split, such as of epoch 8, by label; shown above the last epoch's.
    """
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{name}: results", title_justify="left")
    for heading in ("", *COLUMNS.values()):
        table.add_column(heading, justify="right" if heading else "left")
    summaries = {**metrics, **rows}
    if "test" in summaries:
        summaries["test"] = summaries.pop("test")  # to the end: the result
    for label, summary in summaries.items():
        values = (summary.get(key) for key in COLUMNS)
        table.add_row(label, *("-" if value is None else f"{value:.4f}" for value in values))
    console = Console()
    console.print(table)
    console.print(f"run folder  {folder}", soft_wrap=True)
    for picture in sorted(folder.glob("*.png")):
        console.print(f"picture     {picture}", soft_wrap=True)


def _write_lines(path: Path, lines: Sequence[str]) -> None:
    write_atomically(path, "".join(f"{line}\n" for line in lines).encode())


def _finite(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: _finite(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_finite(value) for value in content]
    if isinstance(content, float) and not np.isfinite(content):
        return None
    return content
