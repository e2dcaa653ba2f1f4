"""Loudness and noise: what a recording's level and its surroundings change."""

import math

import torch
from torch import Tensor, nn

from songmood.errors import ConfigError
from songmood.ranges import check_number

DB = 2.0  # the data set's values are 2 * 10 * log10 of a power
TO_LOG = math.log(10) / (10 * DB)  # from such a value to the natural logarithm of the power
DECIBELS = "decibels, 0 or more"


class Gain(nn.Module):
    """Each window louder or softer by up to so many decibels.

    Args:
        decibels: the largest change, of the sound; drawn uniformly in both directions.
    """

    def __init__(self, decibels: float = 6.0) -> None:
        super().__init__()
        check_number("augment.gain.decibels", decibels, lambda change: change >= 0, DECIBELS)
        self.decibels = decibels

    def forward(self, mel: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Windows (B, 1, 96, T), at other levels, and the targets as they are."""
        change = (2 * torch.rand(len(mel), 1, 1, 1, device=mel.device) - 1) * (DB * self.decibels)
        return mel + change, target


class ColouredNoise(nn.Module):
    """Noise added to the sound of each window, of a random level under it and a random tilt over the bands.

    The noise of a cell is exponentially distributed, as the power spectrum of Gaussian noise is.

    Args:
        loudest: decibels under the window's mean power of the loudest noise.
        softest: likewise of the softest; between the two it is uniform.
        tilt: decibels by which the highest band's noise may be above or under the lowest's, drawn uniformly.
    """

    def __init__(self, loudest: float = 10.0, softest: float = 40.0, tilt: float = 20.0) -> None:
        super().__init__()
        for name, level in (("loudest", loudest), ("softest", softest)):
            check_number(f"augment.noise.{name}", level, lambda _: True, "decibels under the sound, such as 10")
        if loudest > softest:
            raise ConfigError(f"augment.noise.loudest={loudest}: expected no more than softest={softest}")
        check_number("augment.noise.tilt", tilt, lambda tilt: tilt >= 0, DECIBELS)
        self.loudest = loudest
        self.softest = softest
        self.tilt = tilt

    def forward(self, mel: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Windows (B, 1, 96, T), noisier, and the targets as they are."""
        count, _, bands, frames = mel.shape
        log_power = mel * TO_LOG
        mean = torch.logsumexp(log_power, dim=(1, 2, 3), keepdim=True) - math.log(bands * frames)
        under, tilt = torch.rand(2, count, 1, 1, 1, device=mel.device)
        under = self.loudest + (self.softest - self.loudest) * under
        slope = (2 * tilt - 1) * self.tilt * torch.linspace(-0.5, 0.5, bands, device=mel.device)[:, None]
        slope = slope * (DB * TO_LOG)
        tilted = slope - slope.logsumexp(dim=2, keepdim=True) + math.log(bands)  # of the same power whatever the slope
        level = mean + tilted - under * (DB * TO_LOG)
        noise = torch.empty_like(log_power).exponential_().clamp_(min=1e-6).log_() + level
        return torch.logaddexp(log_power, noise) / TO_LOG, target
