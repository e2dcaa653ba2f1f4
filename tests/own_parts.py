"""What a user might put in from a package of their own: each small, each by `_target_`."""

from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from songmood.corpora.folder import FolderCorpus
from songmood.loading.datamodule import MoodDataModule
from songmood.training.tagger import Tagger


class Net(nn.Module):
    """The mean over time, then one layer."""

    uses_features, min_frames = False, 1

    def __init__(self, num_tags: int, num_features: int, scale: float = 0.02) -> None:
        super().__init__()
        self.scale = scale
        self.dense = nn.Linear(96, num_tags)

    def forward(self, mel: Tensor, features: Tensor | None) -> Tensor:
        return self.dense(mel.squeeze(1).mean(dim=2) * self.scale)


class Bare(nn.Module):
    """Lacks what songmood asks of a net."""

    def __init__(self, num_tags: int, num_features: int) -> None:
        super().__init__()


class Margin(nn.Module):
    """A loss with a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("weight", torch.tensor(2.0))

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        return self.weight * (logits * (1 - 2 * target)).exp().log1p().mean()


class Louder(nn.Module):
    """An augmentation."""

    def forward(self, mel: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        return mel + 3.0, target


class Rule:
    """Decides above the mean score of each tag."""

    name = "mean"

    def fit(self, scores: ArrayLike, targets: ArrayLike) -> NDArray[np.float64]:
        return np.asarray(scores, dtype=np.float64).mean(axis=0)


class Counter(pl.Callback):
    """Counts epochs, and keeps the count in the checkpoint."""

    seen: list[int] = []  # noqa: RUF012 - for the test to look at

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.seen.append(trainer.current_epoch)


class SeenTracks(pl.Callback):
    """Notes which tracks each epoch trained on, in which order."""

    def __init__(self) -> None:
        self.epochs: list[list[int]] = []

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.epochs.append([])

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, index: int) -> None:
        self.epochs[-1] += batch.track.tolist()

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        text = "".join(f"{epoch}\n" for epoch in self.epochs)
        Path(trainer.default_root_dir, "seen.txt").write_text(text)


class Corpus(FolderCorpus):
    """A corpus."""


class Data(MoodDataModule):
    """A data module."""


class Weighted(Tagger):
    """A tagger that weighs its loss."""

    def __init__(self, *args: Any, weight: float = 1.0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.weight = weight

    def training_step(self, batch: Any, batch_index: int) -> Tensor:
        return self.weight * super().training_step(batch, batch_index)
