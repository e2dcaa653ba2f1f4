"""What is refused before the first trial, and the trial that a search begins with: the configuration as it stands."""

from collections.abc import Sequence
from typing import Any

from omegaconf import OmegaConf
from optuna.distributions import CategoricalDistribution

from songmood.config import build
from songmood.corpora.corpus import Corpus
from songmood.errors import ConfigError, SongmoodError
from songmood.runs.compose import make_corpus, make_parts, make_speed
from songmood.runs.configuration import choices_of, compose_config, plain
from songmood.runs.settings import check_settings
from songmood.runs.tuning.space import Parameter, Space, parse

OF_THE_RUN = ("logger", "callbacks", "name")  # they name its folder, which is not there yet


def check_space(space: Space, overrides: Sequence[str]) -> None:
    """Make the parts of a run with every choice and at both ends of every interval, and see that there is a cache.

    Raises:
        SongmoodError: for the configuration itself, or naming the parameter whose value it does not take.
    """
    config = _configuration(overrides)
    corpus = make_corpus(config["corpus"])
    _check(config, corpus)
    for parameter in space.parameters:
        for edge in parameter.edges():
            given = [item for item in (parameter.condition, f"{parameter.key}={edge}") if item]
            try:
                _check(_configuration([*overrides, *given]), corpus)
            except SongmoodError as error:
                raise ConfigError(f"space: {parameter.name}, {edge}: {error}") from error
    corpus.open()  # builds what can be built, once for all trials


def beginning(space: Space, overrides: Sequence[str]) -> dict[str, Any] | None:
    """The configuration's own values as a trial's parameters; None where one of them is not in the space."""
    composed, choices = compose_config("train", overrides), choices_of("train", overrides)
    found: dict[str, Any] = {}
    for parameter in space.parameters:
        if parameter.condition and parameter.condition not in [f"{name}={value}" for name, value in found.items()]:
            continue
        value = _as_drawn(parameter, choices.get(parameter.key, OmegaConf.select(composed, parameter.key)))
        if value is None:
            return None
        found[parameter.name] = value
    return found


def _as_drawn(parameter: Parameter, value: Any) -> Any:
    """The value as the distribution has it; None where it has not."""
    drawn = parameter.distribution
    value = OmegaConf.to_container(value) if OmegaConf.is_config(value) else value
    if isinstance(drawn, CategoricalDistribution):
        return next((choice for choice in drawn.choices if parse(f"{parameter.key}={choice}").value() == value), None)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number and drawn._contains(drawn.to_internal_repr(value)) else None


def _configuration(overrides: Sequence[str]) -> dict[str, Any]:
    composed = compose_config("train", overrides)
    return plain(OmegaConf.masked_copy(composed, [str(key) for key in composed if key not in OF_THE_RUN]))


def _check(config: dict[str, Any], corpus: Corpus) -> None:
    check_settings(config)
    build(config["threshold"])
    make_parts(config, corpus, make_speed(config))
