"""CP-JKU's receptive-field-regularised, frequency-aware ResNet of 2019 (rho = 5).

The journey of a batch of windows of 1,366 frames:

    mel                               (B,   1, 96, 1366)   dB
    convolution 5x5, stride 2         (B, 128, 47,  682)   with batch norm and ReLU, as all of them
    stage 1: blocks 3,1 - 3,3         (B, 128, 11,  170)   a max-pool of 2 after each of the first two
             blocks 3,3 - 3,1         (B, 128,  5,   85)   and after the fourth
    stage 2: four blocks 1,1          (B, 256,  5,   85)
    stage 3: four blocks 1,1          (B, 512,  5,   85)
    convolution 1x1, batch norm       (B,   L,  5,   85)
    mean over bands and steps         (B,   L)             logits

"3,1" are the kernels of a residual block's two convolutions. In front of each of these stands one more channel, which
says how high a band is, from -1 up to 1: without it, so narrow a net could not tell bands apart. It has 3,600,368
parameters for 56 tags, and what is averaged sees 87 frames, 1.9 s, and 87 bands: the regularisation is that it sees no
more.

Source: kkoutini/cpjku_dcase19, eb20fcd, ``models/cp_faresnet.py``.
"""

import math

import torch
from torch import Tensor, nn

from songmood.models.net import require_frames
from songmood.models.parts.settings import require_counts
from songmood.models.parts.standardiser import InputStandardiser

KERNELS = (  # of the two convolutions of each block, for each stage
    ((3, 1), (3, 3), (3, 3), (3, 1)),
    ((1, 1), (1, 1), (1, 1), (1, 1)),
    ((1, 1), (1, 1), (1, 1), (1, 1)),
)
POOLED = (0, 1, 3)  # blocks of the first stage that a max-pool follows
NUM_BLOCKS = 12


class FrequencyAware(nn.Conv2d):
    """A convolution of a map (B, before, F, T) and of one more channel, the height of each band from -1 up to 1."""

    def __init__(self, before: int, after: int, kernel: int) -> None:
        super().__init__(before + 1, after, kernel, padding=kernel // 2, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        """(B, before, F, T) to (B, after, F, T); the kernel is 1 or 3 on both sides."""
        bands = maps.shape[2]
        height = torch.arange(bands, device=maps.device, dtype=maps.dtype) * (2 / bands) - 1
        channel = height[:, None].expand(maps.shape[0], 1, -1, maps.shape[3])
        return super().forward(torch.cat([maps, channel], dim=1))


class FrequencyAwareBlock(nn.Module):
    """Two frequency-aware convolutions beside the map itself, or beside its 1x1 convolution to other channels.

    From (B, before, F, T) to (B, after, F, T).
    """

    def __init__(self, before: int, after: int, kernels: tuple[int, int]) -> None:
        super().__init__()
        self.first = FrequencyAware(before, after, kernels[0])
        self.first_norm = nn.BatchNorm2d(after)
        self.second = FrequencyAware(after, after, kernels[1])
        self.second_norm = nn.BatchNorm2d(after)
        self.beside = nn.Sequential()
        if before != after:
            self.beside = nn.Sequential(nn.Conv2d(before, after, 1, bias=False), nn.BatchNorm2d(after))

    def forward(self, maps: Tensor) -> Tensor:
        """Both ways' sum, rectified."""
        hidden = self.first_norm(self.first(maps)).relu()
        out: Tensor = self.second_norm(self.second(hidden)) + self.beside(maps)
        return out.relu()


class FaResNet(nn.Module):
    """The network; see the module's docstring.

    Args:
        num_tags: L.
        num_features: left aside.
        channels: of the first stage; the second has twice as many, the third four times.

    Raises:
        ConfigError: a value is impossible.
    """

    min_frames = 87  # what one position sees
    uses_features = False

    def __init__(self, num_tags: int, num_features: int = 0, *, channels: int = 128) -> None:
        require_counts(num_tags=num_tags, channels=channels)
        super().__init__()
        self.input_standardiser = InputStandardiser()
        self.stem = nn.Sequential(
            nn.Conv2d(1, channels, 5, stride=2, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU()
        )
        layers: list[nn.Module] = []
        before = channels
        for stage, kernels in enumerate(KERNELS):
            for number, pair in enumerate(kernels):
                layers.append(FrequencyAwareBlock(before, channels * 2**stage, pair))
                before = channels * 2**stage
                if stage == 0 and number in POOLED:
                    layers.append(nn.MaxPool2d(2))
        self.blocks = nn.Sequential(*layers)
        self.out = nn.Sequential(nn.Conv2d(before, num_tags, 1, bias=False), nn.BatchNorm2d(num_tags))
        _initialise(self)

    def forward(self, mel: Tensor, features: Tensor | None = None) -> Tensor:
        """Logits (B, L) of windows (B, 1, 96, T); features are left aside."""
        require_frames(mel, self.min_frames)
        maps: Tensor = self.out(self.blocks(self.stem(self.input_standardiser(mel))))
        return maps.mean(dim=(2, 3))


def _initialise(net: FaResNet) -> None:
    """Fixup's start, as its authors' (Zhang et al., ICLR 2019): each block begins as the way beside it."""
    stem, out = net.stem[0], net.out[0]
    assert isinstance(stem, nn.Conv2d)
    assert isinstance(out, nn.Conv2d)
    nn.init.kaiming_normal_(stem.weight, nonlinearity="relu")
    nn.init.zeros_(out.weight)
    for block in net.blocks:
        if not isinstance(block, FrequencyAwareBlock):
            continue
        _draw(block.first, NUM_BLOCKS**-0.5)
        nn.init.zeros_(block.second.weight)
        if len(block.beside):
            _draw(block.beside[0], 1.0)


def _draw(conv: nn.Module, scale: float) -> None:
    assert isinstance(conv, nn.Conv2d)
    fan_out = conv.kernel_size[0] * conv.kernel_size[1] * conv.out_channels
    nn.init.normal_(conv.weight, std=scale * math.sqrt(2 / fan_out))
