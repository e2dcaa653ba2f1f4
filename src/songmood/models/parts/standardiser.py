"""Standardising windows with the mean and the deviation of the training split."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn


class InputStandardiser(nn.Module):
    """Windows minus the training windows' mean over their standard deviation, one of each for all bands.

    Both are buffers: they travel in the state dict, so that a checkpoint standardises as its training did. Until `fit`
    they are 0 and 1. lileonardo's of MTG-Jamendo are -24.42 and 19.35.
    """

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("std", torch.ones(()))

    @torch.no_grad()
    def fit(self, windows: Iterable[Tensor]) -> None:
        """Take the statistics of windows.

        Args:
            windows: batches of any shape, in dB.
        """
        count, total, squares = 0, 0.0, 0.0
        for batch in windows:
            values = batch.double()
            count += values.numel()
            total += float(values.sum())
            squares += float(values.square().sum())
        mean = total / max(count, 1)
        deviation = max(squares / max(count, 1) - mean**2, 0.0) ** 0.5
        self.mean.fill_(mean)
        self.std.fill_(deviation or 1.0)

    def forward(self, windows: Tensor) -> Tensor:
        """`windows`, standardised."""
        return (windows - self.mean) / self.std
