"""What a run says on the terminal: its results, where they are, and nothing that libraries say of themselves."""

import logging
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

COLUMNS = {"roc_auc_macro": "ROC-AUC", "pr_auc_macro": "PR-AUC", "f1_micro": "F1 micro", "f1_macro": "F1 macro"}
SAYS_NOTHING = ("litlogger", "💡", "tpu available", "gpu available: false", "stopped: `max_epochs")


class _Silencer(logging.Filter):
    """Drops what Lightning logs for each Trainer and is not about this run: advertisements, absent hardware."""

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage().lower()
        return not any(phrase in message for phrase in SAYS_NOTHING)


def quiet_libraries() -> None:
    """Silence what says nothing about this run."""
    for name in ("pytorch_lightning.utilities.rank_zero", "lightning_fabric.utilities.rank_zero"):
        logger = logging.getLogger(name)
        if not any(isinstance(found, _Silencer) for found in logger.filters):
            logger.addFilter(_Silencer())
    warnings.filterwarnings("ignore", message=".*isinstance\\(treespec, LeafSpec\\).*")  # Lightning's, with torch 2.13
    # The windows are gathered in whole batches by the dataset itself: more workers than the config says do not help.
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")
    warnings.filterwarnings(
        "ignore", message=".*The number of training batches.*is smaller than the logging interval.*"
    )


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
        table.add_row(label, *(_number(summary.get(key)) for key in COLUMNS))
    console = Console()
    console.print(table)
    console.print(f"run folder  {folder}", soft_wrap=True)
    for picture in sorted(folder.glob("*.png")):
        console.print(f"picture     {picture}", soft_wrap=True)


def _number(value: Any) -> str:
    return "-" if value is None else f"{value:.4f}"
