"""A search space: Hydra's sweeps over intervals, ranges and choices, read as Optuna's distributions.

A space is a YAML mapping of keys, as they stand on a command line, to sweeps::

    optimizer.lr: tag(log, interval(1e-4, 1e-2))
    data.batch_size: choice(16, 32, 64)
    loss: choice(bce, focal)
    loss.gamma if loss=focal: interval(0.5, 4.0)

An interval is of real numbers, ``int(interval(1, 9))`` of whole ones, ``tag(log, ...)`` is drawn by orders of
magnitude. A key with ``if`` is part of a trial where the key above that it names has that value.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep, Transformer
from optuna import Trial
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from songmood.config import config_dir
from songmood.errors import ConfigError
from songmood.runs.configuration import FAULTS, one_line

IF = " if "


@dataclass(frozen=True)
class Parameter:
    """One line of a space.

    Attributes:
        name: as it stands there, ``loss.gamma if loss=focal``.
        distribution: what it is drawn from; choices as Hydra would write them.
    """

    name: str
    distribution: BaseDistribution

    @property
    def key(self) -> str:
        """What it sets, ``loss.gamma``."""
        return self.name.partition(IF)[0]

    @property
    def condition(self) -> str:
        """The override without which it is not there, ``loss=focal``; empty where it always is."""
        return self.name.partition(IF)[2]

    def edges(self) -> tuple[Any, ...]:
        """Every choice, or the two ends."""
        drawn = self.distribution
        if isinstance(drawn, CategoricalDistribution):
            return drawn.choices
        assert isinstance(drawn, FloatDistribution | IntDistribution)
        return drawn.low, drawn.high

    def suggest(self, trial: Trial) -> None:
        """Draw it; a value that the trial has already stays."""
        match self.distribution:
            case FloatDistribution() as drawn:
                trial.suggest_float(self.name, drawn.low, drawn.high, step=drawn.step, log=drawn.log)
            case IntDistribution() as drawn:
                trial.suggest_int(self.name, drawn.low, drawn.high, step=drawn.step, log=drawn.log)
            case CategoricalDistribution() as drawn:
                trial.suggest_categorical(self.name, drawn.choices)


@dataclass(frozen=True)
class Space:
    """What a study searches.

    Attributes:
        parameters: in the order of the file.
    """

    parameters: tuple[Parameter, ...]

    @classmethod
    def of(cls, lines: Mapping[str, Any]) -> "Space":
        """A space from names and sweeps.

        Raises:
            ConfigError: for what is no sweep, or a condition on what is not above it.
        """
        parameters: list[Parameter] = []
        for name, sweep in lines.items():
            parameter = Parameter(str(name), _distribution(str(name).partition(IF)[0], sweep))
            if parameter.condition and parameter.condition not in _conditions(parameters):
                raise ConfigError(f"{name}: no choice above is {parameter.condition}; expected KEY if KEY=CHOICE")
            parameters.append(parameter)
        return cls(tuple(parameters))

    def suggest(self, trial: Trial) -> None:
        """Draw all of a trial's parameters that it has not yet."""
        for parameter in self.parameters:
            if not parameter.condition or parameter.condition in overrides_of(trial.params):
                parameter.suggest(trial)


def read_space(path: Path) -> dict[str, Any]:
    """The lines of a space file, or of one that songmood ships, such as ``recipe``.

    Raises:
        ConfigError: it is not there, or is no mapping.
    """
    shipped = config_dir() / "space"
    found = path if path.is_file() else shipped / f"{path.stem}.yaml"
    try:
        lines = yaml.safe_load(found.read_text(encoding="utf-8"))
    except OSError as error:
        known = ", ".join(sorted(space.stem for space in shipped.glob("*.yaml")))
        raise ConfigError(f"--space {path}: no such file, and none of songmood's ({known})") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"--space {path}: {' '.join(str(error).split())}") from error
    if not isinstance(lines, dict) or not lines:
        raise ConfigError(f"--space {path}: expected keys and sweeps, such as optimizer.lr: interval(1e-4, 1e-2)")
    return lines


def overrides_of(params: Mapping[str, Any]) -> list[str]:
    """A trial's parameters as they stand on a command line."""
    return [f"{name.partition(IF)[0]}={value}" for name, value in params.items()]


def parse(override: str) -> Override:
    """An override by Hydra's grammar.

    Raises:
        ConfigError: it is none.
    """
    try:
        return OverridesParser.create().parse_override(override)
    except FAULTS as error:
        raise ConfigError(one_line(error)) from error


def _distribution(key: str, sweep: Any) -> BaseDistribution:
    override = parse(f"{key}={sweep}")
    value = override.value()
    try:
        if isinstance(value, IntervalSweep):
            is_whole = isinstance(value.start, int) and isinstance(value.end, int)
            kind = IntDistribution if is_whole else FloatDistribution
            return kind(value.start, value.end, log="log" in value.tags)  # type: ignore[arg-type]
        if isinstance(value, RangeSweep):
            return _range(list(override.sweep_iterator()), value.step)
        if override.is_choice_sweep():
            choices = override.sweep_iterator(transformer=Transformer.encode)
            return CategoricalDistribution([str(choice) for choice in choices])
    except ValueError as error:
        raise ConfigError(f"{key}: {sweep}: {error}") from error
    raise ConfigError(f"{key}: {sweep}: expected interval(...), range(...) or choice(...)")


def _range(values: Sequence[Any], step: float | None) -> BaseDistribution:
    """Hydra's range leaves its end out."""
    if not values:
        raise ValueError("there is nothing in it")
    low, high = min(values), max(values)
    if all(isinstance(value, int) for value in values):
        return IntDistribution(low, high, step=abs(int(step or 1)))
    return FloatDistribution(low, high, step=abs(step or 1))


def _conditions(parameters: Sequence[Parameter]) -> set[str]:
    return {
        f"{parameter.key}={choice}"
        for parameter in parameters
        if isinstance(parameter.distribution, CategoricalDistribution)
        for choice in parameter.edges()
    }
