"""What is refused before anything is loaded: settings that mean nothing, and parts that do not go together."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pytorch_lightning.callbacks import BatchSizeFinder, Callback, LearningRateFinder, ModelPruning

from songmood.config import build
from songmood.errors import CheckpointError, ConfigError
from songmood.loading.settings import DataSettings
from songmood.models.augment.mixup import Mixup
from songmood.ranges import is_number, is_whole
from songmood.training.optimisation.averaging import LastEpochsMean
from songmood.training.optimisation.optimiser import OptimiserFactory, Schedule

Check = Callable[[Any], bool]


def _whole(minimum: int) -> Check:
    return lambda value: is_whole(value, minimum)


def _one_of(*choices: str) -> tuple[str, Check]:
    return "one of " + ", ".join(choices), lambda value: value in choices


def _list_of(what: str, is_valid: Check) -> tuple[str, Check]:
    return f"a list of {what}", lambda value: isinstance(value, list) and all(map(is_valid, value))


FLAG = ("true or false", lambda value: isinstance(value, bool))
BATCHES = ("some batches, or null for all", lambda value: value is None or value > 0)

SETTINGS: dict[str, tuple[str, Check]] = {  # what each dotted key may hold, in words for the error and as a test
    "seed": ("a whole number, 0 or more", _whole(0)),
    "threads": ("a whole number, 1 or more, or null", lambda value: value is None or _whole(1)(value)),
    "optimizer.lr": ("a number above 0", lambda value: is_number(value) and value > 0),
    "optimizer.eps": ("a number above 0", lambda value: is_number(value) and value > 0),
    "optimizer.weight_decay": ("a number, 0 or more", lambda value: is_number(value) and value >= 0),
    "averaging.decay": ("a number, 0 or more and below 1", lambda value: is_number(value) and 0 <= value < 1),
    "trainer.max_epochs": ("a whole number, 1 or more", _whole(1)),
    "trainer.limit_train_batches": BATCHES,
    "trainer.limit_test_batches": BATCHES,
    "trainer.accelerator": _one_of("auto", "cpu", "gpu", "cuda", "mps"),
    "score_test": FLAG,
    "report_epochs": _list_of("epochs, counted from 1", _whole(1)),
    "trusted": _list_of("packages, such as trusted=[mine]", lambda name: isinstance(name, str)),
    "pictures": FLAG,
    "score": _one_of("last", "best"),
    "split": _one_of("train", "validation", "test"),
    "windows": _one_of("same", "centre", "all"),
}

ELSEWHERE = {  # keys below trainer that a run settles itself, and where that is said
    "precision": "speed.precision",
    "benchmark": "speed.cudnn_benchmark",
    "logger": "the group logger, such as logger=csv or +logger.mine._target_=...",
    "callbacks": "the group callbacks, such as +callbacks.mine._target_=...",
    "default_root_dir": "hydra.run.dir",
    "enable_checkpointing": "report_epochs: a run always keeps its last checkpoint, to go on from",
    "fast_dev_run": "trainer=smoke",
    "barebones": "speed=plain logger=none",
}
REFUSED: dict[type[Callback], str] = {  # callbacks that a run cannot have, and why
    LearningRateFinder: "would train at a rate that no configuration says; sweep it, as -m optimizer.lr=1e-4,1e-3",
    BatchSizeFinder: "would train in batches that no configuration says; sweep them, as -m data.batch_size=32,64",
    ModelPruning: "renames the weights, so that no checkpoint could be scored",
}


def check_settings(config: Mapping[str, Any]) -> None:
    """Check every scalar that the run itself reads.

    Args:
        config: the composed configuration, as plain types; keys that it lacks are passed over.

    Raises:
        ConfigError: naming the key, the value and what was expected.
        CheckpointError: for a `ckpt_path` that is not there.
    """
    for key, (expected, is_valid) in SETTINGS.items():
        found, value = _look_up(config, key)
        if found and not is_valid(value):
            raise ConfigError(f"{key}={value}: expected {expected}")
    for key in ELSEWHERE.keys() & config["trainer"].keys() if "trainer" in config else ():
        raise ConfigError(f"trainer.{key} is not read from the configuration: say it as {ELSEWHERE[key]}")
    path = config.get("ckpt_path")
    if path is not None and not Path(path).is_file():
        raise CheckpointError(f"ckpt_path={path}: no such file; a run keeps its own in RUN/checkpoints/last.ckpt")


def _look_up(config: Mapping[str, Any], key: str) -> tuple[bool, Any]:
    node: Any = config
    for name in key.split("."):
        if not isinstance(node, Mapping) or name not in node:
            return False, None
        node = node[name]
    return True, node


def check_windows(windows: Mapping[str, Any], net: Any) -> None:
    """Refuse window settings that cannot be used.

    Raises:
        ConfigError: for an impossible value, or a window that is too short for the network.
    """
    own = {name: windows[name] for name in DataSettings.__dataclass_fields__ if name in windows}
    settings: DataSettings = build({**own, "_target_": f"{DataSettings.__module__}.DataSettings"})
    if settings.window < net.min_frames:
        raise ConfigError(f"data.window={settings.window}: the network takes {net.min_frames} frames or more")


def check_parts(config: Mapping[str, Any], net: Any, augment: Any, callbacks: Sequence[Callback]) -> None:
    """Refuse parts that each go together with others, and not with each other or with a run.

    Raises:
        ConfigError: naming them.
    """
    for callback in callbacks:
        for kind, reason in REFUSED.items():
            if isinstance(callback, kind):
                raise ConfigError(f"callbacks: {kind.__name__} {reason}")
        if config["score"] == "best" and isinstance(callback, LastEpochsMean):
            raise ConfigError("score=best with averaging=swa: the average is there at the end alone; take score=last")
    if net.uses_features and augment is not None and any(isinstance(part, Mixup) for part in augment.modules()):
        raise ConfigError("augment=mixup: it mixes windows and not the tracks' features; take a model without fusion")


def check_optimiser(factory: OptimiserFactory, net: Any, schedule: Any) -> None:
    """Refuse an optimiser that does not take the net's parameters, and a schedule that does not take the optimiser.

    Raises:
        ConfigError: with their own words.
    """
    try:
        optimiser = factory(net.parameters())
    except (TypeError, ValueError) as error:
        raise ConfigError(f"optimizer: {' '.join(str(error).split())}") from error
    if isinstance(schedule, Schedule):
        schedule.make(optimiser, lambda: 1_000_000)  # longer than any warm-up
