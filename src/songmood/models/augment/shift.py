"""Shifts in time: a window begins earlier or later."""

import torch
from torch import Tensor, nn

from songmood.ranges import check_whole


class FrameShift(nn.Module):
    """Each window moved by up to so many frames; what leaves at one end comes in at the other.

    Args:
        frames: the largest shift, in both directions.
    """

    def __init__(self, frames: int = 48) -> None:
        super().__init__()
        check_whole("augment.shift.frames", frames, 0, "frames, such as 48")
        self.frames = frames

    def forward(self, mel: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Windows (B, 1, 96, T), shifted, and the targets as they are."""
        count, _, _, length = mel.shape
        shift = torch.randint(-self.frames, self.frames + 1, (count, 1), device=mel.device)
        source = (torch.arange(length, device=mel.device) - shift) % length
        return mel.gather(3, source[:, None, None].expand_as(mel)), target
