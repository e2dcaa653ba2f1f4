"""A tagger small enough to train in a blink, on windows of noise whose level says which tags they have."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch import nn

from songmood.evaluation.rules import Elbow
from songmood.loading.batch import Batch
from songmood.training.card import ModelCard
from songmood.training.checkpoints import AtomicCheckpointIO, EpochCheckpoints
from songmood.training.tagger import Tagger
from songmood.training.thresholding import ThresholdFitting

FRAMES = 12
NET = {
    "_target_": "songmood.models.crnn.build_crnn",
    "filters": [2, 3],
    "pools": [[8, 2], [4, 3]],
    "gru_width": 4,
    "hidden": 5,
}
CARD = ModelCard(
    tags=("calm", "loud"),
    features=(),
    mel={"sample_rate": 12_000},
    model=NET,
    windows={"window": FRAMES},
    threshold={"_target_": "songmood.evaluation.rules.Elbow"},
    seed=0,
    cache_fingerprint="",
)
SGD = partial(torch.optim.SGD, lr=0.05)


def batches(seed: int, *sizes: int) -> list[Batch]:
    """Windows in the order of their split, a track each."""
    random, first, made = torch.Generator().manual_seed(seed), 0, []
    for size in sizes:
        rows = torch.arange(first, first + size)
        target = torch.stack([rows % 2, rows % 3 == 0], dim=1).float()
        mel = torch.randn(size, 1, 96, FRAMES, generator=random) * 8 - 40 + 15 * target[:, :1, None, None]
        made.append(Batch(mel.half(), None, target, rows, rows))
        first += size
    return made


class Loader:
    """Batches, again and again; Lightning takes a list for several loaders."""

    def __init__(self, batches: list[Batch]) -> None:
        self.batches = batches

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Batch]:
        return iter(self.batches)


TRAIN, VALIDATION = batches(1, 8, 6), batches(2, 5, 4)


def tagger(loss: nn.Module | None = None, optimiser: Any = SGD, card: ModelCard = CARD, **parts: Any) -> Tagger:
    torch.manual_seed(0)
    return Tagger(card.make_net(), card, nn.BCEWithLogitsLoss() if loss is None else loss, optimiser, 3, **parts)


def trainer(folder: Path, *callbacks: pl.Callback, epochs: int = 2, **settings: Any) -> pl.Trainer:
    """As a run makes it: thresholds first, checkpoints last."""
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "num_sanity_val_steps": 0, "logger": False}
    return pl.Trainer(
        accelerator="cpu",
        max_epochs=epochs,
        default_root_dir=str(folder),
        callbacks=[ThresholdFitting(Elbow()), *callbacks, EpochCheckpoints(folder)],
        plugins=[AtomicCheckpointIO()],
        **(quiet | settings),
    )


def fit(
    tagger: Tagger, folder: Path, *callbacks: pl.Callback, resume: Path | None = None, **settings: Any
) -> pl.Trainer:
    made = trainer(folder, *callbacks, **settings)
    made.fit(tagger, Loader(TRAIN), Loader(VALIDATION), ckpt_path=resume, weights_only=True)
    return made


def same(one: dict[str, Any], other: dict[str, Any], names: Sequence[str] | None = None) -> bool:
    """Whether two state dicts are equal to the last bit, NaN included."""
    return one.keys() == other.keys() and all(
        torch.equal(one[name].nan_to_num(7.0), other[name].nan_to_num(7.0)) for name in names or one
    )


class KilledError(Exception):
    """Ends a training where nothing is left to be saved."""


class Kill(pl.Callback):
    """A kill in the middle of an epoch, counted from 0."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_train_batch_end(self, trainer: pl.Trainer, *args: Any) -> None:
        if trainer.current_epoch == self.epoch:
            raise KilledError
