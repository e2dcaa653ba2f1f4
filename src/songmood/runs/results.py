"""What a run leaves behind: scores, decisions, thresholds, metrics, in the run folder's layout; curves are read back.

No torch is imported here: the report reads what is here without it.
"""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from songmood.errors import RunFolderError
from songmood.evaluation.files import write_atomically
from songmood.evaluation.metrics import evaluate
from songmood.evaluation.submission import TARGETS, write_matrix, write_submission
from songmood.evaluation.thresholds import decide, write_thresholds

if TYPE_CHECKING:
    import pytorch_lightning as pl

    from songmood.training.scores import SplitScores
    from songmood.training.tagger import Tagger

Series = dict[str, tuple[list[int], list[float]]]

COLUMNS = {"roc_auc_macro": "ROC-AUC", "pr_auc_macro": "PR-AUC", "f1_micro": "F1 micro", "f1_macro": "F1 macro"}


def score_validation(trainer: "pl.Trainer", tagger: "Tagger", data: "pl.LightningDataModule") -> "SplitScores":
    """The validation windows, as thresholds are fitted on them; every process must call it."""
    trainer.validate(tagger, datamodule=data, verbose=False)
    return tagger.validation_scores()


def score_test(trainer: "pl.Trainer", tagger: "Tagger", data: "pl.LightningDataModule") -> "SplitScores":
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
        targets: (M, L) of the fitting set; None where it is not at hand.
    """

    values: NDArray[np.float64]
    rule: str
    fitted_on: str = "validation"
    targets: NDArray[np.bool_] | None = None

    @classmethod
    def of(cls, tagger: "Tagger", rule: str, validation: "SplitScores | None" = None) -> "Thresholds":
        """A tagger's, with the set that they were fitted on where it is at hand."""
        values: NDArray[np.float64] = tagger.thresholds.cpu().double().numpy()
        return cls(values, rule, targets=validation.targets if validation else None)

    @property
    def counts(self) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
        """Positive and negative rows of each tag in the fitting set, (L,) each."""
        if self.targets is None:
            return None
        positives = self.targets.sum(axis=0, dtype=np.int64)
        return positives, len(self.targets) - positives


def write_results(
    folder: Path,
    splits: "Mapping[str, SplitScores]",
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
    if counts := thresholds.counts:
        path = folder / "thresholds.tsv"
        write_thresholds(path, tags, thresholds.values, *counts, thresholds.rule, thresholds.fitted_on)
    write_json(folder / "metrics.json", metrics)
    return metrics


def write_json(path: Path, content: Any) -> None:
    """Readable JSON; NaN and infinity become null, which other languages can read."""
    write_atomically(path, (json.dumps(_finite(content), indent=2, allow_nan=False) + "\n").encode())


def read_series(metrics_csv: Path) -> Series:
    """Each column of a `metrics.csv` as its epochs and values, both of the same length.

    Empty cells, as of a logger that writes a row per split, are passed over.

    Raises:
        RunFolderError: the file is missing, has no epoch, or holds an entry that is no number.
    """
    series: Series = {}
    try:
        with metrics_csv.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file, restkey="surplus", restval=""):
                for name, value in row.items():
                    if name not in ("epoch", "step") and value != "":
                        epochs, values = series.setdefault(name, ([], []))
                        epochs.append(int(row["epoch"]))
                        values.append(float(value))
    except OSError as error:
        raise RunFolderError(f"{metrics_csv}: cannot be read ({error.strerror}); training writes it") from error
    except (KeyError, ValueError, TypeError, csv.Error) as error:
        raise RunFolderError(f"{metrics_csv}: {error}; expected numbers in columns, one of them `epoch`") from error
    if not series:
        raise RunFolderError(f"{metrics_csv}: no epoch is in it; was the run stopped before its first was over?")
    return series


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
    console = Console(markup=False, emoji=False)  # names are shown as they are: a sweep's job is augment=[mixup,noise]
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
