"""The task's VGG-ish baseline, convolutions only.

The journey of a batch of windows of 1,366 frames:

    mel                  (B,   1, 96, 1366)   dB, as distributed
    batch norm           (B,   1, 96, 1366)
    block 1, pool 2 x 4  (B,  64, 48,  341)
    block 2, pool 2 x 4  (B, 128, 24,   85)
    block 3, pool 2 x 4  (B, 128, 12,   21)
    block 4, pool 3 x 5  (B, 128,  4,    4)
    block 5, pool 4 x 4  (B,  64,  1,    1)
    mean over time       (B,  64)             of one step; longer windows have more
    Dense                (B, L)               logits
"""

import math

from torch import Tensor, nn

from songmood.models.net import require_frames
from songmood.models.parts.blocks import conv_blocks
from songmood.models.parts.settings import require_counts, require_dropouts

FILTERS = (64, 128, 128, 128, 64)
POOLS = ((2, 4), (2, 4), (2, 4), (3, 5), (4, 4))  # 96 bands, 1,280 frames


class VGGish(nn.Module):
    """Batch norm over the one input channel, convolution blocks, dropout and a dense layer; PyTorch's starting weights.

    Args:
        num_tags: L.
        num_features: left aside.
        dropout: probability that one of the 64 values before the dense layer is zeroed in training.

    Raises:
        ConfigError: a value is impossible.
    """

    uses_features = False
    min_frames = math.prod(frames for _, frames in POOLS)

    def __init__(self, num_tags: int, num_features: int = 0, *, dropout: float = 0.5) -> None:
        require_counts(num_tags=num_tags)
        require_dropouts(dropout=dropout)
        super().__init__()
        self.norm = nn.BatchNorm2d(1)
        self.blocks = conv_blocks(FILTERS, POOLS)
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(FILTERS[-1], num_tags)

    def forward(self, mel: Tensor, features: Tensor | None = None) -> Tensor:
        """Logits (B, L) of windows (B, 1, 96, T); features are left aside."""
        require_frames(mel, self.min_frames)
        maps = self.blocks(self.norm(mel))
        logits: Tensor = self.out(self.dropout(maps.flatten(1, 2).mean(dim=-1)))
        return logits
