"""The paper's convolutional recurrent network, composed of its parts.

The journey of a batch of windows of 1,366 frames, with the paper's settings:

    mel                        (B,   1, 96, 1366)   dB, as distributed
    zero-padded left and right (B,   1, 96, 1440)   to whole time steps
    block 1, pool 2 x 2        (B,  64, 48,  720)
    block 2, pool 3 x 3        (B, 128, 16,  240)
    block 3, pool 4 x 4        (B, 128,  4,   60)
    block 4, pool 4 x 4        (B, 128,  1,   15)
    two GRU layers             (B,  15, 32)         one state for each 96 frames, 2.05 s
    last state, or attention   (B,  32)
    [and the features          (B,  32 + F)]        with feature fusion
    Dense tanh                 (B, 128)
    Dense                      (B, L)               logits
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from songmood.errors import ConfigError
from songmood.models.net import require_frames
from songmood.models.parts.blocks import conv_blocks
from songmood.models.parts.features import FeatureStandardiser
from songmood.models.parts.heads import HEADS
from songmood.models.parts.initialisation import initialise_like_keras
from songmood.models.parts.recurrent import PublishedRecurrent, Recurrent
from songmood.models.parts.settings import read_pools, require_choice, require_counts, require_dropouts, require_flags
from songmood.models.parts.standardiser import InputStandardiser
from songmood.models.parts.time_pooling import AttentionPooling, LastState

NUM_BANDS = 96  # mel bands of the data set's spectrograms
NO_FEATURES = (
    "model.fusion=true, but the tracks of this corpus have no features: take a model without fusion "
    "(model=crnn, model=crnn_attn) or a corpus with features"
)


class CRNN(nn.Module):
    """Convolution blocks, GRU layers, pooling over time and a head; see the module's docstring for the shapes.

    Args:
        blocks: (B, 1, 96, T) to (B, C, bands, T // min_frames).
        recurrent: (B, C, bands, steps) to (B, steps, H).
        time_pooling: (B, steps, H) to (B, H).
        head: (B, H) and the standardised features, or None, to logits (B, L).
        min_frames: frames per time step.
        standardiser: for the features; None for a network without.
        input_standardiser: for the windows; None to take them as they are, as the paper does.
    """

    def __init__(
        self,
        blocks: nn.Module,
        recurrent: Recurrent | PublishedRecurrent,
        time_pooling: nn.Module,
        head: nn.Module,
        *,
        min_frames: int,
        standardiser: FeatureStandardiser | None = None,
        input_standardiser: InputStandardiser | None = None,
    ) -> None:
        super().__init__()
        self.blocks = blocks
        self.recurrent = recurrent
        self.time_pooling = time_pooling
        self.head = head
        self.standardiser = standardiser
        self.input_standardiser = input_standardiser
        self.min_frames = min_frames
        self.uses_features = standardiser is not None

    def forward(self, mel: Tensor, features: Tensor | None = None) -> Tensor:
        """Logits (B, L) of windows (B, 1, 96, T); features (B, F) are left aside by a network without fusion."""
        windows = mel if self.input_standardiser is None else self.input_standardiser(mel)
        maps = self.blocks(pad_to_steps(windows, self.min_frames))
        with torch.autocast(mel.device.type, enabled=False):  # a thousandth of the work, and bf16 would cost digits
            states = self.recurrent(maps.to(self.recurrent.dtype))
            vector = self.time_pooling(states)
            logits: Tensor = self.head(vector, self._standardised(features))
        return logits

    def _standardised(self, features: Tensor | None) -> Tensor | None:
        if self.standardiser is None:
            return None
        if features is None:
            raise ValueError("this network fuses features with the spectrogram: it needs them beside each window")
        standardised: Tensor = self.standardiser(features)
        return standardised


def pad_to_steps(mel: Tensor, frames_per_step: int) -> Tensor:
    """Zeros on both sides of time up to whole steps: with 96 frames a step, 1,366 frames become 1,440.

    Raises:
        ValueError: there is not even one step's frames.
    """
    require_frames(mel, frames_per_step)
    missing = -mel.shape[-1] % frames_per_step
    return functional.pad(mel, (missing // 2, missing - missing // 2))


def build_crnn(
    num_tags: int,
    num_features: int = 0,
    *,
    attention: bool = False,
    fusion: bool = False,
    standardise: bool = False,
    head: str = "paper",
    filters: Sequence[int] = (64, 128, 128, 128),
    pools: Sequence[Sequence[int]] = ((2, 2), (3, 3), (4, 4), (4, 4)),
    gru_width: int = 32,
    hidden: int = 128,
    block_dropout: float = 0.1,
    head_dropout: float = 0.3,
) -> CRNN:
    """Compose a CRNN from plain values, with the paper's starting weights.

    Args:
        num_tags: L.
        num_features: F, the features that a track has; wanted with `fusion`, left aside without.
        attention: pool over time by attention instead of taking the last state.
        fusion: let the features of the track join the head.
        standardise: standardise the windows with the training split's mean and deviation.
        head: ``"paper"``, or ``"published"`` for what the paper's authors' code does, its GRU included.
        filters: channels of each block.
        pools: (bands, frames) that each block pools over.
        gru_width: units of each GRU layer.
        hidden: units of the head's tanh layer.
        block_dropout: dropout after each block.
        head_dropout: dropout in the head.

    Raises:
        ConfigError: a value is impossible, or fusion is asked for and there are no features.
    """
    require_counts(num_tags=num_tags, gru_width=gru_width, hidden=hidden)
    require_dropouts(block_dropout=block_dropout, head_dropout=head_dropout)
    require_flags(attention=attention, fusion=fusion, standardise=standardise)
    require_choice("head", head, HEADS)
    if fusion and num_features < 1:
        raise ConfigError(NO_FEATURES)
    sizes = read_pools(filters, pools, NUM_BANDS)
    bands = NUM_BANDS // math.prod(size[0] for size in sizes)  # floor(floor(x / a) / b) is floor(x / (a * b))
    fused = num_features if fusion else 0
    net = CRNN(
        conv_blocks(filters, sizes, dropout=block_dropout, epsilon=1e-3, momentum=0.01),  # Keras' batch norm
        (PublishedRecurrent if head == "published" else Recurrent)(filters[-1] * bands, gru_width),
        AttentionPooling(gru_width) if attention else LastState(),
        HEADS[head](gru_width, fused, num_tags, hidden, head_dropout),
        min_frames=math.prod(size[1] for size in sizes),
        standardiser=FeatureStandardiser(fused) if fusion else None,
        input_standardiser=InputStandardiser() if standardise else None,
    )
    initialise_like_keras(net)
    return net
