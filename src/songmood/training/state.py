"""What a checkpoint holds of a tagger beside the net, and how one that holds more or less is taken."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from songmood.errors import CheckpointError
from songmood.evaluation.quantiles import STEPS

FITTED = ("thresholds", "track_thresholds", "quantiles")  # after each validation; NaN until then
FOR_TRAINING = ("loss", "augment")  # parts that scoring does without


def register_fitted(tagger: nn.Module, num_tags: int) -> None:
    """Give a tagger the buffers that a validation fills, and a taste for checkpoints that lack or exceed its own."""
    for name in FITTED:
        shape = (num_tags, STEPS) if name == "quantiles" else (num_tags,)
        tagger.register_buffer(name, torch.full(shape, torch.nan))
    tagger.register_load_state_dict_pre_hook(_take)  # type: ignore[no-untyped-call]


def unfit(tagger: nn.Module) -> None:
    """Leave the tagger as if it had never been validated."""
    for name in FITTED:
        getattr(tagger, name).fill_(torch.nan)


def load_state(tagger: nn.Module, state: Mapping[str, Tensor], path: Path) -> None:
    """Put a checkpoint's weights and thresholds into a tagger.

    Raises:
        CheckpointError: they are of another net.
    """
    try:
        tagger.load_state_dict(state)
    except (RuntimeError, TypeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise CheckpointError(f"{path} does not hold the weights of its net: {reason}") from error


def _take(tagger: nn.Module, state: dict[str, Any], *_: Any) -> None:
    """Leave out tensors of a loss that is not there to score, and leave unfitted what an older version did not fit."""
    unused = tuple(f"{part}." for part in FOR_TRAINING if getattr(tagger, part) is None)
    for key in [key for key in state if unused and key.startswith(unused)]:
        del state[key]
    for name in FITTED:
        state.setdefault(name, torch.full_like(getattr(tagger, name), torch.nan))
