"""The callback that writes `metrics.csv`: one row per epoch, whole after a resumption."""

import csv
import io
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from songmood.evaluation.files import write_atomically
from songmood.training.tagger import Tagger

METRICS_CSV = "metrics.csv"
COLUMNS = ("train/loss", "validation/loss", "validation/roc_auc_macro", "validation/pr_auc_macro")


class History(pl.Callback):
    """Keeps each epoch's losses and areas in the checkpoint and in the run folder's `metrics.csv`.

    The rows travel in the checkpoint, so that a run that is resumed in another folder still has its first epochs.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / METRICS_CSV
        self.rows: list[dict[str, float]] = []
        self._has_validated = False

    def state_dict(self) -> dict[str, Any]:
        """Plain numbers, which `weights_only=True` reads back."""
        return {"rows": [dict(row) for row in self.rows]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the resumed run's rows."""
        self.rows = list(state_dict["rows"])

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Not in every epoch: what was logged in an earlier one stays among the metrics."""
        self._has_validated = not trainer.sanity_checking

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Add the epoch's row; validation was logged by now, the training loss is asked of the tagger itself."""
        assert isinstance(pl_module, Tagger)
        measured = {**trainer.callback_metrics, COLUMNS[0]: pl_module.train_loss.compute()}
        row = {"epoch": float(trainer.current_epoch + 1), "step": float(trainer.global_step)}
        names = [name for name in (COLUMNS if self._has_validated else COLUMNS[:1]) if name in measured]
        self.rows = [*self.rows, row | {name: float(measured[name]) for name in names}]
        self._has_validated = False
        if trainer.is_global_zero:
            self.write()

    def write(self) -> None:
        """Replace the file by the rows so far."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["epoch", "step", *COLUMNS])
        for row in self.rows:
            writer.writerow([int(row["epoch"]), int(row["step"]), *(row.get(name, "") for name in COLUMNS)])
        write_atomically(self.path, text.getvalue().encode())
