"""What a checkpoint may name: a file that comes from anywhere must not decide which code runs.

Hydra calls whatever a `_target_` leads to, attribute by attribute: `songmood.training.card.torch.hub.load` is torch's.
So a card holds plain values, each target in it is one of songmood's builders or is defined in a package that the user
trusts by name, and nothing else is imported on the way to know that.
"""

import importlib
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any

from songmood.errors import CheckpointError

BUILDERS = frozenset(
    {
        "songmood.models.convs.Convs",
        "songmood.models.crnn.build_crnn",
        "songmood.models.fa_resnet.FaResNet",
        "songmood.models.probe.Probe",
        "songmood.models.short_res.ShortRes",
        "songmood.models.vggish.VGGish",
        "songmood.loading.datamodule.MoodDataModule",
        "songmood.loading.windows.AllWindows",
        "songmood.loading.windows.CentreWindow",
        "songmood.loading.windows.FreshWindows",
        "songmood.loading.windows.RandomWindows",
        "songmood.evaluation.rules.Elbow",
        "songmood.evaluation.rules.F1",
        "songmood.evaluation.rules.Fixed",
        "songmood.evaluation.rules.MicroF1",
        "songmood.evaluation.rules.OrganisersF1",
        "songmood.evaluation.rules.Prior",
        "songmood.evaluation.rules.Youden",
        "songmood.evaluation.shrinkage.ShrunkenF1",
        "songmood.training.tagger.Tagger",
    }
)
SCALARS = (str, int, float, bool, type(None))
DEEPEST, MOST_VALUES = 20, 20_000  # far above what a card of songmood's holds


def require_plain(card: Any) -> None:
    """Refuse what is no tree of dicts with text keys, lists and scalars.

    Raises:
        CheckpointError: for another type, or for a tree deeper or larger than any card.
    """
    for _ in _walk(card):
        pass


def require_trusted(node: Any, trusted: Sequence[str]) -> None:
    """Refuse a part of a card that would call what is not trusted.

    Args:
        node: plain; names that have moved since under their present ones.
        trusted: packages beside songmood, such as ``mine``, or single targets of theirs, such as ``mine.nets.Net``.

    Raises:
        CheckpointError: naming the first such target.
    """
    for key, value in _walk(node):
        if isinstance(value, str) and "${" in value:
            raise CheckpointError(f"its model card holds {value!r}, which is no value but an order to compute one")
        if key == "_target_" and not _is_trusted(value, trusted):
            package = str(value).partition(".")[0]
            raise CheckpointError(
                f"it names {value}, which is neither one of songmood's builders nor of a package that is trusted; if "
                f"you trust its authors, score with trusted=[{package}], or resume with the configuration that names it"
            )


def targets_of(node: Any) -> list[str]:
    """Every class or function that a configuration of the user's own names; whose it is, is for `require_trusted`."""
    if isinstance(node, dict):
        own = [str(node["_target_"])] if "_target_" in node else []
        return own + [target for child in node.values() for target in targets_of(child)]
    return [target for child in node for target in targets_of(child)] if isinstance(node, list) else []


def _walk(root: Any) -> Iterator[tuple[str | None, Any]]:
    """Each value below `root`, and its key where it is in a dict."""
    waiting: list[tuple[str | None, Any, int]] = [(None, root, 0)]
    count = 0
    while waiting:
        key, value, depth = waiting.pop()
        count += len(value) if isinstance(value, dict | list) else 0
        if depth > DEEPEST or count > MOST_VALUES:
            raise CheckpointError("its model card is deeper or larger than any of songmood's")
        if type(value) is dict:
            if not all(type(name) is str for name in value):
                raise CheckpointError("its model card has a key that is no text")
            waiting += [(name, child, depth + 1) for name, child in value.items()]
        elif type(value) is list:
            waiting += [(None, child, depth + 1) for child in value]
        elif type(value) not in SCALARS:
            raise CheckpointError(
                f"its model card holds a {type(value).__name__}; expected text, numbers, lists, dicts"
            )
        yield key, value


def _is_trusted(target: Any, trusted: Sequence[str]) -> bool:
    if not isinstance(target, str):
        return False
    if target in BUILDERS or target in trusted:
        return True
    if not all(segment.isidentifier() and not segment.startswith("__") for segment in target.split(".")):
        return False
    return any(_is_within(target, package) and _is_defined_in(target, package) for package in trusted)


def _is_defined_in(target: str, package: str) -> bool:
    """Whether the way to the target leads through the package's own modules, and the target is its own, too."""
    try:
        found: Any = importlib.import_module(package)
    except ImportError as error:
        raise CheckpointError(f"the trusted package {package} cannot be imported: {error}") from error
    try:
        for segment in target.removeprefix(package).split(".")[1:]:
            if isinstance(found, ModuleType) and not hasattr(found, segment):
                importlib.import_module(f"{found.__name__}.{segment}")
            found = getattr(found, segment)
            if isinstance(found, ModuleType) and not _is_within(found.__name__, package):
                return False
    except (ImportError, AttributeError):
        return False
    return callable(found) and _is_within(str(getattr(found, "__module__", "")), package)


def _is_within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")
