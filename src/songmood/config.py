"""Where the configuration files are, and how a part of one becomes an object."""

import difflib
import functools
import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from songmood.errors import ConfigError, SongmoodError

MOVED = {  # modules and functions that configurations and checkpoints of earlier versions name, and what they are now
    "songmood.data.datamodule": "songmood.loading.datamodule",
    "songmood.data.demo": "songmood.corpora.demo",
    "songmood.data.folder": "songmood.corpora.folder",
    "songmood.data.jamendo": "songmood.corpora.jamendo",
    "songmood.data.windows": "songmood.loading.windows",
    "songmood.models.convs.build_convs": "songmood.models.convs.Convs",
    "songmood.models.fa_resnet.build_fa_resnet": "songmood.models.fa_resnet.FaResNet",
    "songmood.models.probe.build_probe": "songmood.models.probe.Probe",
    "songmood.models.short_res.build_short_res": "songmood.models.short_res.ShortRes",
    "songmood.models.vggish.build_vggish": "songmood.models.vggish.VGGish",
}
GONE = {"songmood.loading.datamodule.MoodDataModule": {"worker_start"}}  # what such configurations say and nobody reads


def config_dir() -> Path:
    """The folder of Hydra configs: the clone's `conf`, or the copy inside an installed package."""
    packaged = Path(__file__).parent / "conf"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "conf"


def build(node: Mapping[str, Any], **runtime: Any) -> Any:
    """The object that a config node with a `_target_` describes; a factory where it says `_partial_`.

    Args:
        node: plain mapping, resolved.
        **runtime: keyword arguments that only the run knows; passed on as they are.

    Raises:
        SongmoodError: what the target's own checks raised, without Hydra's wrapping.
        ConfigError: when the target cannot be imported or takes no such argument.
    """
    if not isinstance(node, Mapping) or "_target_" not in node:
        raise ConfigError(f"{node!r} makes nothing: expected keys, one of them _target_, such as _target_=mine.Net")
    from hydra.errors import InstantiationException
    from hydra.utils import instantiate

    target, is_factory = node.get("_target_"), bool(node.get("_partial_"))
    try:
        factory = instantiate(renamed(node) | {"_partial_": True}, _convert_="all")
        _require_signature(factory, runtime, is_complete=not is_factory)
    except InstantiationException as error:
        if isinstance(error.__cause__, SongmoodError):
            raise error.__cause__ from None
        reason = " ".join(str(error.__cause__ or error).split())
        raise ConfigError(f"{target} cannot be made from the configuration: {reason}") from error
    except TypeError as error:
        raise ConfigError(f"{target} cannot be made from the configuration: {error}") from error
    if is_factory:  # without Hydra's wrapping: who calls it may look at what is settled
        return functools.partial(factory.func, *factory.args, **{**factory.keywords, **runtime})
    return factory(**runtime)


def _require_signature(factory: "functools.partial[Any]", runtime: Mapping[str, Any], *, is_complete: bool) -> None:
    """TypeError where a call would fail for its arguments' names; what a call itself raises keeps its traceback."""
    try:
        signature = inspect.signature(factory.func)
    except ValueError:  # of something built in, which does not tell
        return
    bind = signature.bind if is_complete else signature.bind_partial
    bind(*factory.args, **{**factory.keywords, **runtime})


def renamed(node: Any) -> Any:
    """A stored configuration as it would be written today: moved names by their present ones, without what is gone."""
    if isinstance(node, Mapping):
        now = {key: _present(child) if key == "_target_" else renamed(child) for key, child in node.items()}
        gone = GONE.get(str(now.get("_target_")), set())
        return {key: child for key, child in now.items() if key not in gone}
    return [renamed(child) for child in node] if isinstance(node, list) else node


def _present(target: Any) -> Any:
    for old, new in MOVED.items():
        if isinstance(target, str) and f"{target}.".startswith(f"{old}."):
            return new + target.removeprefix(old)
    return target


def closest(name: str, known: list[str]) -> str:
    """A hint such as ``"; did you mean 'window'?"``, empty where nothing is near."""
    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean '{near[0]}'?" if near else ""
