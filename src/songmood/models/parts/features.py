"""Standardising the features of a track with the statistics of the training tracks."""

import torch
from torch import Tensor, nn


class FeatureStandardiser(nn.Module):
    """(B, F) to (B, F): each feature minus its mean over its standard deviation, absent values at the mean.

    The statistics are buffers: they travel in the state dict, so that a checkpoint standardises as its training did.
    Until `fit` they are mean 0 and deviation 1.

    A feature that is NaN or infinite becomes 0, the mean. One that is the same in all training tracks, or absent from
    all, has a deviation of 1: it says nothing and cannot explode.
    """

    mean: Tensor
    std: Tensor
    num_tracks: Tensor

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(num_features))
        self.register_buffer("std", torch.ones(num_features))
        self.register_buffer("num_tracks", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def fit(self, features: Tensor) -> None:
        """Take the statistics of the training tracks.

        Args:
            features: (N, F), one row a track, NaN where absent.

        Raises:
            ValueError: there is no row, or the number of columns is not F.
        """
        if features.ndim != 2 or len(features) == 0 or features.shape[1] != len(self.mean):
            expected = f"expected (N, {len(self.mean)}) with N >= 1"
            raise ValueError(f"cannot standardise by features of shape {tuple(features.shape)}: {expected}")
        values = features.double()
        there = values.isfinite()
        count = there.sum(dim=0).clamp(min=1)
        mean = values.where(there, 0.0).sum(dim=0) / count
        variance = (values - mean).where(there, 0.0).square().sum(dim=0) / count
        std = variance.sqrt()
        is_constant = std <= 1e-7 * mean.abs()  # what rounding leaves of equal float32 values
        self.mean.copy_(mean)
        self.std.copy_(std.where(~is_constant, 1.0))
        self.num_tracks.fill_(len(features))

    def forward(self, features: Tensor) -> Tensor:
        """Standardised `features`, 0 where they are not finite."""
        standardised = (features.to(self.mean.dtype) - self.mean) / self.std
        return standardised.where(features.isfinite(), 0.0)
