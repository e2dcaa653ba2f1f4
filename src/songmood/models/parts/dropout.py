"""Dropout whose random numbers are cheap on a CPU."""

import torch
from torch import Tensor, nn

STEPS = 2**16  # a 16-bit number for each value: the probability is a multiple of 1 / 65,536


class Dropout(nn.Dropout):
    """Zero each value with probability `p` in training, and scale up the others so that the mean stays.

    On a CPU `nn.Dropout` draws one random number after the other, which takes a good part of a training step. Here one
    64-bit number serves four values. Elsewhere, and under `torch.compile`, it is `nn.Dropout` itself.
    """

    def forward(self, values: Tensor) -> Tensor:
        """`values`, in training with some of them zeroed; the shape and memory format stay."""
        if not self.training or self.p == 0:
            return values
        if not values.is_cpu or torch.compiler.is_compiling():
            return super().forward(values)
        zeroed = min(round(self.p * STEPS), STEPS - 1)
        kept = torch.where(_sixteen_bits_like(values) >= zeroed - STEPS // 2, values, 0.0)
        return kept.mul_(STEPS / (STEPS - zeroed))


def _sixteen_bits_like(values: Tensor) -> Tensor:
    """Uniform int16 numbers, four to a draw, laid out in memory as `values` so that both are walked in step."""
    layout = torch.empty_like(values)  # dense, whatever gaps `values` has
    words = torch.empty(-(-values.numel() // 4), dtype=torch.int64).random_(-(2**63), None)
    return torch.as_strided(words.view(torch.int16), layout.shape, layout.stride())
