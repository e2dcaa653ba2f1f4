"""Mixup: each window becomes a mixture of itself and another one of its batch, and so do its targets."""

import torch
from torch import Tensor, nn
from torch.distributions import Beta

from songmood.ranges import check_number


class Mixup(nn.Module):
    """x becomes w x + (1 - w) x', and its target likewise, with x' drawn from the batch and w from Beta(alpha, alpha).

    The mixture is one of decibels, as in the submissions that used it. Losses that are linear in the targets, as those
    of `songmood.models.losses` are, are mixed alike. Source: Zhang et al., mixup: beyond empirical risk minimization,
    ICLR 2018.

    Args:
        alpha: of the Beta distribution, 0.01 or more: near 0 hardly anything is mixed, 1 is uniform.
        per_sample: draw a weight for each window, not one for the batch.
        keep_larger: take the larger of w and 1 - w, so that a window stays the greater part of its mixture.
    """

    def __init__(self, alpha: float = 0.2, *, per_sample: bool = False, keep_larger: bool = False) -> None:
        super().__init__()
        expected = "0.01 or more, such as 0.2; augment=none mixes nothing"  # torch draws 0.5 where both gammas are lost
        check_number("augment.mixup.alpha", alpha, lambda alpha: alpha >= 0.01, expected)
        self.alpha = alpha
        self.per_sample = per_sample
        self.keep_larger = keep_larger

    def forward(self, mel: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Windows (B, 1, 96, T) and targets (B, L), mixed."""
        count = len(mel)
        alpha = torch.full((count if self.per_sample else 1,), self.alpha, device=mel.device)
        weight = Beta(alpha, alpha, validate_args=False).sample()  # validating would wait for the device
        if self.keep_larger:
            weight = torch.maximum(weight, 1 - weight)
        other = torch.randperm(count, device=mel.device)
        mixed = torch.lerp(mel[other], mel, weight[:, None, None, None])
        return mixed, torch.lerp(target[other], target, weight[:, None])
