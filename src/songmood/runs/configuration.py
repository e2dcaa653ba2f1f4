"""The composed configuration: overrides in, plain types out, and what Hydra says of a fault in one line.

Only Hydra is imported here: a question about the configuration, or a fault in it, is answered before torch is loaded.
"""

import re
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from songmood.config import closest, config_dir
from songmood.errors import ConfigError

FAULTS = (HydraException, OmegaConfBaseException)  # what Hydra raises for a command line that cannot be composed

INTERRUPTED = 130  # the shell's status for a command that Ctrl-C ended


@contextmanager
def own_hydra() -> Iterator[Any]:
    """A Hydra that reads `conf`; what the caller's program has initialised is as before afterwards."""
    instance = GlobalHydra.instance()
    kept = instance.hydra
    instance.clear()
    try:
        with hydra.initialize_config_dir(str(config_dir()), version_base="1.3"):
            yield GlobalHydra.instance().hydra
    finally:
        GlobalHydra.instance().hydra = kept


def compose_config(config_name: str, overrides: Sequence[str], *, with_hydra: bool = False) -> DictConfig:
    """`conf/<config_name>.yaml` with the overrides, and with Hydra's own node if wanted, without running anything.

    Raises:
        ConfigError: for an override that does not fit.
    """
    try:
        with own_hydra():
            return hydra.compose(config_name, list(overrides), return_hydra_config=with_hydra)
    except FAULTS as error:
        raise ConfigError(one_line(error)) from error


def choices_of(config_name: str, overrides: Sequence[str]) -> dict[str, Any]:
    """Which option of each group the overrides choose, or which options.

    Raises:
        ConfigError: for an override that does not fit.
    """
    several = {
        group: override.value()
        for override in OverridesParser.create().parse_overrides(list(overrides))
        if isinstance(override.value(), list) and (config_dir() / (group := override.key_or_group)).is_dir()
    }
    choices = compose_config(config_name, overrides, with_hydra=True).hydra.runtime.choices
    return {str(group): option for group, option in choices.items()} | several


def plain(composed: DictConfig, *, resolve: bool = True) -> dict[str, Any]:
    """A composed configuration as plain types.

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


def as_written(overrides: Any) -> list[str]:
    """Overrides that a composed configuration keeps, with their interpolations as they are."""
    written = OmegaConf.to_container(overrides, resolve=False) if OmegaConf.is_config(overrides) else overrides
    assert isinstance(written, list | tuple)
    return [str(override) for override in written]


def quoted(value: object) -> str:
    """A text, such as a path with spaces, as the value of an override."""
    return "'" + str(value).replace("'", "\\'") + "'"


def as_typed(key: str, value: object) -> str:
    """An override as a shell takes it: where it must be, quoted for Hydra, and as a whole for the shell."""
    text = str(value)
    if not re.fullmatch(r"[\w./@+-]+", text, re.ASCII):
        text = '"' + text.replace('"', '\\"') + '"'
    return shlex.quote(f"{key}={text}")


def one_line(error: Exception) -> str:
    """What Hydra said in several lines, in one, with the nearest known key or option where there is one."""
    text = " ".join(line.strip() for line in str(error).splitlines() if line.strip())
    override = re.search(r"Could not override '([^']+)'(?:.*full_key: (\S+))?", text)
    if override:
        key = override[2] or override[1]
        return f"no key '{key}' in the configuration{_nearest_key(key)} (`--cfg job` lists all, `+{key}=...` adds it)"
    option = re.search(
        r"Could not find '([^']+)/([^/']+)'.*Available options in '[^']+': (.*?)(?: Config search|$)", text
    )
    if option:
        choices = option[3].split()
        return f"no {option[1]} '{option[2]}'{closest(option[2], choices)} (there are: {', '.join(choices)})"
    return text.removesuffix("full_key:").strip()


def _nearest_key(key: str) -> str:
    """A hint at the key that was meant, searched in the composed default configuration."""
    try:
        return closest(key, _keys(plain(compose_config("train", []), resolve=False), ""))
    except ConfigError:
        return ""


def _keys(node: Any, prefix: str) -> list[str]:
    if not isinstance(node, dict):
        return [prefix]
    nested = [key for name, child in node.items() for key in _keys(child, f"{prefix}.{name}" if prefix else str(name))]
    return [prefix, *nested] if prefix else nested
