"""The callback that keeps checkpoints: the last epoch's at any moment, and those of the epochs that are reported."""

import logging
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from lightning_fabric.utilities.types import _PATH
from pytorch_lightning.callbacks import Checkpoint
from pytorch_lightning.plugins.io import TorchCheckpointIO
from torch import Tensor

from songmood.training.best import Best

log = logging.getLogger(__name__)

LAST, BEST = "last.ckpt", "best.ckpt"


class AtomicCheckpointIO(TorchCheckpointIO):
    """A checkpoint is whole or not there: written beside its place, forced to disk, then renamed."""

    def save_checkpoint(self, checkpoint: dict[str, object], path: _PATH, storage_options: object = None) -> None:
        """Write `checkpoint` to `path`."""
        partial = Path(f"{path}.partial")
        super().save_checkpoint(checkpoint, partial, storage_options)
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(path)


class EpochCheckpoints(Checkpoint):
    """Saves `last.ckpt` before the first step and after every epoch, `epoch-08.ckpt` after epoch 8, and the best one.

    Lightning calls checkpoint callbacks last, so that an epoch's file holds the thresholds of that epoch. A run that is
    killed, however, goes on from the start of the epoch that it was in. Only plateau schedulers move after that call:
    what they are about to look at is kept, and shown to them when a run goes on.

    Args:
        folder: where the files go.
        report_epochs: the epochs, counted from 1, whose checkpoints are kept.
        best_by: the metric of validation by whose best value a checkpoint is kept as `best.ckpt`; None for none.
    """

    def __init__(self, folder: Path, report_epochs: Sequence[int] = (), best_by: str | None = None) -> None:
        self.folder = folder
        self.report_epochs = tuple(report_epochs)
        self._best = None if best_by is None else Best(best_by)
        self._unseen: dict[int, float] = {}  # by plateau schedulers, counted as the trainer has them

    @property
    def scored(self) -> Path:
        """The checkpoint that the run's results are of: the best epoch's where there is one, else the last."""
        best = self.folder / BEST
        return best if self._best is not None and best.is_file() else self.folder / LAST

    def state_dict(self) -> dict[str, Any]:
        """The best value so far, and what plateau schedulers have not seen yet."""
        best = {} if self._best is None else {"best": self._best.value}
        return best | ({"unseen": self._unseen} if self._unseen else {})

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from there."""
        if self._best is not None:
            self._best.value = state_dict.get("best")
        self._unseen = state_dict.get("unseen", {})

    def path(self, epoch: int) -> Path:
        """Where the checkpoint of a reported epoch, counted from 1, lies."""
        return self.folder / f"epoch-{epoch:02d}.ckpt"

    def kept(self, num_epochs: int) -> dict[int, Path]:
        """The reported epochs before the last whose checkpoints are there, and where."""
        earlier = sorted({epoch for epoch in self.report_epochs if epoch < num_epochs})
        return {epoch: self.path(epoch) for epoch in earlier if self.path(epoch).is_file()}

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Even a run that dies in its first epoch can go on; a resumed one has its past beside it."""
        if trainer.ckpt_path is not None and trainer.is_global_zero:
            self._take_over(Path(trainer.ckpt_path).parent, trainer.current_epoch)
        for number, value in self._unseen.items():
            pl_module.lr_scheduler_step(trainer.lr_scheduler_configs[number].scheduler, value)
        self._unseen = {}
        # Saving is a meeting of all processes: one that asked later would find the first one's file and stay away.
        if trainer.strategy.broadcast(not (self.folder / LAST).exists()):
            trainer.save_checkpoint(self.folder / LAST, weights_only=False)

    def _take_over(self, resumed: Path, epochs_done: int) -> None:
        """Copy the best epoch and the reported ones that the resumed run has behind it."""
        behind = [epoch for epoch in self.report_epochs if epoch <= epochs_done]
        best = [] if self._best is None else [self.folder / BEST]
        for target in (*best, *map(self.path, behind)):
            source = resumed / target.name
            if source.is_file() and not target.exists():
                self.folder.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target)
        for epoch in behind:
            if not self.path(epoch).exists():
                log.warning("no checkpoint of epoch %d beside the one that is resumed: its results are left out", epoch)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """After validation, fitting and logging."""
        epoch = trainer.current_epoch + 1
        self._unseen = _seen_next(trainer)
        if epoch in self.report_epochs:
            trainer.save_checkpoint(self.path(epoch), weights_only=False)
        if self._best is not None and self._best.is_beaten(trainer):
            trainer.save_checkpoint(self.folder / BEST, weights_only=False)
        trainer.save_checkpoint(self.folder / LAST, weights_only=False)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Weights may have been averaged since the last epoch's end."""
        if trainer.is_global_zero:
            if self._best is not None and self.scored.name == LAST:
                log.warning("score=best: no epoch had a %s to go by: the last one is scored", self._best.metric)
            keep_state(self.folder / LAST, pl_module.state_dict())
        trainer.strategy.barrier()


def _seen_next(trainer: pl.Trainer) -> dict[int, float]:
    """What Lightning shows each plateau scheduler once an epoch has been saved, and not again to a run that goes on."""
    if not trainer.fit_loop.epoch_loop._num_ready_batches_reached():
        return {}
    epoch, metrics = trainer.current_epoch + 1, trainer.callback_metrics
    return {
        number: float(metrics[str(config.monitor)])
        for number, config in enumerate(trainer.lr_scheduler_configs)
        if config.reduce_on_plateau and config.interval == "epoch" and epoch % config.frequency == 0
        if config.monitor in metrics
    }


def keep_state(path: Path, state: Mapping[str, Tensor]) -> None:
    """Put a tagger's weights and thresholds into a checkpoint where they are others, so that it holds what is scored.

    They are others where training ended between two validations, whose thresholds the final one fits, and where weights
    were averaged at the very end.
    """
    checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    kept = checkpoint["state_dict"]
    now = {name: value.detach().cpu() for name, value in state.items()}
    if all(name in kept and torch.equal(value.nan_to_num(), kept[name].nan_to_num()) for name, value in now.items()):
        return
    checkpoint["state_dict"] = kept | now
    AtomicCheckpointIO().save_checkpoint(checkpoint, path)
