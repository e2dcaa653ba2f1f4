"""The composition root: a plain configuration becomes the objects of a run; below it there are only objects."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import pytorch_lightning as pl
import torch
from lightning_fabric.utilities.exceptions import MisconfigurationException
from pytorch_lightning.callbacks import BatchSizeFinder, LearningRateFinder, ModelPruning
from pytorch_lightning.loggers import Logger
from pytorch_lightning.strategies.launchers import _MultiProcessingLauncher
from torch import nn

from songmood.cache.read import MelCache
from songmood.config import build
from songmood.corpora.corpus import Corpus
from songmood.errors import CheckpointError, ConfigError
from songmood.evaluation.thresholds import ThresholdRule
from songmood.loading.datamodule import MoodDataModule
from songmood.loading.settings import DataSettings
from songmood.models.augment.mixup import Mixup
from songmood.runs.processes import prepare_process
from songmood.runs.settings import check_settings
from songmood.training.averaging import LastEpochsMean
from songmood.training.card import ModelCard
from songmood.training.checkpoints import AtomicCheckpointIO, EpochCheckpoints
from songmood.training.history import History
from songmood.training.optimisation import OptimiserFactory
from songmood.training.speed import Speed, device_of
from songmood.training.tagger import Tagger
from songmood.training.thresholding import ThresholdFitting
from songmood.training.trust import require_plain

Made = TypeVar("Made")

REFUSED: dict[type[pl.Callback], str] = {  # callbacks that a run cannot have, and why
    LearningRateFinder: "would train at a rate that no configuration says; sweep it, as -m optimizer.lr=1e-4,1e-3",
    BatchSizeFinder: "would train in batches that no configuration says; sweep them, as -m data.batch_size=32,64",
    ModelPruning: "renames the weights, so that no checkpoint could be scored",
}

FOR_STATISTICS = 500  # batches of the first epoch that inputs are standardised by


@dataclass(frozen=True)
class Run:
    """The objects of one training run.

    Attributes:
        name: what tables and trackers call it.
        folder: the run folder.
        config: what it was composed from.
        rule: fits the thresholds.
        checkpoints: the callback that keeps them.
        loggers: where Lightning logs.
        trainer: Lightning's.
        corpus: which tracks, tags and splits.
        data: the windows.
        tagger: the net with its loss, optimiser and thresholds.
    """

    name: str
    folder: Path
    config: Mapping[str, Any]
    rule: ThresholdRule
    checkpoints: EpochCheckpoints
    loggers: Sequence[Logger]
    trainer: pl.Trainer
    corpus: Corpus
    data: MoodDataModule
    tagger: Tagger


def compose(config: Mapping[str, Any], folder: Path) -> Run:
    """Make every object of a training run; what is quick to refuse is refused before the cache is opened or built.

    Args:
        config: `conf/train.yaml` with its overrides, as plain types.
        folder: the run folder.

    Raises:
        SongmoodError: for what the user can mend.
    """
    check_settings(config)
    prepare_process(config["threads"])
    speed = Speed(**config["speed"]).on(device_of(config["trainer"]["accelerator"]))
    speed.prepare_process()

    rule: ThresholdRule = build(config["threshold"])
    best_by = config["best_by"] if config["score"] == "best" else None
    checkpoints = EpochCheckpoints(folder / "checkpoints", config["report_epochs"], best_by)
    own = make_each(config, "callbacks", pl.Callback)
    averaging = [build(config["averaging"])] if config["averaging"] else []
    callbacks = [ThresholdFitting(rule), *own, *averaging, History(folder), checkpoints]
    loggers = make_each(config, "logger", Logger)  # type: ignore[type-abstract]
    trainer = make_trainer(config["trainer"], speed, folder, callbacks, loggers)

    corpus: Corpus = build(config["corpus"])
    pl.seed_everything(config["seed"], workers=True, verbose=False)
    card = make_card(config, corpus)
    net = card.make_net()
    card = card if net.uses_features else replace(card, features=())
    check_windows(config["data"], net)
    if config["ckpt_path"] is not None:
        card.check_resumable(Path(config["ckpt_path"]))
    parts = {name: build(config[name]) for name in ("loss", "augment", "scheduler") if config[name]}
    check_recipe(config, net, parts.get("augment"), averaging)
    is_clipping = bool(config["trainer"].get("gradient_clip_val"))
    optimiser = speed.optimiser(build(config["optimizer"]), clips_gradients=is_clipping)
    require_optimiser(optimiser, net)

    cache = corpus.open()  # from here on it may take long
    data = make_data(config, corpus, cache)
    if net.uses_features:
        corpus.check_features(cache)
    fit_statistics(net, parts.get("loss"), data)
    speed.prepare(net)
    card = replace(card, cache_fingerprint=cache.fingerprint)
    tagger = build(config["tagger"], net=net, card=card, optimiser=optimiser, seed=config["seed"], **parts)
    return Run(config["name"], folder, config, rule, checkpoints, loggers, trainer, corpus, data, tagger)


def make_each(config: Mapping[str, Any], group: str, kind: type[Made]) -> list[Made]:
    """The callbacks, or the loggers, that a group names; null takes one away.

    Raises:
        ConfigError: for what is none, or for a callback that no run can have.
    """
    made = {name: build(node) for name, node in (config[group] or {}).items() if node is not None}
    for name, one in made.items():
        if not isinstance(one, kind):
            found = f"{type(one).__module__}.{type(one).__qualname__}"
            raise ConfigError(f"{group}.{name} is a {found}; expected a {kind.__name__} of Lightning's")
        for refused, reason in REFUSED.items():
            if isinstance(one, refused):
                raise ConfigError(f"{group}.{name}: {refused.__name__} {reason}")
    return list(made.values())


def require_optimiser(factory: OptimiserFactory, net: nn.Module) -> None:
    """Refuse an optimiser that does not take the net's parameters before anything long starts.

    Raises:
        ConfigError: with the optimiser's own words.
    """
    try:
        factory(net.parameters())
    except (TypeError, ValueError) as error:
        raise ConfigError(f"optimizer: {' '.join(str(error).split())}") from error


def check_recipe(config: Mapping[str, Any], net: Any, augment: Any, averaging: Sequence[pl.Callback]) -> None:
    """Refuse parts that go together with others, and not with each other.

    Raises:
        ConfigError: naming both.
    """
    if config["score"] == "best" and any(isinstance(callback, LastEpochsMean) for callback in averaging):
        raise ConfigError("score=best with averaging=swa: the average is there at the end alone; take score=last")
    if net.uses_features and augment is not None and any(isinstance(part, Mixup) for part in augment.modules()):
        raise ConfigError("augment=mixup: it mixes windows and not the tracks' features; take a model without fusion")


def fit_statistics(net: Any, loss: Any, data: MoodDataModule) -> None:
    """Tell a net and a loss what they want to know of the training split before they are trained."""
    if net.uses_features:
        net.standardiser.fit(torch.from_numpy(data.training_features()))
    if getattr(net, "input_standardiser", None) is not None:
        net.input_standardiser.fit(batch.mel for batch in islice(data.train_dataloader(), FOR_STATISTICS))
    if hasattr(loss, "fit"):
        loss.fit(torch.from_numpy(data.split_targets("train")))


def make_trainer(
    node: Mapping[str, Any], speed: Speed, folder: Path, callbacks: Sequence[pl.Callback], loggers: Sequence[Logger]
) -> pl.Trainer:
    """Lightning's Trainer.

    Raises:
        ConfigError: for hardware that is not there or settings that exclude each other.
    """
    settings = {**node}
    plugins = [*map(build, settings.pop("plugins", None) or ()), AtomicCheckpointIO()]
    told = speed.trainer_arguments() | ({"benchmark": False} if settings.get("deterministic") else {})
    try:
        trainer: pl.Trainer = build(
            settings,
            default_root_dir=str(folder),
            callbacks=list(callbacks),
            logger=list(loggers),
            plugins=plugins,
            enable_checkpointing=any(isinstance(callback, pl.callbacks.Checkpoint) for callback in callbacks),
            **told,
        )
    except (MisconfigurationException, ValueError, TypeError) as error:
        raise ConfigError(f"trainer: {' '.join(str(error).split())}") from error
    if isinstance(trainer.strategy.launcher, _MultiProcessingLauncher):
        raise ConfigError(
            f"trainer.strategy={node['strategy']}: scores would stay in the processes that it starts; take trainer=ddp"
        )
    return trainer


def make_card(config: Mapping[str, Any], corpus: Corpus, cache_fingerprint: str = "") -> ModelCard:
    """What the checkpoints of a run say of it.

    Raises:
        ConfigError: where a checkpoint could not hold it.
    """
    card = ModelCard(
        tags=tuple(corpus.tags),
        features=tuple(corpus.feature_names),
        mel=asdict(corpus.mel),
        model=config["model"],
        windows=config["data"],
        threshold=config["threshold"],
        tagger=config["tagger"],
        seed=config["seed"],
        cache_fingerprint=cache_fingerprint,
    )
    try:
        require_plain(card.to_plain())
    except CheckpointError as error:
        raise ConfigError(f"model, data, threshold and tagger go into checkpoints, and {error}") from error
    return card


def make_data(config: Mapping[str, Any], corpus: Corpus, cache: MelCache) -> MoodDataModule:
    """The windows of all splits."""
    splits = {name: [track.track_id for track in tracks] for name, tracks in corpus.splits.items()}
    data: MoodDataModule = build(config["data"], cache=cache, splits=splits, seed=config["seed"])
    return data


def check_windows(windows: Mapping[str, Any], net: nn.Module) -> None:
    """Refuse window settings that cannot be used, before a cache is opened.

    Raises:
        ConfigError: for an impossible value, or a window that is too short for the network.
    """
    own = {name: windows[name] for name in DataSettings.__dataclass_fields__ if name in windows}
    settings: DataSettings = build({**own, "_target_": f"{DataSettings.__module__}.DataSettings"})
    if settings.window < int(net.min_frames):  # type: ignore[arg-type]
        raise ConfigError(f"data.window={settings.window}: the network takes {net.min_frames} frames or more")
