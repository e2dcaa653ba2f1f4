"""The scalar settings of a run, checked before anything is loaded."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from songmood.errors import CheckpointError, ConfigError


@dataclass(frozen=True)
class Setting:
    """What a configuration key may hold.

    Attributes:
        key: dotted.
        expected: in words, for the error.
        is_valid: the same as a test.
    """

    key: str
    expected: str
    is_valid: Callable[[Any], bool]


def _whole(minimum: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= minimum


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _one_of(key: str, *choices: str) -> Setting:
    return Setting(key, "one of " + ", ".join(choices), lambda value: value in choices)


SETTINGS = (
    Setting("seed", "a whole number, 0 or more", _whole(0)),
    Setting("threads", "a whole number, 1 or more, or null", lambda value: value is None or _whole(1)(value)),
    Setting("optimizer.lr", "a number above 0", lambda value: _number(value) and value > 0),
    Setting("optimizer.eps", "a number above 0", lambda value: _number(value) and value > 0),
    Setting("optimizer.weight_decay", "a number, 0 or more", lambda value: _number(value) and value >= 0),
    Setting("trainer.max_epochs", "a whole number, 1 or more", _whole(1)),
    Setting("trainer.limit_train_batches", "some batches, or null for all", lambda value: value is None or value > 0),
    Setting("trainer.limit_test_batches", "some batches, or null for all", lambda value: value is None or value > 0),
    _one_of("trainer.accelerator", "auto", "cpu", "gpu", "cuda", "mps"),
    Setting(
        "report_epochs",
        "a list of epochs, counted from 1",
        lambda value: isinstance(value, list) and all(_whole(1)(epoch) for epoch in value),
    ),
    Setting(
        "trusted",
        "a list of packages, such as trusted=[mine]",
        lambda value: isinstance(value, list) and all(isinstance(name, str) for name in value),
    ),
    _one_of("score", "last", "best"),
    _one_of("split", "train", "validation", "test"),
    _one_of("windows", "same", "centre", "all"),
)

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


def check_settings(config: Mapping[str, Any]) -> None:
    """Check every scalar that the run itself reads.

    Args:
        config: the composed configuration, as plain types; keys that it lacks are passed over.

    Raises:
        ConfigError: naming the key, the value and what was expected.
        CheckpointError: for a `ckpt_path` that is not there.
    """
    for setting in SETTINGS:
        found, value = _look_up(config, setting.key)
        if found and not setting.is_valid(value):
            raise ConfigError(f"{setting.key}={value}: expected {setting.expected}")
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
