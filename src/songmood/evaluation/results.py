"""The organisers' results file: their rows, order, names and six decimals."""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from songmood.evaluation.files import write_atomically

Value = TypeVar("Value")

ROWS = {
    "roc_auc": "ROC-AUC",
    "pr_auc": "PR-AUC",
    "precision": "precision",
    "recall": "recall",
    "f1": "F-score",
}


def organisers_rows(summary: Mapping[str, Value]) -> dict[str, Value]:
    """The summary under the organisers' names and in their order; without decisions, the four areas only."""
    return {
        f"{theirs}-{average}": summary[f"{ours}_{average}"]
        for average in ("macro", "micro")
        for ours, theirs in ROWS.items()
        if f"{ours}_{average}" in summary
    }


def write_results(path: Path, summary: Mapping[str, float]) -> None:
    """Write name, tab, value, as the organisers' script does."""
    lines = [f"{name}\t{value:.6f}\n" for name, value in organisers_rows(summary).items()]
    write_atomically(path, "".join(lines).encode())
