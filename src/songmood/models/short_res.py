"""Won's short-chunk ResNet, on these spectrograms.

The journey of a batch of windows of 173 frames, 3.7 s, as its authors' are:

    mel                      (B,   1, 96, 173)   dB
    batch norm               (B,   1, 96, 173)
    block 1                  (B, 128, 48,  87)   each block halves both sides, upwards
    block 2                  (B, 128, 24,  44)
    block 3                  (B, 256, 12,  22)
    block 4                  (B, 256,  6,  11)
    block 5                  (B, 256,  3,   6)
    block 6                  (B, 256,  2,   3)
    block 7                  (B, 512,  1,   2)   one step for each 128 frames
    maximum over the steps   (B, 512)
    Dense, batch norm, ReLU  (B, 512)
    Dense                    (B, L)              logits

It has 12,107,322 parameters for 56 tags; a step sees 763 frames, 16.3 s, where a window has as many. Its authors'
spectrograms have 128 bands of 16 kHz sound, and come down to one band in the same seven blocks.

Source: minzwon/sota-music-tagging-models, ``ShortChunkCNN_Res``.
"""

from torch import Tensor, nn
from torch.nn import functional

from songmood.models.net import require_frames
from songmood.models.parts.settings import require_counts, require_dropouts


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with batch norm, the first of stride 2, beside one.

    From (B, before, F, T) to (B, after, F / 2, T / 2).
    """

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(before, after, 3, stride=2, padding=1),
            nn.BatchNorm2d(after),
            nn.ReLU(),
            nn.Conv2d(after, after, 3, padding=1),
            nn.BatchNorm2d(after),
        )
        self.beside = nn.Sequential(nn.Conv2d(before, after, 3, stride=2, padding=1), nn.BatchNorm2d(after))

    def forward(self, maps: Tensor) -> Tensor:
        """Both ways' sum, rectified."""
        both: Tensor = self.main(maps) + self.beside(maps)
        return both.relu()


class ShortRes(nn.Module):
    """The network, with PyTorch's starting weights; see the module's docstring.

    Args:
        num_tags: L.
        num_features: left aside.
        channels: of the first two blocks; the next four have twice as many, the last four times.
        dropout: before the output layer.

    Raises:
        ConfigError: a value is impossible.
    """

    min_frames = 129  # two steps, for batch norm needs two values of a channel even of a single window
    uses_features = False

    def __init__(self, num_tags: int, num_features: int = 0, *, channels: int = 128, dropout: float = 0.5) -> None:
        require_counts(num_tags=num_tags, channels=channels)
        require_dropouts(dropout=dropout)
        super().__init__()
        widths = [1, *(channels * factor for factor in (1, 1, 2, 2, 2, 2, 4))]
        self.norm = nn.BatchNorm2d(1)
        self.blocks = nn.Sequential(*map(ResidualBlock, widths, widths[1:]))
        self.hidden = nn.Linear(widths[-1], widths[-1])
        self.hidden_norm = nn.BatchNorm1d(widths[-1])
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(widths[-1], num_tags)

    def forward(self, mel: Tensor, features: Tensor | None = None) -> Tensor:
        """Logits (B, L) of windows (B, 1, 96, T); features are left aside."""
        require_frames(mel, self.min_frames)
        steps = self.blocks(self.norm(mel)).squeeze(2)
        hidden = self._normalised(self.hidden(steps.amax(dim=-1))).relu()
        logits: Tensor = self.out(self.dropout(hidden))
        return logits

    def _normalised(self, hidden: Tensor) -> Tensor:
        norm = self.hidden_norm
        if len(hidden) == 1:  # an epoch's last batch may be a single window, which has no statistics
            return functional.batch_norm(
                hidden, norm.running_mean, norm.running_var, norm.weight, norm.bias, False, eps=norm.eps
            )
        normalised: Tensor = norm(hidden)
        return normalised
