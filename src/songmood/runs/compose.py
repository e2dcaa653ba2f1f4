"""The composition root: a plain configuration becomes the objects of a run; below it there are only objects."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
from lightning_fabric.utilities.exceptions import MisconfigurationException
from pytorch_lightning.loggers import Logger
from pytorch_lightning.strategies.launchers import _MultiProcessingLauncher

from songmood.cache.read import MelCache
from songmood.config import build
from songmood.corpora.brought import BroughtFeatures
from songmood.corpora.corpus import Corpus
from songmood.errors import CheckpointError, ConfigError
from songmood.evaluation.thresholds import ThresholdRule
from songmood.loading.datamodule import MoodDataModule
from songmood.runs.processes import prepare_process
from songmood.runs.settings import check_optimiser, check_parts, check_settings, check_windows
from songmood.training.card import ModelCard
from songmood.training.checkpoints import AtomicCheckpointIO, EpochCheckpoints
from songmood.training.history import History
from songmood.training.optimisation.optimiser import OptimiserFactory
from songmood.training.speed import Speed, device_of
from songmood.training.tagger import Tagger
from songmood.training.thresholding import ThresholdFitting
from songmood.training.trust import require_plain, targets_of

Made = TypeVar("Made")

RECIPE = ("loss", "optimizer", "scheduler", "augment", "averaging")
FOR_STATISTICS = 500  # batches of the first epoch that inputs are standardised by


@dataclass(frozen=True)
class Run:
    """The objects of one training run, and what they were composed from."""

    name: str  # by which tables and trackers call it
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
    """Make every object of a run; what is quick to refuse is refused before the cache is opened or built.

    Args:
        config: `conf/train.yaml` with its overrides, as plain types.
        folder: the run folder.
    """
    check_settings(config)
    speed = make_speed(config)
    rule: ThresholdRule = build(config["threshold"])
    best_by = config["best_by"] if config["score"] == "best" else None
    checkpoints = EpochCheckpoints(folder / "checkpoints", config["report_epochs"], best_by)
    own = make_each(config, "callbacks", pl.Callback)
    averaging = [build(config["averaging"])] if config["averaging"] else []
    callbacks = [ThresholdFitting(rule), *own, *averaging, History(folder), checkpoints]
    loggers = make_each(config, "logger", Logger)  # type: ignore[type-abstract]
    trainer = make_trainer(config["trainer"], speed, folder, callbacks, loggers)

    corpus = make_corpus(config["corpus"])
    card, net, optimiser, parts = make_parts(config, corpus, speed, callbacks)
    if config["ckpt_path"] is not None:
        card.check_resumable(Path(config["ckpt_path"]))

    cache = corpus.open()  # from here on it may take long
    data = make_data(config, corpus, cache)
    if net.uses_features:
        corpus.check_features(cache)
    fit_statistics(net, parts.get("loss"), data, card.tags)
    speed.prepare(net)
    card = replace(card, cache_fingerprint=cache.fingerprint)
    tagger = build(config["tagger"], net=net, card=card, optimiser=optimiser, seed=config["seed"], **parts)
    return Run(config["name"], folder, config, rule, checkpoints, loggers, trainer, corpus, data, tagger)


def make_parts(
    config: Mapping[str, Any], corpus: Corpus, speed: Speed, callbacks: Sequence[pl.Callback] = ()
) -> tuple[ModelCard, Any, OptimiserFactory, dict[str, Any]]:
    """The card, the net, the optimiser's factory and the tagger's other parts, which need no cache.

    Raises:
        ConfigError: for parts that cannot be made, or do not go together.
    """
    pl.seed_everything(config["seed"], workers=True, verbose=False)
    card = make_card(config, corpus)
    net = card.make_net()
    card = card if net.uses_features else replace(card, features=())
    parts = {name: build(config[name]) for name in ("loss", "augment", "scheduler") if config[name]}
    clips_gradients = bool(config["trainer"].get("gradient_clip_val"))
    optimiser = speed.optimiser(build(config["optimizer"]), clips_gradients=clips_gradients)
    check_windows(config["data"], net)
    check_parts(config, net, parts.get("augment"), callbacks)
    check_optimiser(optimiser, net, parts.get("scheduler"))
    return card, net, optimiser, parts


def make_corpus(node: Mapping[str, Any]) -> Corpus:
    """Which tracks, tags and splits, and whose features."""
    settings = {**node}
    path = settings.pop("features_from", None)
    corpus: Corpus = build(settings)
    return corpus if path is None else BroughtFeatures(corpus, Path(path))


def check(config: Mapping[str, Any]) -> None:
    """Refuse what a run would refuse on any machine, and open its cache; a demo's or a folder's is built here.

    Args:
        config: as for `compose`; also `conf/evaluate.yaml`'s, of which less is looked at.
    """
    check_settings(config)
    corpus = make_corpus(config["corpus"])
    uses_features = False
    if "model" in config:
        build(config["threshold"])
        speed = Speed(**{**config["speed"], "precision": "32-true"}).on("cpu")  # which every machine has
        _, net, _, _ = make_parts(config, corpus, speed, make_each(config, "callbacks", pl.Callback))
        uses_features = net.uses_features
    cache = corpus.open()
    if uses_features:
        corpus.check_features(cache)


def make_speed(config: Mapping[str, Any]) -> Speed:
    """What makes a step fast on the device at hand; arranges what is settled once for a whole process."""
    prepare_process(config["threads"])
    speed = Speed(**config["speed"]).on(device_of(config["trainer"]["accelerator"]))
    speed.prepare_process()
    return speed


def make_each(config: Mapping[str, Any], group: str, kind: type[Made]) -> list[Made]:
    """The callbacks, or the loggers, that a group names; null takes one away.

    Raises:
        ConfigError: for what is none.
    """
    made = {name: build(node) for name, node in (config[group] or {}).items() if node is not None}
    for name, one in made.items():
        if not isinstance(one, kind):
            found = f"{type(one).__module__}.{type(one).__qualname__}"
            raise ConfigError(f"{group}.{name} is a {found}; expected a {kind.__name__} of Lightning's")
    return list(made.values())


def fit_statistics(net: Any, loss: Any, data: MoodDataModule, tags: Sequence[str]) -> None:
    """Tell a net and a loss what they want to know of the training split before they are trained."""
    if net.uses_features:
        net.standardiser.fit(torch.from_numpy(data.training_features()))
    if getattr(net, "input_standardiser", None) is not None:
        net.input_standardiser.fit(batch.mel for batch in islice(data.train_dataloader(), FOR_STATISTICS))
    targets = data.split_targets("train")
    if hasattr(loss, "fit"):
        loss.fit(torch.from_numpy(targets))
    if hasattr(loss, "fit_tracks"):
        loss.fit_tracks(data.track_ids["train"], tags)


def make_trainer(
    node: Mapping[str, Any], speed: Speed, folder: Path, callbacks: Sequence[pl.Callback], loggers: Sequence[Logger]
) -> pl.Trainer:
    """Lightning's Trainer.

    Raises:
        ConfigError: for hardware that is not there or settings that exclude each other.
    """
    settings = {**node}
    plugins = [*map(build, settings.pop("plugins", None) or ()), AtomicCheckpointIO()]
    try:
        trainer: pl.Trainer = build(
            settings,
            default_root_dir=str(folder),
            callbacks=list(callbacks),
            logger=list(loggers),
            plugins=plugins,
            enable_checkpointing=any(isinstance(callback, pl.callbacks.Checkpoint) for callback in callbacks),
            precision=speed.precision,
            benchmark=speed.cudnn_benchmark and not settings.get("deterministic"),
        )
    except (MisconfigurationException, ValueError, TypeError) as error:
        raise ConfigError(f"trainer: {' '.join(str(error).split())}") from error
    environment = trainer._accelerator_connector.cluster_environment
    if isinstance(environment, SLURMEnvironment):
        environment.auto_requeue = False  # Lightning's own would save in mid-epoch, from where no bit is repeated
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
        recipe=make_recipe(config),
    )
    try:
        require_plain(card.to_plain())
    except CheckpointError as error:
        raise ConfigError(f"model, data, threshold and tagger go into checkpoints, and {error}") from error
    return card


def make_recipe(config: Mapping[str, Any]) -> dict[str, Any]:
    """What a run must have in common with the checkpoint that it goes on from, as JSON has it: keys are text.

    The length of a run is not of that, but where one cycle spans it: torch keeps its number of steps.
    """
    recipe: dict[str, Any] = json.loads(json.dumps({part: config[part] or {} for part in RECIPE}, default=str))
    if any(target.endswith(".one_cycle") for target in targets_of(recipe["scheduler"])):
        recipe["length"] = {name: config["trainer"].get(name) for name in ("max_epochs", "max_steps")}
    return recipe


def make_data(config: Mapping[str, Any], corpus: Corpus, cache: MelCache) -> MoodDataModule:
    """The windows of all splits."""
    splits = {name: [track.track_id for track in tracks] for name, tracks in corpus.splits.items()}
    data: MoodDataModule = build(config["data"], cache=cache, splits=splits, seed=config["seed"])
    return data
