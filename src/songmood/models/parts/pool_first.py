"""Max-pooling, then batch norm with the statistics of the map before pooling, as one differentiable function.

In terms of the full map x and the pooled map p, both (B, C, F, T), and N values a channel in x:

    z = gain * (p - mean(x)) / std(x) + bias

Its gradient on x is batch norm's own, with the gradient of z scattered to where the maxima came from:

    dx = gain / std * (scatter(dz) - sum(dz) / N - (x - mean) / std * sum(dz * (p - mean) / std) / N)

The sums run over the pooled map, since the scattered gradient is zero elsewhere. So x is read once forward for the
statistics, once for pooling, and once backward; autograd alone would walk over it eight times.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

aten = torch.ops.aten


def normalise_pooled(
    full: Tensor, pool: tuple[int, int], gain: Tensor, bias: Tensor, epsilon: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Max-pool a map and normalise it by the statistics of the whole.

    Args:
        full: (B, C, F, T), in any floating type.
        pool: pooling window and stride over (F, T).
        gain: (C,), applied after normalising; not negative, or pooling first would pick the wrong values.
        bias: (C,), added after that.
        epsilon: added to the variance.

    Returns:
        The normalised pooled map (B, C, F // pool, T // pool), and the mean and the biased variance of `full`, (C,)
        each, which carry no gradient.
    """
    pooled: tuple[Tensor, Tensor, Tensor] = _NormalisePooled.apply(full, pool, gain, bias, epsilon)  # type: ignore[no-untyped-call]
    return pooled


class _NormalisePooled(torch.autograd.Function):
    """See the module's docstring."""

    @staticmethod
    def forward(
        ctx: Any, full: Tensor, pool: tuple[int, int], gain: Tensor, bias: Tensor, epsilon: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        mean, variance = _statistics(full, gain.dtype)
        pooled, where = functional.max_pool2d(full, pool, return_indices=True)
        normalised = functional.batch_norm(pooled, mean, variance, gain, bias, training=False, eps=epsilon)
        ctx.save_for_backward(full, pooled, where, gain, mean, variance)
        ctx.pool = list(pool)
        ctx.epsilon = epsilon
        ctx.mark_non_differentiable(mean, variance)
        return normalised, mean, variance

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        full, pooled, where, gain, mean, variance = ctx.saved_tensors
        inverse = torch.rsqrt(variance + ctx.epsilon)
        _, on_gain, on_bias = aten.native_batch_norm_backward(  # statistics twice: CPUs read the first, CUDA the second
            gradients[0], pooled, gain, mean, variance, mean, inverse, False, ctx.epsilon, [False, True, True]
        )
        count = full.numel() // full.shape[1]
        slope = -gain * inverse.square() * on_gain / count
        offset = -gain * inverse * on_bias / count - slope * mean
        on_full = _affine(full, slope, offset)
        at_maxima = _add_scaled(_affine(pooled, slope, offset), gradients[0], gain * inverse)
        _positions(on_full).scatter_(1, _positions(where), _positions(at_maxima))
        return on_full, None, on_gain, on_bias, None


def _statistics(full: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Mean and biased variance of each channel, computed in `dtype` whatever the type of `full`."""
    if full.is_cpu and not torch.compiler.is_compiling():  # var_mean is 15 times slower there on channels_last
        zeros = torch.zeros(full.shape[1], dtype=dtype)
        mean, variance = torch.batch_norm_update_stats(full, zeros, zeros.clone(), 0.0)  # zeros say the dtype
    else:
        variance, mean = torch.var_mean(full.to(dtype), dim=(0, 2, 3), correction=0)
    return mean, variance


def _affine(maps: Tensor, slope: Tensor, offset: Tensor) -> Tensor:
    """`slope` times `maps` plus `offset` for each channel: as a batch norm, one pass that only rounds at its end."""
    zeros = torch.zeros_like(slope)
    return torch.batch_norm(maps, slope, offset, zeros, torch.ones_like(slope), False, 0.0, 0.0, False)


def _add_scaled(onto: Tensor, maps: Tensor, scale: Tensor) -> Tensor:
    """Add `maps` times `scale` (C,) in place.

    In bf16 the sum rounds once. Were the product rounded before, the far smaller `onto` would often vanish beside it,
    always in the same direction: the channels' gradients would no longer add up to zero, as batch norm's must, and the
    kernels before it would see a third more error than the textbook order's.
    """
    high = scale.to(maps.dtype)
    low = (scale - high).to(maps.dtype)  # bf16 holds `scale` in two parts; else this is zero
    return onto.addcmul_(maps, low[:, None, None]).addcmul_(maps, high[:, None, None])


def _positions(maps: Tensor) -> Tensor:
    """(B, C, F, T) seen as (B, F * T, C), in either memory order."""
    batch, channels, bands, frames = maps.shape
    return maps.permute(0, 2, 3, 1).view(batch, bands * frames, channels)
