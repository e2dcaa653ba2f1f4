"""A trained network with what it takes to use it: its tags, window, thresholds and scale."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from songmood.audio.features import AUDIO_FEATURES
from songmood.audio.parameters import MelParameters
from songmood.errors import CheckpointError, some
from songmood.training.card import ModelCard, read_checkpoint

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Network:
    """One trained network.

    Attributes:
        name: what results call it: ``vggish`` or the checkpoint's path.
        net: (B, 1, 96, T) and (B, F) or None to logits (B, L); in eval mode.
        config: the config node that built it, in the names of the day: a class that moves is the same network.
        tags: (L,) names, the order of its outputs.
        mel: the spectrogram that it was trained on.
        window: frames that it looks at, T.
        features: (F,) names of what it wants beside the spectrogram; empty for most.
        thresholds: (L,), +inf for a tag that is never decided; None where none were fitted.
        quantiles: (L, 101) of the scores of the set that percentiles refer to; None where there is no such table.
        scale: what thresholds and percentiles refer to, for people to read.
    """

    name: str
    net: nn.Module
    config: dict[str, Any]
    tags: tuple[str, ...]
    mel: MelParameters
    window: int
    features: tuple[str, ...]
    thresholds: Floats | None
    quantiles: Floats | None
    scale: str

    @cached_property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits that change with anything that moves a score, a decision or a percentile."""
        digest = hashlib.sha256()
        about = [self.config, self.tags, self.mel.to_dict(), self.window, self.features]
        digest.update(json.dumps(about, sort_keys=True).encode())
        for name, value in sorted(self.net.state_dict().items()):
            digest.update(name.encode() + value.detach().cpu().contiguous().numpy().tobytes())
        for array in (self.thresholds, self.quantiles):
            digest.update(b"-" if array is None else array.tobytes())
        return digest.hexdigest()[:16]

    @property
    def seconds(self) -> float:
        """Length of a window."""
        return self.window / self.mel.frames_per_second

    @property
    def unheard_features(self) -> tuple[str, ...]:
        """Features that it wants and that cannot be measured in audio here: they count as absent."""
        return tuple(name for name in self.features if name not in AUDIO_FEATURES)


def read_network(path: Path, trusted: Sequence[str] = ()) -> Network:
    """The network of a songmood checkpoint.

    Args:
        path: the ``.ckpt`` file.
        trusted: packages beside songmood whose classes the checkpoint may name.

    Raises:
        CheckpointError: it is missing, damaged, not one of songmood's, or names classes that are not trusted.
    """
    checkpoint = read_checkpoint(path)
    stored = checkpoint[ModelCard.KEY]
    card = ModelCard.from_plain(stored, path, trusted)
    state: dict[str, Tensor] = checkpoint["state_dict"]
    net = card.make_net()
    try:
        net.load_state_dict(
            {name.removeprefix("net."): value for name, value in state.items() if name.startswith("net.")}
        )
        mel, window = MelParameters(**card.mel), int(card.windows["window"])
    except (RuntimeError, TypeError, KeyError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise CheckpointError(f"{path} does not fit the network that its card describes: {reason}") from error
    thresholds, quantiles = (_fitted(state, name) for name in ("track_thresholds", "quantiles"))
    if thresholds is None:
        thresholds = _fitted(state, "thresholds")
    scale = "thresholds and percentiles: this model's validation tracks"
    if quantiles is None:
        scale = "thresholds: this model's validation tracks; no percentiles: the checkpoint was written without a table"
    return Network(
        str(path), net.eval(), stored["model"], card.tags, mel, window, card.features, thresholds, quantiles, scale
    )


def _fitted(state: dict[str, Any], name: str) -> Floats | None:
    """A buffer that a training run has filled; None where it has not, or did not know it yet."""
    if name not in state:
        return None
    values: Floats = state[name].double().numpy()
    return None if np.isnan(values).any() else values


def require_fit(networks: Sequence[Network]) -> None:
    """Whether the mean of these networks' scores means anything.

    Raises:
        CheckpointError: they have other tags, or listen to other spectrograms, or one does not listen to music at all.
    """
    for network in networks:
        if network.features and network.unheard_features == network.features:
            raise CheckpointError(
                f"{network.name} wants {some(network.features)}, which audio does not tell: score tracks whose vectors "
                f"you have with evaluate.py and corpus.features_from"
            )
    first = networks[0]
    for other in networks[1:]:
        if other.tags != first.tags:
            known = len(set(other.tags) & set(first.tags))
            raise CheckpointError(
                f"{other.name} and {first.name} cannot be averaged: of their {len(other.tags)} and {len(first.tags)} "
                f"tags {known} are the same, and the order counts"
            )
        if other.mel != first.mel:
            raise CheckpointError(
                f"{other.name} and {first.name} cannot be averaged: they listen to other spectrograms, {other.mel} "
                f"and {first.mel}"
            )


def mean_thresholds(networks: Sequence[Network]) -> Floats | None:
    """(L,) thresholds for the mean of networks' scores: the mean of theirs, so that what one never decides none does.

    None where a network has none.
    """
    fitted = [network.thresholds for network in networks if network.thresholds is not None]
    if len(fitted) < len(networks):
        return None
    mean: Floats = np.mean(fitted, axis=0)
    return mean


def output_layer(network: Network) -> nn.Linear:
    """The layer that gives the logits; what goes into it is the embedding.

    Raises:
        CheckpointError: the network has none that can be told.
    """
    layers = [layer for layer in network.net.modules() if isinstance(layer, nn.Linear)]
    found = [layer for layer in layers if layer.out_features == len(network.tags)]
    if not found:
        raise CheckpointError(f"{network.name} has no dense layer with {len(network.tags)} outputs: no embeddings")
    return found[-1]
