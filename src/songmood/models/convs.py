"""lileonardo's plain network of MediaEval 2021: 3x3 convolutions on short crops.

The journey of a batch of crops of 128 frames:

    mel                                  (B,   1, 96, 128)   dB, standardised
    unit 1, stride 2                     (B,  64, 48,  64)
    unit 2                               (B,  64, 48,  64)
    unit 3                               (B, 128, 48,  64)
    max-pool 3, stride 2                 (B, 128, 24,  32)
    units 4 and 5, stride 2 each         (B, 256,  6,   8)
    unit 6                               (B, 256,  6,   8)
    unit 7, stride 2                     (B, 256,  3,   4)
    unit 8, kernel (3, 1), no padding    (B, 512,  1,   4)   one step for each 32 frames
    mean over the steps                  (B, 512)
    Dense, ReLU                          (B, 1024)
    Dense                                (B, L)              logits

A unit is dropout of whole channels -> convolution -> batch norm -> ReLU. It has 3,156,856 parameters for 56 tags, and a
step sees 103 frames, 2.2 s, and all bands. Its authors average the steps of a whole track by fours, and the outputs'
scores; so does ``data=crops``, which scores a track in crops of 128 frames side by side. A longer window is the mean of
all its steps.

Source: vibour/emotion-theme-recognition, 9d67d88, ``models/convs.py`` and ``models/modules.py``, which also says how
weights begin.
"""

from torch import Tensor, nn

from songmood.models.net import require_frames
from songmood.models.parts.settings import require_counts, require_dropouts
from songmood.models.parts.standardiser import InputStandardiser


class Unit(nn.Sequential):
    """Dropout of whole channels -> convolution -> batch norm -> ReLU; (B, before, F, T) to (B, after, F', T').

    A kernel is bands by frames; a map is padded for 3 by 3 alone.
    """

    def __init__(
        self, before: int, after: int, *, stride: int = 1, dropout: float = 0.0, kernel: tuple[int, int] = (3, 3)
    ) -> None:
        conv = nn.Conv2d(before, after, kernel, stride, padding=1 if kernel == (3, 3) else 0)
        nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
        super().__init__(nn.Dropout2d(dropout), conv, nn.BatchNorm2d(after), nn.ReLU())


class Convs(nn.Module):
    """The network; see the module's docstring.

    Args:
        num_tags: L.
        num_features: left aside.
        channels: of the first two units; the third has twice as many, the next four times, the last eight times.
        dropout: of whole channels, before each unit from the fourth.
        head_dropout: before each of the two dense layers.

    Raises:
        ConfigError: a value is impossible.
    """

    min_frames = 32  # one step
    uses_features = False

    def __init__(
        self,
        num_tags: int,
        num_features: int = 0,
        *,
        channels: int = 64,
        dropout: float = 0.2,
        head_dropout: float = 0.5,
    ) -> None:
        require_counts(num_tags=num_tags, channels=channels)
        require_dropouts(dropout=dropout, head_dropout=head_dropout)
        super().__init__()
        narrow, middle, wide, steps = (channels * factor for factor in (1, 2, 4, 8))
        self.input_standardiser = InputStandardiser()
        self.units = nn.Sequential(
            Unit(1, narrow, stride=2),
            Unit(narrow, narrow),
            Unit(narrow, middle),
            nn.MaxPool2d(3, stride=2, padding=1),
            Unit(middle, wide, stride=2, dropout=dropout),
            Unit(wide, wide, stride=2, dropout=dropout),
            Unit(wide, wide, dropout=dropout),
            Unit(wide, wide, stride=2, dropout=dropout),
            Unit(wide, steps, dropout=dropout, kernel=(3, 1)),  # 3 bands are left of 96
        )
        self.hidden = nn.Linear(steps, 2 * steps)
        self.out = nn.Linear(2 * steps, num_tags)
        self.dropout = nn.Dropout(head_dropout)
        nn.init.kaiming_normal_(self.hidden.weight, mode="fan_out", nonlinearity="relu")
        nn.init.xavier_normal_(self.out.weight)

    def forward(self, mel: Tensor, features: Tensor | None = None) -> Tensor:
        """Logits (B, L) of windows (B, 1, 96, T); features are left aside."""
        require_frames(mel, self.min_frames)
        steps = self.units(self.input_standardiser(mel)).squeeze(2)
        vector = self.dropout(steps.mean(dim=-1))
        logits: Tensor = self.out(self.dropout(self.hidden(vector).relu()))
        return logits
