"""Weights that others have published: the task's VGG-ish baseline."""

import pickle
from pathlib import Path

import torch
from torch import Tensor

from songmood.errors import CheckpointError
from songmood.models.vggish import FILTERS, VGGish

EXPECTED = "expected the data set's VGG-ish weights, a state dict of conv_1 to conv_5, bn_init, bn_1 to bn_5 and dense"


def load_vggish_weights(path: str | Path) -> VGGish:
    """The VGG-ish baseline with its trained weights, in eval mode, from the file in the data set's repository.

    Its tags are in alphabetical order (``moodtheme_split.txt``), its windows 1,366 frames of float32 dB. Each
    convolution's bias goes into the running mean of the batch norm behind it, which takes it away again.

    Args:
        path: the ``.pth`` file.

    Raises:
        CheckpointError: the file is missing, unreadable, or holds another network.
    """
    published = _read_state_dict(Path(path))
    try:
        state = _renamed(published)
        net = VGGish(len(published["dense.bias"]))
        net.load_state_dict(state)
    except (KeyError, RuntimeError) as error:  # a key that is not there, a shape that does not fit
        reason = str(error).splitlines()[-1].strip()
        raise CheckpointError(f"{path} holds another network ({reason}): {EXPECTED}") from error
    return net.eval()


def _read_state_dict(path: Path) -> dict[str, Tensor]:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise CheckpointError(f"no weights at {path}: {EXPECTED}") from None
    except (OSError, EOFError, RuntimeError, ValueError, KeyError, pickle.UnpicklingError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise CheckpointError(f"{path} cannot be read ({reason}): {EXPECTED}") from error
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise CheckpointError(f"{path} holds no state dict: {EXPECTED}")
    return state


def _renamed(published: dict[str, Tensor]) -> dict[str, Tensor]:
    """Our names for the published weights, with the convolutions' biases folded into the running means."""
    state: dict[str, Tensor] = {}
    batch_norm = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    for part in batch_norm:
        state[f"norm.{part}"] = published[f"bn_init.{part}"]
    for block in range(len(FILTERS)):
        state[f"blocks.{block}.conv.weight"] = published[f"conv_{block + 1}.weight"]
        for part in batch_norm:
            state[f"blocks.{block}.norm.{part}"] = published[f"bn_{block + 1}.{part}"]
        mean = state[f"blocks.{block}.norm.running_mean"]
        state[f"blocks.{block}.norm.running_mean"] = mean - published[f"conv_{block + 1}.bias"]
    for part in ("weight", "bias"):
        state[f"out.{part}"] = published[f"dense.{part}"]
    return state
