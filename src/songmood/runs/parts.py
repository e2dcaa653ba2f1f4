"""How the parts of a run are made from plain configuration."""

import logging
import multiprocessing
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from hydra.core.hydra_config import HydraConfig
from lightning_fabric.utilities.exceptions import MisconfigurationException
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.loggers import Logger
from torch import nn

from songmood.cache.read import MelCache
from songmood.config import build
from songmood.corpora.corpus import Corpus
from songmood.errors import ConfigError
from songmood.loading.datamodule import MoodDataModule
from songmood.loading.settings import DataSettings
from songmood.runs.console import quiet_libraries
from songmood.runs.ddp import start_processes_with_one_job
from songmood.training.card import ModelCard
from songmood.training.checkpoints import AtomicCheckpointIO
from songmood.training.speed import Speed, device_of
from songmood.training.tagger import OptimiserFactory

log = logging.getLogger(__name__)

DEFAULT_THREADS = torch.get_num_threads()  # one per core that this process may use, or what OMP_NUM_THREADS says


def plain(composed: DictConfig, *, resolve: bool = True) -> dict[str, Any]:
    """The composed configuration as plain types.

    Args:
        composed: by Hydra.
        resolve: put values in the place of interpolations; False leaves it as written, gaps too.

    Raises:
        ConfigError: naming a mandatory value that is not set, such as `corpus.root`, where it is resolved.
    """
    missing = sorted(OmegaConf.missing_keys(composed)) if resolve else []
    if missing:
        raise ConfigError(f"{missing[0]} is not set: give it on the command line, {missing[0]}=...")
    container = OmegaConf.to_container(composed, resolve=resolve)
    assert isinstance(container, dict)
    return {str(key): value for key, value in container.items()}


def prepare_process(config: Mapping[str, Any]) -> Speed:
    """Threads, quiet libraries, distributed start-up; decides what makes a step fast on the device at hand."""
    quiet_libraries()
    start_processes_with_one_job()
    _spawn_from_parallel_jobs()
    torch.set_num_threads(config["threads"] or DEFAULT_THREADS)
    speed = Speed(**config["speed"]).on(device_of(config["trainer"]["accelerator"]))
    speed.prepare_process()
    return speed


def _spawn_from_parallel_jobs() -> None:
    """A parallel sweep's job names a way to start processes that those it starts do not know (pytorch#44687)."""
    if multiprocessing.get_start_method(allow_none=True) not in (None, *multiprocessing.get_all_start_methods()):
        multiprocessing.set_start_method("spawn", force=True)


def choices(*groups: str) -> list[str]:
    """Which option of each group was chosen."""
    chosen = HydraConfig.get().runtime.choices
    return [str(chosen[group]) for group in groups]


def make_card_and_net(config: Mapping[str, Any], corpus: Corpus) -> tuple[ModelCard, nn.Module]:
    """What the checkpoint will say of the net, and the net.

    Raises:
        ConfigError: for a model that cannot be made, such as one that wants features that the corpus lacks.
    """
    card = ModelCard(
        tags=tuple(corpus.tags),
        features=tuple(corpus.feature_names),
        mel=asdict(corpus.mel),
        model=config["model"],
        windows=config["data"],
        threshold=config["threshold"],
        seed=config["seed"],
        cache_fingerprint="",
    )
    net = card.make_net()
    return (card if net.uses_features else replace(card, features=())), net


def check_windows(windows: Mapping[str, Any], net: nn.Module) -> None:
    """Refuse window settings that cannot be used, before a cache is opened.

    Raises:
        ConfigError: for an impossible value, or a window that is too short for the network.
    """
    settings: DataSettings = build({**windows, "_target_": f"{DataSettings.__module__}.DataSettings"})
    if settings.window < int(net.min_frames):  # type: ignore[arg-type]
        raise ConfigError(f"data.window={settings.window}: the network takes {net.min_frames} frames or more")


def make_data(windows: Mapping[str, Any], corpus: Corpus, cache: MelCache, seed: int) -> MoodDataModule:
    """The data module of a corpus."""
    splits = {name: [track.track_id for track in tracks] for name, tracks in corpus.splits.items()}
    data: MoodDataModule = build(windows, cache=cache, splits=splits, seed=seed)
    return data


def fit_standardiser(net: nn.Module, corpus: Corpus, cache: MelCache, data: MoodDataModule) -> None:
    """Give a net with features their mean and spread over the training tracks.

    Raises:
        CorpusError: the cache lacks features that the net takes.
    """
    if net.uses_features:
        corpus.check_features(cache)
        assert isinstance(net.standardiser, nn.Module)
        net.standardiser.fit(torch.from_numpy(data.training_features()))  # type: ignore[operator]


def make_optimiser(config: Mapping[str, Any], speed: Speed) -> OptimiserFactory:
    """The optimiser's factory, its update fused where that is wanted."""
    fused = {"fused": True} if speed.fused_optimizer else {}
    factory: OptimiserFactory = build(config["optimizer"], **fused)
    return factory


def callbacks(config: Mapping[str, Any]) -> list[pl.Callback]:
    """The callbacks that the configuration adds to those of every run."""
    return [build(node) for node in (config["callbacks"] or {}).values() if node]


def make_trainer(
    node: Mapping[str, Any], speed: Speed, folder: Path, callbacks: Sequence[pl.Callback], loggers: Sequence[Logger]
) -> pl.Trainer:
    """Lightning's Trainer.

    Raises:
        ConfigError: for hardware that is not there or settings that exclude each other.
    """
    try:
        trainer: pl.Trainer = build(
            node,
            default_root_dir=str(folder),
            callbacks=list(callbacks),
            logger=list(loggers),
            plugins=[AtomicCheckpointIO()],
            enable_checkpointing=any(isinstance(callback, pl.callbacks.Checkpoint) for callback in callbacks),
            **speed.trainer_arguments(),
        )
    except MisconfigurationException as error:
        raise ConfigError(f"trainer: {' '.join(str(error).split())}") from error
    return trainer


def interrupted(checkpoint: Path) -> SystemExit:
    """How an interrupted run ends: with the command that goes on."""
    log.error("interrupted; go on with ckpt_path=%s", checkpoint)
    return SystemExit(130)
