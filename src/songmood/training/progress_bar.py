"""The progress bar of a run: which epoch, how far, the loss and the ROC-AUC, in eighty columns."""

from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import RichProgressBar

SHOWN = {"train/loss": "loss", "validation/roc_auc_macro": "ROC-AUC"}


class RunProgressBar(RichProgressBar):
    """Lightning's, with short names and without the loggers' version numbers."""

    def get_metrics(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> dict[str, Any]:
        """What stands at the end of the line."""
        known = super().get_metrics(trainer, pl_module)
        return {short: known[name] for name, short in SHOWN.items() if name in known}
