"""Convolution blocks: 3x3 convolution, batch norm, ELU, max-pooling and dropout, computed pool first."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from songmood.models.parts.dropout import Dropout
from songmood.models.parts.pool_first import normalise_pooled


class ConvBlock(nn.Module):
    """Convolution -> batch norm -> ELU -> max-pool -> dropout; (B, C, F, T) to (B, D, F // pool, T // pool).

    Batch norm with ELU is monotone in each channel: rising where its gain is positive, falling where it is negative.
    With the channel's kernel multiplied by the sign of the gain, max-pooling therefore commutes with both. So the
    convolution is pooled at once; the statistics are still those of the whole convolution output, but normalising, ELU,
    dropout and their gradients only see the pooled map, 4 to 16 times smaller. Outputs, gradients and running
    statistics are those of the textbook order, and so is the state dict. (At a gain of exactly zero all positions tie:
    the outputs are equal, and any position's subgradient is right.)

    The convolution has no bias: batch norm takes it away again. Where the batch norm has become another (synchronised
    over processes, frozen by its own `eval()`, a cumulative mean), the block computes in the textbook order.

    Args:
        in_channels: channels of the input map.
        out_channels: channels of the output map.
        pool: pooling window and stride over (bands, frames); what does not fill a window is dropped.
        dropout: probability that a value of the pooled map is zeroed in training.
        epsilon: added to the variance.
        momentum: weight of the newest batch in the running statistics.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        pool: tuple[int, int],
        dropout: float = 0.0,
        epsilon: float = 1e-5,
        momentum: float = 0.1,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel_size=3, padding="same", bias=False)
        self.norm = nn.BatchNorm2d(out_channels, eps=epsilon, momentum=momentum)
        self.pool = pool
        self.pools_first = True
        self.dropout: nn.Dropout = Dropout(dropout)

    def forward(self, maps: Tensor) -> Tensor:
        """See the class."""
        return self._pool_first(maps) if self.pools_first and self._is_plain() else self._in_textbook_order(maps)

    def _is_plain(self) -> bool:
        """Whether the batch norm is the one that pooling first stands in for: not synchronised, frozen or averaging."""
        norm = self.norm
        is_tracking = norm.momentum is not None and norm.running_mean is not None and norm.affine
        return type(norm) is nn.BatchNorm2d and is_tracking and norm.training == self.training

    def _in_textbook_order(self, maps: Tensor) -> Tensor:
        activated = functional.elu(self.norm(self.conv(maps)))
        out: Tensor = self.dropout(functional.max_pool2d(activated, self.pool))
        return out

    def _pool_first(self, maps: Tensor) -> Tensor:
        norm = self.norm
        assert norm.running_mean is not None
        assert norm.running_var is not None
        sign = torch.where(norm.weight.detach() < 0, -1.0, 1.0).to(norm.weight.dtype)
        full = functional.conv2d(maps, self.conv.weight * sign[:, None, None, None], padding=1)
        gain = norm.weight * sign
        if self.training:
            pooled, mean, variance = normalise_pooled(full, self.pool, gain, norm.bias, norm.eps)
            self._remember(mean * sign, variance, full.numel() // full.shape[1])
        else:
            pooled = functional.max_pool2d(full, self.pool)
            mean, variance = norm.running_mean * sign, norm.running_var
            pooled = functional.batch_norm(pooled, mean, variance, gain, norm.bias, training=False, eps=norm.eps)
        out: Tensor = self.dropout(functional.elu(pooled))
        return out

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor, count: int) -> None:
        """Move the running statistics towards the batch's, with the unbiased variance as `nn.BatchNorm2d` does."""
        norm = self.norm
        assert norm.running_mean is not None
        assert norm.running_var is not None
        assert norm.num_batches_tracked is not None
        assert norm.momentum is not None
        norm.running_mean.lerp_(mean, norm.momentum)
        norm.running_var.lerp_(variance * (count / max(count - 1, 1)), norm.momentum)
        norm.num_batches_tracked.add_(1)


def use_textbook_blocks(net: nn.Module) -> None:
    """Have convolution blocks compute in the order that their name tells, of PyTorch's own parts; results stay."""
    for block in net.modules():
        if isinstance(block, ConvBlock):
            block.pools_first = False
            block.dropout = nn.Dropout(block.dropout.p).train(block.training)


def conv_blocks(
    filters: Sequence[int],
    pools: Sequence[tuple[int, int]],
    *,
    dropout: float = 0.0,
    epsilon: float = 1e-5,
    momentum: float = 0.1,
) -> nn.Sequential:
    """A stack of blocks from one input channel; see `ConvBlock` for the arguments."""
    channels = [1, *filters]
    sizes = zip(channels, channels[1:], pools, strict=False)  # one pair of channels fewer than channels
    return nn.Sequential(*(ConvBlock(before, after, pool, dropout, epsilon, momentum) for before, after, pool in sizes))
