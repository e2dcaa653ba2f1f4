"""Weights & Biases and the other loggers: made without a prompt, filled with the run's results, closed in any event."""

import logging
import netrc
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from songmood.errors import ConfigError
from songmood.evaluation.thresholds import ThresholdTable

if TYPE_CHECKING:
    from typing import TypeGuard

    from pytorch_lightning.loggers import Logger, WandbLogger
    from torch import nn

log = logging.getLogger(__name__)

MODES = ("auto", "online", "offline")
MODELS = (False, "best", "all")  # which checkpoints go to W&B


def wandb_logger(
    save_dir: str, project: str, mode: str = "auto", log_model: bool | str = False, **options: Any
) -> "WandbLogger":
    """A W&B logger that is online where a key is set, else offline; it never asks.

    Args:
        save_dir: the run folder.
        project: the W&B project.
        mode: ``auto``, ``online`` or ``offline``; the environment's ``WANDB_MODE`` goes first, as W&B has it.
        log_model: ``best``: the checkpoint that is scored goes along at the end; ``all``: every one that is kept.
        **options: passed to `wandb.init`.

    Raises:
        ConfigError: for another mode or choice of models, or for ``online`` where no key is set.
    """
    import wandb
    from pytorch_lightning.loggers import WandbLogger

    if mode not in MODES:
        raise ConfigError(f"logger.wandb.mode={mode}: expected one of {', '.join(MODES)}")
    if log_model not in MODELS:
        raise ConfigError(f"logger.wandb.log_model={log_model}: expected false, best or all")
    if mode == "online" and not has_key():
        raise ConfigError("logger.wandb.mode=online but no W&B key is set: set WANDB_API_KEY, or use mode=auto")
    is_offline = mode == "offline" or not has_key() or os.environ.get("WANDB_MODE") in ("offline", "disabled")
    settings = wandb.Settings(silent=is_offline)  # offline, all that it would say is how to upload: the README says it
    logger = WandbLogger(save_dir=save_dir, project=project, offline=is_offline, settings=settings, **options)
    logger._wandb_init.pop("anonymous", None)  # Lightning always sets it, and W&B warns of it once a run
    setattr(logger, "models", log_model)  # noqa: B010 - Lightning's own goes by callbacks of its own, and not offline
    return logger


def log_models(loggers: Iterable["Logger"], scored: Path) -> None:
    """Give W&B the checkpoints that it is to have; offline they are uploaded with the run.

    Args:
        loggers: the run's.
        scored: the checkpoint that the results are of; the others lie beside it.
    """
    for logger in loggers:
        if _is_wandb(logger) and (wanted := getattr(logger, "models", False)):
            import wandb

            artifact = wandb.Artifact(f"model-{logger.experiment.id}", type="model")
            for path in [scored] if wanted == "best" else sorted(scored.parent.glob("*.ckpt")):
                artifact.add_file(str(path))
            logger.experiment.log_artifact(artifact)


def has_key() -> bool:
    """Whether W&B finds credentials without asking: the environment's or the netrc file's."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    path = Path(os.environ.get("NETRC", "~/.netrc")).expanduser()
    try:
        return path.is_file() and any("wandb" in host for host in netrc.netrc(str(path)).hosts)
    except netrc.NetrcParseError:
        return False


def hyperparameters(config: Mapping[str, Any], net: "nn.Module") -> dict[str, Any]:
    """What trackers show of a run beside its curves: the configuration, and how many parameters the network has."""
    sizes = {True: 0, False: 0}  # parameters that are trained, and that are not
    for parameter in net.parameters():
        sizes[parameter.requires_grad] += parameter.numel()
    return {**config, "params": {"total": sum(sizes.values()), "trainable": sizes[True], "frozen": sizes[False]}}


def log_results(
    loggers: Iterable["Logger"],
    hyperparameters: Mapping[str, Any],
    metrics: Mapping[str, Any],
    thresholds: ThresholdTable,
    pictures: list[Path],
) -> None:
    """Give the loggers the final numbers; to W&B also the thresholds' table and the pictures.

    Args:
        loggers: the run's.
        hyperparameters: as they were logged; TensorBoard shows them beside the final numbers.
        metrics: the content of `metrics.json`.
        thresholds: with which tags are decided.
        pictures: PNG files.
    """
    summary = {
        f"final/{split}/{name}": value
        for split, scored in metrics.items()
        for name, value in scored.items()
        if isinstance(value, float)
    }
    for logger in loggers:
        logger.log_metrics(summary)
        if type(logger).__name__ == "TensorBoardLogger":
            logger.log_hyperparams(dict(hyperparameters), summary)
        if _is_wandb(logger):
            import wandb

            run = logger.experiment
            columns = (thresholds.tags, thresholds.thresholds.tolist(), thresholds.positives, thresholds.negatives)
            rows = [list(row) for row in zip(*columns, strict=True)]
            named = wandb.Table(columns=["tag", "threshold", "positives", "negatives"], data=rows)
            run.log({"thresholds": named})
            run.log({picture.stem: wandb.Image(str(picture)) for picture in pictures})


def close(loggers: Iterable["Logger"], has_failed: bool) -> None:
    """End every W&B run, so that the next job of a sweep starts its own."""
    if any(_is_wandb(logger) for logger in loggers):
        import wandb

        wandb.finish(exit_code=int(has_failed))


def _is_wandb(logger: "Logger") -> "TypeGuard[WandbLogger]":
    """By name: importing W&B to ask would cost half a second where nobody uses it."""
    return type(logger).__name__ == "WandbLogger"
