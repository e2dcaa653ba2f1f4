"""What a network must offer to be trained, saved, resumed and scored; songmood's own and anybody's."""

from collections.abc import Iterator
from typing import Protocol

from torch import Tensor, nn

from songmood.errors import ConfigError


class Net(Protocol):
    """A module that takes windows and returns logits, made by a builder that takes `num_tags` and `num_features`.

    Attributes:
        min_frames: the shortest window that it takes.
        uses_features: whether it takes features; it then has a `standardiser` with `fit(features)`, called once before
            training with (N, F) features of the training tracks, NaN where unknown. Where it has an
            `input_standardiser`, its `fit(windows)` is called with an iterable of training windows.
    """

    min_frames: int
    uses_features: bool

    def __call__(self, mel: Tensor, features: Tensor | None = None) -> Tensor:
        """Logits (B, L) of windows.

        Args:
            mel: (B, 1, 96, T) dB, T at least `min_frames`; a track must score the same alone and in a batch.
            features: (B, F); None for a net that does without.

        Raises:
            ValueError: T is below `min_frames`, or the features are missing.
        """


def require_frames(mel: Tensor, least: int) -> None:
    """Raise ValueError where windows (B, 1, 96, T) are shorter than a network takes."""
    if mel.shape[-1] < least:
        raise ValueError(f"a window of {mel.shape[-1]} frames is too short: this network needs at least {least}")


def require_net(net: object, name: str) -> None:
    """Refuse what cannot be used as a network.

    Args:
        net: what a builder returned.
        name: of the builder, for the message.

    Raises:
        ConfigError: naming what is missing, and what was expected.
    """
    if missing := list(_missing(net)):
        raise ConfigError(
            f"model._target_={name}: this net lacks {', '.join(missing)}; songmood.models.Net says what it must offer"
        )


def _missing(net: object) -> Iterator[str]:
    if not isinstance(net, nn.Module):
        yield f"being a torch.nn.Module (it is a {type(net).__name__})"
        return
    frames = getattr(net, "min_frames", None)
    if not isinstance(frames, int) or isinstance(frames, bool) or frames < 1:
        yield "min_frames (a whole number, 1 or more)"
    uses_features = getattr(net, "uses_features", None)
    if not isinstance(uses_features, bool):
        yield "uses_features (true or false)"
    elif uses_features and not callable(getattr(getattr(net, "standardiser", None), "fit", None)):
        yield "standardiser.fit (as it uses features)"
