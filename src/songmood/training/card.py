"""The model card: what a checkpoint must say of itself to be used without a config file."""

from collections.abc import Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import nn

from songmood.config import build, renamed
from songmood.errors import CheckpointError
from songmood.models.net import require_net
from songmood.training.trust import require_plain, require_trusted, targets_of

BUILT = ("model", "windows", "threshold", "tagger")  # what objects are made from
ONE_WINDOW = "songmood.loading.windows.CentreWindow"
PLAIN = {"tags": list, "features": list, "seed": int, "cache_fingerprint": str}  # the others are dicts


@dataclass(frozen=True)
class ModelCard:
    """What the net was made from and for, as plain types.

    Attributes:
        tags: (L,) names, the order of the net's outputs.
        features: (F,) names, the order of its feature inputs; empty for a net without.
        mel: the spectrogram's parameters.
        model: the config node that builds the net.
        windows: how the run drew and scored windows.
        threshold: the rule that fitted the thresholds.
        seed: of the run.
        cache_fingerprint: of the corpus that it was trained on.
        tagger: the config node that builds the LightningModule around the net.
        recipe: the config nodes of what else moves the weights; nothing is built from them, and older cards have none.
    """

    KEY: ClassVar[str] = "songmood"
    SCHEMA: ClassVar[int] = 1

    tags: tuple[str, ...]
    features: tuple[str, ...]
    mel: dict[str, Any]
    model: dict[str, Any]
    windows: dict[str, Any]
    threshold: dict[str, Any]
    seed: int
    cache_fingerprint: str
    tagger: dict[str, Any] = field(default_factory=lambda: {"_target_": "songmood.training.tagger.Tagger"})
    recipe: dict[str, Any] = field(default_factory=dict)

    @property
    def uses_features(self) -> bool:
        """Whether the net takes features beside the spectrogram."""
        return bool(self.features)

    @property
    def validates_by_track(self) -> bool:
        """Whether validation is scored as the test is, a row a track, the mean of its windows.

        The paper's validation windows are rows of their own, drawn as those of training; its tests have one a track.
        """
        validation, test = (self.windows.get(f"{split}_sampling") for split in ("validation", "test"))
        return validation is not None or (test or {}).get("_target_", ONE_WINDOW) != ONE_WINDOW

    def make_net(self) -> nn.Module:
        """The net that the card describes, freshly initialised.

        Raises:
            ConfigError: it takes no `num_tags` or `num_features`, or is no net.
        """
        net: nn.Module = build(self.model, num_tags=len(self.tags), num_features=len(self.features))
        require_net(net, str(self.model["_target_"]))
        return net

    def to_plain(self) -> dict[str, Any]:
        """As what `torch.load(weights_only=True)` reads back."""
        plain = asdict(self) | {"schema": self.SCHEMA}
        return plain | {"tags": list(self.tags), "features": list(self.features)}

    def check_resumable(self, path: Path) -> None:
        """Compare the checkpoint at `path` with this card, of the run that wants to go on from it.

        Raises:
            CheckpointError: naming what differs: the tag set, the features, the spectrograms, the model, the windows or
                a part of the recipe.
        """
        named = targets_of([getattr(self, name) for name in BUILT])  # by the run's own configuration
        saved = ModelCard.from_plain(read_checkpoint(path)[self.KEY], path, named)
        saved.require_tags(self.tags, path)
        names = ("features", "mel", "model", "windows", "seed", "tagger")
        pairs = {name: (getattr(saved, name), getattr(self, name)) for name in names}
        pairs |= {name: (then, self.recipe.get(name)) for name, then in saved.recipe.items()}
        for name, (then, now) in pairs.items():
            if then != now:
                found = _difference(then, now)
                raise CheckpointError(f"{path}: its {name} is {found}; resume with the run's own configuration")

    def require_tags(self, wanted: Sequence[str], path: Path) -> None:
        """A score's column must mean the same tag on both sides.

        Args:
            wanted: the corpus's tags.
            path: of the checkpoint that this is the card of, for the message.

        Raises:
            CheckpointError: counting the tags and naming the first that differ.
        """
        if self.tags == tuple(wanted):
            return
        only = sorted(set(self.tags) ^ set(wanted))
        example = f" ({', '.join(only[:3])}{', ...' if len(only) > 3 else ''})" if only else " (another order)"
        raise CheckpointError(
            f"{path} was trained on another tag set: {len(self.tags)} tags there, {len(wanted)} in this corpus"
            f"{example}; use the corpus or the tag list that it was trained on"
        )

    @classmethod
    def from_plain(cls, plain: dict[str, Any], path: Path, trusted: Sequence[str] = ()) -> "ModelCard":
        """Read back what `to_plain` wrote.

        Args:
            plain: the checkpoint's card.
            path: the checkpoint, for messages.
            trusted: packages beside this one, or single targets, that the card may name.

        Raises:
            CheckpointError: where the card is of another schema, incomplete, no plain values, or names what is not
                trusted.
        """
        try:
            require_plain(plain)
            plain = renamed(plain)
            if not isinstance(plain, dict) or plain.get("schema") != cls.SCHEMA:
                raise CheckpointError(f"its model card is not of schema {cls.SCHEMA}, which this version reads")
            values = {field.name: plain.get(field.name) for field in fields(cls)}
            values = {name: value for name, value in values.items() if value is not None}
            needed = [field.name for field in fields(cls) if field.default_factory is MISSING]
            if missing := [name for name in needed if name not in values]:
                raise CheckpointError(f"its model card lacks {', '.join(missing)}; train again or use another file")
            if wrong := [name for name, value in values.items() if not isinstance(value, PLAIN.get(name, dict))]:
                raise CheckpointError(f"its model card's {wrong[0]} is {values[wrong[0]]!r}; train again")
            require_trusted([values.get(name) for name in BUILT], trusted)
        except CheckpointError as error:
            raise CheckpointError(f"{path}: {error}") from error
        return cls(**values | {"tags": tuple(plain["tags"]), "features": tuple(plain["features"])})


def _difference(then: object, now: object) -> str:
    if isinstance(then, dict) and isinstance(now, dict):
        keys = [key for key in sorted({*then, *now}, key=str) if then.get(key) != now.get(key)]
        return ", ".join(f"{key}={then.get(key)} (here {now.get(key)})" for key in keys[:3])
    return f"{then} (here {now})"


def read_checkpoint(path: Path) -> dict[str, Any]:
    """A checkpoint's content, on the CPU; nothing in the file is executed.

    Raises:
        CheckpointError: where the file is missing, damaged or not one of songmood's.
    """
    if not path.is_file():
        raise CheckpointError(f"no checkpoint at {path}; a run keeps its own in RUN/checkpoints/")
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a damaged file; each means the same to the user
        raise CheckpointError(
            f"{path} cannot be read as a checkpoint ({type(error).__name__}); is it whole?"
        ) from error
    if not isinstance(checkpoint, dict) or ModelCard.KEY not in checkpoint:
        raise CheckpointError(f"{path} is not a songmood checkpoint: it has no model card")
    return checkpoint
